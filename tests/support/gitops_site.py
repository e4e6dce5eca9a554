"""What Applications of a Kubernetes cluster need: an API server and a Git server, for tests.

Neighbours: `kube` and `git_server` are the two; `app_world` is the same for a directory.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.git_server import GitServer, git_server
from tests.support.kube import KubeServer

__all__ = ["GitOpsSite", "gitops_site"]

DEPLOY = Path(__file__).parents[2] / "deploy"


def _repository_secret(name: str, url: str) -> dict[str, Any]:
    """Return the Secret that tells how a repository with a throw-away certificate is reached."""
    labels = {"argocd.argoproj.io/secret-type": "repository"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "argocd", "labels": labels},
        "stringData": {"url": url, "insecure": "true"},
    }


@dataclass(frozen=True)
class GitOpsSite:
    """Both servers; repositories are folders below `folder / "git"`."""

    folder: Path
    server: KubeServer
    git: GitServer

    def know(self, name: str) -> str:
        """Tell the cluster how a repository is reached; return its URL."""
        url = self.git.url(f"{name}/.git")
        secret = _repository_secret(name, url)
        self.server.admin.request("POST", "/api/v1/namespaces/argocd/secrets", secret)
        return url


@contextlib.contextmanager
def gitops_site(folder: Path, *namespaces: str) -> Iterator[GitOpsSite]:
    """Start both, with the CRDs of `deploy/`; KUBECONFIG leads there meanwhile.

    Args:
        folder: takes their files; it exists.
        namespaces: beside those of the service and of its Applications.
    """
    with contextlib.ExitStack() as stack:
        for name in ("kube", "git"):
            (folder / name).mkdir()
        server = KubeServer(folder / "kube")
        server.start()
        stack.callback(server.stop)
        for place in (DEPLOY / "crds", DEPLOY / "applications" / "crds.yaml"):
            server.admin.install_crds(place)
        for name in ("argocd", "secretsync-system", *namespaces):
            server.admin.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        git = stack.enter_context(git_server(folder / "git"))
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        environment.setenv("KUBECONFIG", str(server.kubeconfig))
        yield GitOpsSite(folder, server, git)
