"""Argo CD's repository Secrets: who logs in where.

`argocd.argoproj.io/secret-type: repository` is for one URL, and for one project if it names
one; `repo-creds` is for all URLs that begin with its own. Neighbours: `repo_logins` reads
them, `git_program` hands them to git, `chart_sources` to chart repositories.

Source: Argo CD 3.6, declarative setup, "Repositories" and "Repository credentials"; its
fields `enableOCI`, `enableLfs`, `proxy`, `githubApp*`, `gcpServiceAccountKey`,
`useAzureWorkloadIdentity`. `enableSubmodules` is ours: there it is one switch for all.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import unquote

from providers.base import SecretBytes

__all__ = [
    "SECRET_TYPE_LABEL",
    "Logins",
    "RepoCredentials",
    "RepoSecrets",
    "is_ambiguous",
    "normal_url",
    "plainest",
]

SECRET_TYPE_LABEL = "argocd.argoproj.io/secret-type"  # noqa: S105 - the name of a label
#: Where the host ends for whoever connects to it, slash or not.
_HOST_ENDS = re.compile(r"[/?#]")
#: `git@HOST:PATH`, as ssh takes it.
_SCP = re.compile(r"([^/:@]*@)([^/:@]*)(?:[:/]([^@]*))?")
_USUAL_PORTS = {"https": ":443", "ssh": ":22"}
_REPOSITORY, _TEMPLATE = "repository", "repo-creds"
#: Fields that change how a repository is reached, and that nobody serves.
_REFUSED = (
    *("proxy", "githubAppID", "githubAppPrivateKey", "gcpServiceAccountKey"),
    *("useAzureWorkloadIdentity", "insecureOCIForceHttp"),
)


@dataclass(frozen=True, slots=True)
class RepoCredentials:
    """How to log in to a repository; everything may be empty.

    Args:
        project: the only project whose applications may use it; "" for all.
        insecure: the server's certificate, or SSH host key, is not checked.
        lfs: files that Git LFS has elsewhere are fetched too.
        submodules: those of the repository are fetched too.
        oci: charts are in an OCI registry, although the URL does not say so.
        refused: what the Secret asks for and nobody serves; "" for nothing.
        ca_pem: the only authorities that are trusted; b"" for the system's.
        known_hosts: the only SSH hosts that are trusted; None for the system's.
    """

    username: str = ""
    password: SecretBytes | None = None
    bearer_token: SecretBytes | None = None
    ssh_private_key: SecretBytes | None = None
    tls_client_cert: bytes = b""
    tls_client_key: SecretBytes | None = None
    project: str = ""
    insecure: bool = False
    oci: bool = False
    lfs: bool = False
    submodules: bool = False
    refused: str = ""
    ca_pem: bytes = b""
    known_hosts: str | None = None


class Logins(Protocol):
    """Who logs in to a repository."""

    def find(self, url: str, project: str = "") -> RepoCredentials:
        """Return the login of a URL for a project, an empty one where there is none."""
        ...

    def forget(self) -> None:
        """Look for logins anew, when one is asked for."""
        ...


class RepoSecrets:
    """The repository Secrets of a namespace.

    Args:
        secrets: as the API gives them; what is no repository Secret is left out, and a
            value that is not base64 counts as absent.
    """

    def __init__(self, secrets: Iterable[Mapping[str, Any]] = ()) -> None:
        self._exact: dict[tuple[str, str], RepoCredentials] = {}
        self._prefixes: list[tuple[str, RepoCredentials]] = []
        for obj in secrets:
            kind = ((obj.get("metadata") or {}).get("labels") or {}).get(SECRET_TYPE_LABEL)
            data = {key: _decoded(value) for key, value in (obj.get("data") or {}).items()}
            written = data.get("url", b"").decode(errors="replace")
            url = normal_url(written)
            if not url:
                continue
            if kind == _REPOSITORY:
                found = _credentials(data)
                self._exact[url, found.project] = found
            elif kind == _TEMPLATE:
                end = "/" if written.strip().endswith("/") else ""
                self._prefixes.append((f"{url}{end}", _credentials(data)))
        self._prefixes.sort(key=lambda each: -len(each[0]))

    def find(self, url: str, project: str = "") -> RepoCredentials:
        """Return what is used for a URL: its own Secret, else the longest prefix that fits.

        A repository Secret without any login takes one from the templates, as in Argo CD.

        Args:
            project: its own Secret goes first; that of another project is nobody's.
        """
        wanted = normal_url(url)
        own = self._exact.get((wanted, project)) or self._exact.get((wanted, ""))
        if own is not None and _logs_in(own):
            return own
        for prefix, found in self._prefixes:
            if _covers(prefix, wanted) and found.project in ("", project):
                return found if own is None else _with_switches(found, own)
        return own or RepoCredentials()


def normal_url(url: str) -> str:
    """Return a repository's URL as comparisons take it: no `.git`, no last slash.

    `git@HOST:PATH` is `ssh://git@HOST/PATH`, and no URL over HTTPS, whose user does not count.

    Source: Argo CD 3.6, `NormalizeGitURL`; there the user of HTTPS and letter case do
    and do not count.
    """
    text = url.strip()
    if (scp := _SCP.fullmatch(text)) is not None:
        text = f"ssh://{scp[1]}{scp[2]}/{scp[3] or ''}"
    scheme, separator, rest = text.partition("://")
    if separator:
        end = _HOST_ENDS.search(rest)
        host, path = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
        user, at, name = host.rpartition("@")
        # Over SSH it is the account that the path is in; what follows a colon is no name.
        user = f"{user.partition(':')[0]}{at}" if scheme.lower() == "ssh" else ""
        text = f"{user}{name.lower()}{path}"
        # Argo CD's Secrets of registries have no scheme.
        text = text if scheme.lower() == "oci" else f"{scheme.lower()}://{text}"
    return text.rstrip("/").removesuffix(".git")


def plainest(url: str) -> str:
    """Return a URL without what many servers do not look at: a denial is of all its forms.

    Letter case, the user, the port where it is the usual one, and slashes beside slashes.
    """
    scheme, separator, rest = normal_url(url).lower().partition("://")
    if not separator:
        return scheme
    host, slash, path = rest.partition("/")
    name = host.rpartition("@")[2].removesuffix(_USUAL_PORTS.get(scheme, "/"))
    return f"{scheme}{separator}{name}{slash}{re.sub('//+', '/', path).lstrip('/')}"


def is_ambiguous(url: str) -> bool:
    """Return whether a repository's URL could be taken for that of another one.

    Rules and logins go by its text, and servers by what is left of it: `..` leads out of the
    folder that a rule gives, and what follows a `?` is no path.
    """
    if any(char <= " " or char in "\\\x7f" for char in url):
        return True
    local = url.lower().startswith("file:")
    if not local and ("?" in url or "#" in url or re.search("%(2f|5c|25)", url, re.IGNORECASE)):
        return True
    _, _, rest = url.partition("://")
    return any(part in (".", "..") for part in re.split("[/:]", unquote(rest or url)))


def _covers(prefix: str, wanted: str) -> bool:
    """Return whether a template is for a URL: of a host alone, for no longer name of one."""
    if not wanted.startswith(prefix):
        return False
    if "/" in (prefix.partition("://")[2] or prefix):
        return True
    return wanted[len(prefix) : len(prefix) + 1] in ("", "/")


def _with_switches(login: RepoCredentials, own: RepoCredentials) -> RepoCredentials:
    return replace(
        login,
        oci=own.oci or login.oci,
        lfs=own.lfs or login.lfs,
        submodules=own.submodules or login.submodules,
    )


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
        oci=text("enableOCI") == "true" or text("type") == "oci",
        lfs=text("enableLfs") == "true",
        submodules=text("enableSubmodules") == "true",
        refused=next((name for name in _REFUSED if text(name) not in ("", "false")), ""),
    )


def _decoded(value: Any) -> bytes:
    try:
        return base64.b64decode(value or "", validate=True)
    except (binascii.Error, ValueError, TypeError):
        return b""
