"""What the tests of submodules and of Git LFS share: repositories, their Secrets, a renderer."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from secretsync.cluster.base import KINDS
from secretsync.cluster.directory import DirectoryCluster
from secretsync.errors import ConfigError
from secretsync.gitops.processes.programs import Programs
from secretsync.gitops.render.rendering import Renderer
from secretsync.gitops.sources.charts import Charts
from secretsync.gitops.sources.git_program import GitProgram
from secretsync.gitops.sources.repo_logins import RepoLogins
from secretsync.gitops.sources.repositories import Repositories
from secretsync.resources.application import Application, parse_application
from secretsync.resources.application_spec import Source
from secretsync.resources.documents import Document, Origin
from tests.support.git_repository import GitRepository

__all__ = ["CANARY", "MAP", "Scene", "add", "head"]

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {a: '%s'}\n"
CANARY = "canary-77ab-must-not-show"


class Scene:
    """Repositories in a folder, and a renderer of the one named `shop`."""

    def __init__(self, folder: Path, base: str = "", ca_file: Path | None = None) -> None:
        self.folder = folder
        self.local = not base
        self.base = base or f"file://{folder}/served"
        now = datetime.now(UTC)
        self.cluster = DirectoryCluster(
            folder / "cluster", default_namespace="argocd", now=lambda: now
        )
        self.permitted: list[str] = []
        self.denied: set[str] = set()
        self.verified: list[str] = []
        self.git = GitProgram(local=self.local, ca_file=ca_file)
        self.repositories = Repositories(
            folder / "cache",
            self.git,
            local=self.local,
            logins=RepoLogins(self.cluster),
        )
        self.charts = Charts(folder / "charts")
        self.renderer = Renderer(
            self.repositories,
            Programs(),
            charts=self.charts,
            permit=self.permit,
            verify=self.verify,
        )
        self.shop = self.repository("shop")

    def close(self) -> None:
        self.charts.close()
        self.cluster.close()

    def repository(self, name: str, *maps: str) -> GitRepository:
        made = GitRepository(self.folder / "served" / name)
        made.commit({f"app/{each}.yaml": MAP % (each, 1) for each in maps})
        return made

    def url(self, name: str) -> str:
        return f"{self.base}/{name}/.git"

    def permit(self, app: Application, url: str) -> None:
        self.permitted.append(url)
        if url in self.denied:
            raise ConfigError(f"the project does not allow the repository {url}")

    def verify(self, app: Application, source: Source, revision: str) -> None:
        self.verified.append(revision)

    def ask_for(self, name: str = "shop", **data: str) -> None:
        """Have the repository's Secret ask for submodules."""
        given = {"url": self.url(name), "enableSubmodules": "true", **data}
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in given.items()}
        labels = {"argocd.argoproj.io/secret-type": "repository"}
        secret: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "data": encoded}
        secret["metadata"] = {"name": name, "namespace": "argocd", "labels": labels}
        self.cluster.apply(KINDS["Secret"], secret, field_manager="test")

    def maps(self, path: str = "app", **source: Any) -> dict[str, str]:
        self.renderer.forget()
        found = {"repoURL": self.url("shop"), "path": path, "targetRevision": "main", **source}
        value = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": "shop", "namespace": "argocd"},
            "spec": {
                "destination": {"name": "in-cluster", "namespace": "shop"},
                "project": "default",
                "source": found,
            },
        }
        parsed = parse_application(Document(value, Origin("app.yaml")), default_namespace="argocd")
        assert parsed.value is not None, parsed.problems
        objects = self.renderer.render(parsed.value).objects
        return {obj["metadata"]["name"]: obj["data"]["a"] for obj in objects}


def add(repository: GitRepository, path: str, url: str, commit: str) -> None:
    """Commit a submodule, as `git submodule add` does."""
    repository.git("config", "--file", ".gitmodules", f"submodule.{path}.path", path)
    repository.git("config", "--file", ".gitmodules", f"submodule.{path}.url", url)
    repository.git("add", ".gitmodules")
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
    repository.git("commit", "--quiet", "--message", "submodule")


def head(repository: GitRepository) -> str:
    return repository.git("rev-parse", "HEAD")
