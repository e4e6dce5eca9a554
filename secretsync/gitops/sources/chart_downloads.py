"""Requests to chart repositories, registries and Git LFS: HTTPS alone, within time and size.

A login goes to the server that it is for, and to no other that this one leads to. Neighbours:
`chart_repositories` and `chart_registries` ask, `providers.http` sends.
"""

from __future__ import annotations

import base64
import threading
from collections import Counter
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

from providers.addresses import Reach
from providers.base import (
    AccessDenied,
    AuthFailed,
    InvalidRef,
    MalformedSecret,
    ProviderError,
    SecretNotFound,
)
from providers.http import ClientCertificate, HttpAnswer, HttpClient, status_error
from providers.http_answers import REDIRECTS
from secretsync.gitops.errors import (
    GitOpsError,
    SourceError,
    SourceForbidden,
    SourceUnavailable,
)
from secretsync.gitops.sources.repo_credentials import RepoCredentials

__all__ = ["Downloads", "basic", "checked", "origin"]

DEADLINE_S = 60.0
_MAX_REDIRECTS = 5
_KEPT_CLIENTS = 64

_Identity = tuple[bytes, bytes, int]


class Downloads:
    """Sends requests; safe in threads."""

    def __init__(self, *, ca_pem: bytes = b"") -> None:
        self._ca_pem = ca_pem
        self._lock = threading.Lock()
        self._clients: dict[_Identity, HttpClient] = {}
        #: How often a server was asked, by what was asked for.
        self.requests: Counter[str] = Counter()

    def get(
        self,
        url: str,
        login: RepoCredentials,
        *,
        what: str,
        limit_bytes: int,
        headers: Mapping[str, str] | None = None,
        secret_headers: Mapping[str, str] | None = None,
        method: str = "GET",
        body: bytes | None = None,
    ) -> HttpAnswer:
        """Send a request, and follow where the server leads.

        Args:
            login: whose certificates are trusted and shown.
            what: names the request in counts.
            secret_headers: for the host of this URL alone.
            body: to send.

        Raises:
            SourceForbidden: the URL may not be asked.
            SourceUnavailable: there is no whole answer in time.
            SourceError: the answer is too large.
        """
        first = origin(url)
        for _ in range(_MAX_REDIRECTS + 1):
            sent = dict(headers or {})
            if origin(url) == first:
                sent |= secret_headers or {}
            self.requests[what] += 1
            try:
                shown = login if origin(url) == first else RepoCredentials(ca_pem=b"")
                client = self._client(shown, limit_bytes)
                answer = client.request(method, _https(url), headers=sent, body=body)
            except ProviderError as exc:
                error = _translated(exc)
            else:
                if answer.status not in REDIRECTS:
                    return answer
                url = urljoin(url, answer.headers.get("location", ""))
                continue
            raise error
        raise SourceUnavailable("the server redirects without end")

    def close(self) -> None:
        """Close the connections that were kept."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _client(self, login: RepoCredentials, limit_bytes: int) -> HttpClient:
        if login.insecure:
            raise SourceForbidden(
                "nothing is taken from servers whose certificate nobody checks",
                remedy="put its authority into argocd-tls-certs-cm, and drop insecure",
            )
        ca = login.ca_pem or self._ca_pem
        key = (ca, login.tls_client_cert, limit_bytes)
        with self._lock:
            found = self._clients.get(key)
            if found is None:
                if len(self._clients) >= _KEPT_CLIENTS:
                    self._clients.pop(next(iter(self._clients))).close()
                found = self._clients[key] = HttpClient(
                    ca_pem=ca or None,
                    client_cert=_certificate(login),
                    deadline_s=DEADLINE_S,
                    max_body_bytes=limit_bytes,
                    # Repositories are inside of networks as a rule; metadata services never.
                    reach=Reach.everywhere(),
                    redirects=0,
                )
            return found


def checked(answer: HttpAnswer, what: str) -> HttpAnswer:
    """Return an answer that is a success.

    Args:
        what: names what was asked for.

    Raises:
        GitOpsError: what the status means.
    """
    if answer.ok:
        return answer
    raise _translated(status_error(answer, what))


def basic(login: RepoCredentials) -> dict[str, str]:
    """Return the header of a login, {} without one."""
    if login.bearer_token is not None:
        return {"Authorization": f"Bearer {login.bearer_token.reveal().decode()}"}
    if login.password is None and not login.username:
        return {}
    password = login.password.reveal() if login.password is not None else b""
    pair = base64.b64encode(login.username.encode() + b":" + password).decode()
    return {"Authorization": f"Basic {pair}"}


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port, which a login is for.

    Raises:
        SourceForbidden: it is no URL.
    """
    try:
        parts = urlsplit(url)
        return parts.scheme.lower(), parts.hostname or "", parts.port or 443
    except ValueError:
        raise SourceForbidden("the server names no good URL") from None


def _https(url: str) -> str:
    if origin(url)[0] != "https":
        raise SourceForbidden(
            "charts and files are taken over https:// alone", remedy="correct repoURL"
        )
    return url


def _certificate(login: RepoCredentials) -> ClientCertificate | None:
    if not login.tls_client_cert or login.tls_client_key is None:
        return None
    return ClientCertificate(login.tls_client_cert, login.tls_client_key)


def _translated(error: ProviderError) -> GitOpsError:
    """Return what an error of a request means here; its text names no URL and no login."""
    if isinstance(error, AuthFailed | AccessDenied):
        return SourceForbidden(
            f"the server refuses the login ({error.message})",
            remedy="correct the repository Secret of this URL, or make one",
        )
    if isinstance(error, SecretNotFound):
        return SourceError(f"{error.message}", remedy="correct repoURL, chart and targetRevision")
    if isinstance(error, InvalidRef):
        return SourceForbidden(error.message, remedy="correct repoURL")
    if isinstance(error, MalformedSecret):
        return SourceError(error.message, remedy=error.remedy)
    return SourceUnavailable(error.message, remedy=error.remedy)
