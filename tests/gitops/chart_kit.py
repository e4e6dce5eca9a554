"""A server of charts and who asks it, for the tests of charts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from providers.base import SecretBytes
from secretsync.gitops.sources.chart_downloads import Downloads
from secretsync.gitops.sources.charts import ChartRef, Charts
from secretsync.gitops.sources.repo_credentials import RepoCredentials
from tests.support.chart_server import ChartServer

__all__ = ["CANARY", "Refs", "Scene", "both", "each_kind"]

CANARY = "canary-9f1c-must-not-show"


class Logins:
    """Logins by the beginning of a URL."""

    def __init__(self) -> None:
        self.known: dict[str, RepoCredentials] = {}

    def find(self, url: str, project: str = "") -> RepoCredentials:
        fitting = [one for start, one in self.known.items() if url.startswith(start)]
        return next((one for one in fitting if one.project in ("", project)), RepoCredentials())

    def forget(self) -> None:
        pass


class Scene:
    """A server of charts and who asks it."""

    def __init__(self, folder: Path, server: ChartServer) -> None:
        self.folder = folder
        self.server = server
        self.logins = Logins()
        self.now_s = 0.0
        self.all: list[Charts] = []
        self.charts = self.opened()

    def close(self) -> None:
        for charts in self.all:
            charts.close()

    def opened(self) -> Charts:
        made = Charts(
            self.folder / "cache",
            logins=self.logins,
            downloads=Downloads(ca_pem=self.server.web.ca_pem),
            clock=lambda: self.now_s,
        )
        self.all.append(made)
        return made

    def login(self, url: str, project: str = "") -> None:
        self.server.login = f"reader:{CANARY}"
        self.logins.known[url] = RepoCredentials(
            username="reader", password=SecretBytes(CANARY.encode()), project=project
        )

    @property
    def http(self) -> ChartRef:
        return ChartRef(self.server.url, "web")

    @property
    def oci(self) -> ChartRef:
        return ChartRef(self.server.registry, "web")

    def read(self, ref: ChartRef, version: str, project: str = "") -> dict[str, str]:
        with self.charts.laid_out(ref, version, project=project) as (tree, root):
            return {path: (root / path).read_text() for path, _ in tree.files("")}


def both(scene: Scene, version: str) -> None:
    scene.server.publish("web", version)
    scene.server.push("web", version)


Refs = Callable[[Scene], ChartRef]
BOTH: list[Refs] = [lambda scene: scene.http, lambda scene: scene.oci]
each_kind = pytest.mark.parametrize("kind", BOTH, ids=["http", "oci"])
