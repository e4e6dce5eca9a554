"""Logins of repositories out of the cluster, and whom they trust, read once a round.

Argo CD's repository Secrets, and its ConfigMaps of certificates and of SSH hosts. Only those
of the namespace that operators own count: a tenant's would redirect a login. Neighbours:
`repo_credentials` reads the Secrets, `repositories` and `chart_sources` ask.

Source: Argo CD 3.6, declarative setup, "Repositories using self-signed TLS certificates" and
"SSH known host public keys".
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from secretsync.cluster.base import KINDS, Cluster
from secretsync.errors import ClusterError
from secretsync.gitops.errors import SourceForbidden, SourceUnavailable
from secretsync.gitops.sources.repo_credentials import (
    SECRET_TYPE_LABEL,
    RepoCredentials,
    RepoSecrets,
)

__all__ = ["REPOSITORY_NAMESPACE", "RepoLogins"]

#: Where Argo CD has them.
REPOSITORY_NAMESPACE = "argocd"
CERTIFICATES = "argocd-tls-certs-cm"
KNOWN_HOSTS = "argocd-ssh-known-hosts-cm"
_SELECTOR = f"{SECRET_TYPE_LABEL} in (repository,repo-creds)"


class RepoLogins:
    """Finds who logs in to a repository; safe in threads."""

    def __init__(self, cluster: Cluster, namespace: str = REPOSITORY_NAMESPACE) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._lock = threading.Lock()
        self._known: RepoSecrets | None = None
        self._maps: dict[str, Mapping[str, str] | None] = {}

    def forget(self) -> None:
        """Begin a round: everything is read once more when it is asked for."""
        with self._lock:
            self._known = None
            self._maps.clear()

    def find(self, url: str, project: str = "") -> RepoCredentials:
        """Return the login of a URL, an empty one where there is none.

        Args:
            project: of the application that asks.

        Raises:
            SourceUnavailable: what there is cannot be read: nothing is known then.
            SourceForbidden: the Secret asks for something that is not served.
        """
        with self._lock:
            if self._known is None:
                self._known = self._secrets()
            found = self._known.find(url, project)
            if found.refused:
                raise SourceForbidden(
                    f"the repository Secret of this URL has {found.refused}, which is not served",
                    remedy="remove it, and log in with a password, a token or a key",
                )
            return self._trusting(found, url)

    def _trusting(self, found: RepoCredentials, url: str) -> RepoCredentials:
        if _over_ssh(url):
            hosts = self._map(KNOWN_HOSTS)
            known = None if hosts is None else hosts.get("ssh_known_hosts")
            return replace(found, known_hosts=known)
        pem = (self._map(CERTIFICATES) or {}).get(_host(url), "")
        return replace(found, ca_pem=pem.encode())

    def _secrets(self) -> RepoSecrets:
        try:
            page = self._cluster.list(KINDS["Secret"], self._namespace, label_selector=_SELECTOR)
        except ClusterError as exc:
            raise SourceUnavailable(f"repository Secrets cannot be read: {exc.message}") from exc
        return RepoSecrets(page.items)

    def _map(self, name: str) -> Mapping[str, str] | None:
        """Return the data of a ConfigMap, None where there is none."""
        if name not in self._maps:
            try:
                found = self._cluster.get(KINDS["ConfigMap"], self._namespace, name)
            except ClusterError as exc:
                raise SourceUnavailable(f"{name} cannot be read: {exc.message}") from exc
            data = None if found is None else found.get("data") or {}
            self._maps[name] = None if data is None else {k: str(v) for k, v in data.items()}
        return self._maps[name]


def _over_ssh(url: str) -> bool:
    return url.startswith("ssh://") or ("://" not in url.partition("/")[0] and "@" in url)


def _host(url: str) -> str:
    """Return the host as the ConfigMap names it: without its port."""
    try:
        return urlsplit(url if "://" in url else f"//{url}").hostname or ""
    except ValueError:
        return ""
