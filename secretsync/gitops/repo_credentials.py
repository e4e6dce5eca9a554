"""Argo CD's repository Secrets: who logs in where, and which servers are trusted.

`argocd.argoproj.io/secret-type: repository` is for one URL, `repo-creds` for all that begin
with its own. Neighbours: `git_program` hands them to git, `charts` to Helm repositories.

Source: Argo CD 3.6, declarative setup, "Repositories" and "Repository credentials".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from providers.base import SecretBytes

__all__ = ["SECRET_TYPE_LABEL", "RepoCredentials", "RepoSecrets", "normal_url"]

SECRET_TYPE_LABEL = "argocd.argoproj.io/secret-type"  # noqa: S105 - the name of a label
_REPOSITORY, _TEMPLATE = "repository", "repo-creds"


@dataclass(frozen=True, slots=True)
class RepoCredentials:
    """How to log in to a repository; everything may be empty.

    Args:
        project: the only project whose applications may use it; "" for all.
        insecure: the server's certificate, or SSH host key, is not checked.
    """

    username: str = ""
    password: SecretBytes | None = None
    bearer_token: SecretBytes | None = None
    ssh_private_key: SecretBytes | None = None
    tls_client_cert: bytes = b""
    tls_client_key: SecretBytes | None = None
    project: str = ""
    insecure: bool = False


class RepoSecrets:
    """The repository Secrets of a namespace.

    Args:
        secrets: as the API gives them; what is no repository Secret is left out, and a
            value that is not base64 counts as absent.
    """

    def __init__(self, secrets: Iterable[Mapping[str, Any]] = ()) -> None:
        self._exact: dict[str, RepoCredentials] = {}
        self._prefixes: list[tuple[str, RepoCredentials]] = []
        for obj in secrets:
            kind = ((obj.get("metadata") or {}).get("labels") or {}).get(SECRET_TYPE_LABEL)
            data = {key: _decoded(value) for key, value in (obj.get("data") or {}).items()}
            url = normal_url(data.get("url", b"").decode(errors="replace"))
            if not url:
                continue
            if kind == _REPOSITORY:
                self._exact[url] = _credentials(data)
            elif kind == _TEMPLATE:
                self._prefixes.append((url, _credentials(data)))
        self._prefixes.sort(key=lambda each: -len(each[0]))

    def find(self, url: str) -> RepoCredentials:
        """Return what is used for a URL: its own Secret, else the longest prefix that fits.

        A repository Secret without any login takes one from the templates, as in Argo CD.
        """
        wanted = normal_url(url)
        own = self._exact.get(wanted)
        if own is not None and _logs_in(own):
            return own
        for prefix, found in self._prefixes:
            if wanted.startswith(prefix):
                return found
        return own or RepoCredentials()


def normal_url(url: str) -> str:
    """Return a repository's URL as comparisons take it: no user, no `.git`, no last slash."""
    text = url.strip()
    scheme, separator, rest = text.partition("://")
    if separator:
        host, slash, path = rest.partition("/")
        text = f"{scheme.lower()}://{host.rpartition('@')[2].lower()}{slash}{path}"
    return text.rstrip("/").removesuffix(".git")


def _logs_in(found: RepoCredentials) -> bool:
    return bool(
        found.username
        or found.password
        or found.bearer_token
        or found.ssh_private_key
        or found.tls_client_cert
    )


def _credentials(data: Mapping[str, bytes]) -> RepoCredentials:
    def text(name: str) -> str:
        return data.get(name, b"").decode(errors="replace")

    def secret(name: str) -> SecretBytes | None:
        return SecretBytes(data[name]) if data.get(name) else None

    return RepoCredentials(
        username=text("username"),
        password=secret("password"),
        bearer_token=secret("bearerToken"),
        ssh_private_key=secret("sshPrivateKey"),
        tls_client_cert=data.get("tlsClientCertData", b""),
        tls_client_key=secret("tlsClientCertKey"),
        project=text("project"),
        insecure=text("insecure") == "true" or text("insecureIgnoreHostKey") == "true",
    )


def _decoded(value: Any) -> bytes:
    try:
        return base64.b64decode(value or "", validate=True)
    except (binascii.Error, ValueError, TypeError):
        return b""
