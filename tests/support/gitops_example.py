"""The example repository of Applications, made for a test: where it is, what is sealed in it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import yaml

from examples.gitops_repository import APPLICATIONS, SEALED, commit, make_repository
from sealing import Scope, make_certificate, seal_secret
from tests.sealing.kit import YEAR, vector_key

__all__ = ["ExampleRepository"]

#: In the value that is sealed, and nowhere else.
CANARY = "canary-smtp-4c1e"


class ExampleRepository:
    """A work tree of `examples/gitops`.

    Args:
        folder: must not exist.
        url: what Applications are to ask for it; "" for where it is.
    """

    def __init__(self, folder: Path, *, url: str = "") -> None:
        self.folder = folder
        self.url = url or f"file://{folder}"
        self.revision = make_repository(folder, url=self.url, more={SEALED: sealed_smtp()})

    @property
    def names(self) -> list[str]:
        """The Applications, but for the one that has them all."""
        return sorted(path.stem for path in (self.folder / APPLICATIONS).glob("*.yaml"))

    @property
    def root(self) -> Path:
        """The manifest of the application of applications."""
        return self.folder / "argocd" / "root.yaml"

    def commit(self, files: dict[str, str], message: str = "change") -> str:
        """Write files and commit them; return the commit."""
        self.revision = commit(self.folder, files, message=message)
        return self.revision


def sealed_smtp() -> str:
    """Return the manifest that is sealed for the vectors' key."""
    metadata = {"name": "smtp", "namespace": "mail"}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "stringData": {"SMTP_PASSWORD": CANARY},
    }
    now = datetime.now(UTC).replace(microsecond=0)
    made = make_certificate(
        vector_key(), not_before=now - YEAR / 100, not_after=now + YEAR, serial_number=7
    )
    return yaml.safe_dump(seal_secret(secret, made, now=now, scope=Scope.STRICT))
