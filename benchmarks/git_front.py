"""Git's own server program over HTTPS, and when it was asked for the refs of a repository."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.git_server import GitServer
from tests.support.kube_certs import CertificateAuthority
from tests.support.web import Reply, Request, WebServer

__all__ = ["GitFront"]


class GitFront:
    """Serves the repositories of a folder until it is closed."""

    def __init__(self, folder: Path) -> None:
        self._server = GitServer(folder, watched=False)
        self._server.web = WebServer(self._answer, authority=CertificateAuthority())
        #: `time.monotonic()` of each question for refs; a fetch asks it too.
        self.listed_at_s: list[float] = []

    def url(self, name: str) -> str:
        """Return the address of a repository."""
        return self._server.url(name)

    def certificates(self) -> dict[str, Any]:
        """Return the ConfigMap by which this server is trusted; nobody logs in to it."""
        host = urlsplit(self.url("")).hostname or ""
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "argocd-tls-certs-cm"},
            "data": {host: self._server.web.ca_pem.decode()},
        }

    def close(self) -> None:
        """Stop serving."""
        self._server.web.close()

    def _answer(self, request: Request) -> Reply:
        if b"command=ls-refs" in request.body:
            self.listed_at_s.append(time.monotonic())
        return self._server.answer(request)
