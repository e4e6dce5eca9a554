"""Logins of repositories out of the cluster: Argo CD's repository Secrets, read once a round.

Only Secrets of the namespace that operators own count: a tenant's would redirect a login.
Neighbours: `repo_credentials` reads them, `repositories` asks.
"""

from __future__ import annotations

import threading

from secretsync.cluster.base import KINDS, Cluster
from secretsync.errors import ClusterError
from secretsync.gitops.errors import SourceForbidden, SourceUnavailable
from secretsync.gitops.repo_credentials import SECRET_TYPE_LABEL, RepoCredentials, RepoSecrets

__all__ = ["REPOSITORY_NAMESPACE", "RepoLogins"]

#: Where Argo CD has them.
REPOSITORY_NAMESPACE = "argocd"
_SELECTOR = f"{SECRET_TYPE_LABEL} in (repository,repo-creds)"


class RepoLogins:
    """Finds who logs in to a repository; safe in threads."""

    def __init__(self, cluster: Cluster, namespace: str = REPOSITORY_NAMESPACE) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._lock = threading.Lock()
        self._known: RepoSecrets | None = None

    def forget(self) -> None:
        """Begin a round: the Secrets are read once more when one is asked for."""
        with self._lock:
            self._known = None

    def find(self, url: str) -> RepoCredentials:
        """Return the login of a URL, an empty one where there is none.

        Raises:
            SourceUnavailable: the Secrets cannot be read: whether there is one is not known.
            SourceForbidden: it belongs to another project; its applications may use it.
        """
        with self._lock:
            if self._known is None:
                self._known = self._read()
            found = self._known.find(url)
        if found.project not in ("", "default"):
            raise SourceForbidden(
                f"the login of this repository is for the project {found.project} alone, and "
                "repositories of projects are not served yet",
                remedy="remove project from the repository Secret, and let AppProjects say who may",
            )
        return found

    def _read(self) -> RepoSecrets:
        try:
            page = self._cluster.list(KINDS["Secret"], self._namespace, label_selector=_SELECTOR)
        except ClusterError as exc:
            raise SourceUnavailable(f"repository Secrets cannot be read: {exc.message}") from exc
        return RepoSecrets(page.items)
