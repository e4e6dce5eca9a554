"""OCI registries: tags of a chart, the manifest of one, and the archive that it names.

Everything is verified by its digest. Neighbours: `chart_downloads` sends, `charts` keeps
what comes.

Source: OCI Distribution Specification 1.1; Helm 3.19, "Use OCI-based registries"; the
token that a registry asks for: distribution's "Token Authentication Specification".
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urljoin

from providers.base import MalformedSecret
from providers.http_answers import HttpAnswer
from secretsync.gitops.errors import SourceError, SourceForbidden
from secretsync.gitops.sources.chart_downloads import Downloads, basic, checked
from secretsync.gitops.sources.chart_repositories import MAX_ARCHIVE_BYTES, ChartPlace
from secretsync.gitops.sources.repo_credentials import RepoCredentials

__all__ = ["DIGEST", "ChartRegistries", "registry_path"]

DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_LAYERS = (_CHART, "application/vnd.oci.image.layer.v1.tar+gzip")
_NAME = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*", re.ASCII)
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"', re.ASCII)
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?', re.ASCII)
_MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
_MAX_PAGES = 100
_UNAUTHORIZED = 401


def registry_path(url: str, chart: str) -> tuple[str, str]:
    """Return the host and the name in it.

    Args:
        url: with or without `oci://`.
        chart: "" where the URL names all of it.

    Raises:
        SourceError: no registry could have that.
    """
    host, _, path = (url.partition("://")[2] or url).strip("/").partition("/")
    name = "/".join(part for part in (path, chart) if part)
    if not host or not _NAME.fullmatch(name):
        raise SourceError(
            f"{url[:200]!r} and chart {chart[:100]!r} are no name in a registry",
            remedy="write repoURL as HOST/PATH, in small letters",
        )
    return host, name


class ChartRegistries:
    """Asks registries; safe in threads."""

    def __init__(self, downloads: Downloads) -> None:
        self._downloads = downloads
        self._lock = threading.Lock()
        self._tokens: dict[tuple[str, str], dict[str, str]] = {}

    def forget(self) -> None:
        """Begin a round: tokens live for minutes."""
        with self._lock:
            self._tokens.clear()

    def versions(self, place: ChartPlace, chart: str) -> list[str]:
        """Return the tags, as the versions that they stand for.

        Raises:
            GitOpsError: there is no such chart, or nobody answers.
        """
        return [tag.replace("_", "+") for tag in self._tags(place, chart)]

    def digest(self, place: ChartPlace, chart: str, tag: str) -> str:
        """Return the digest of the manifest that a tag names.

        Raises:
            GitOpsError: there is none, or nobody answers.
        """
        return self._manifest(place, chart, tag)[1]

    def archive(self, place: ChartPlace, chart: str, version: str) -> bytes:
        """Return the archive of a version, or of the digest of a manifest.

        Raises:
            GitOpsError: it is not to be had, or not what its digest says.
        """
        manifest, _ = self._manifest(place, chart, version.replace("+", "_"))
        layers = [
            each
            for each in manifest.get("layers") or ()
            if isinstance(each, dict) and each.get("mediaType") in _LAYERS
        ]
        charts = [each for each in layers if each["mediaType"] == _CHART] or layers
        if len(charts) != 1:
            raise SourceError(
                f"{version[:100]} of the registry holds {len(charts)} charts or folders",
                remedy="push one chart, or one layer of files",
            )
        digest = str(charts[0].get("digest") or "")
        if not DIGEST.fullmatch(digest):
            raise _damaged("the digest of a layer is no SHA-256")
        answer = self._get(place, chart, f"blobs/{digest}", limit_bytes=MAX_ARCHIVE_BYTES)
        _verify(answer.body, digest)
        return answer.body

    def _tags(self, place: ChartPlace, chart: str) -> Iterator[str]:
        target, seen = "tags/list?n=1000", 0
        while target:
            answer = self._get(place, chart, target)
            found = _json(answer).get("tags")
            yield from (str(tag) for tag in found or ())
            following = _NEXT.search(answer.headers.get("link", ""))
            # Only its query counts: a registry may not lead elsewhere.
            query = following[1].partition("?")[2] if following else ""
            seen += 1
            target = f"tags/list?{query}" if query and seen < _MAX_PAGES else ""

    def _manifest(self, place: ChartPlace, chart: str, tag: str) -> tuple[Mapping[str, Any], str]:
        if not (_TAG.fullmatch(tag) or DIGEST.fullmatch(tag)):
            raise SourceError(
                f"{tag[:100]!r} is no tag of a registry", remedy="correct targetRevision"
            )
        answer = self._get(place, chart, f"manifests/{tag}", accept=", ".join(_MANIFESTS))
        digest = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        said = answer.headers.get("docker-content-digest", "")
        for wanted in (said if DIGEST.fullmatch(said) else "", tag if ":" in tag else ""):
            if wanted and wanted != digest:
                raise _damaged("the manifest is not what its digest says")
        manifest = _json(answer)
        if manifest.get("mediaType", _MANIFESTS[0]) not in _MANIFESTS:
            raise SourceError(
                f"{tag} of the registry is a list of images, and no chart",
                remedy="correct repoURL and targetRevision",
            )
        return manifest, digest

    def _get(
        self,
        place: ChartPlace,
        chart: str,
        target: str,
        *,
        accept: str = "*/*",
        limit_bytes: int = _MAX_DOCUMENT_BYTES,
    ) -> HttpAnswer:
        """Ask for something, with the token that the registry demands."""
        host, name = registry_path(place.url, chart)
        url = f"https://{host}/v2/{name}/{target}"
        key = (place.key, name)

        def ask() -> HttpAnswer:
            return self._downloads.get(
                url,
                place.login,
                what=target.partition("/")[0],
                limit_bytes=limit_bytes,
                headers={"Accept": accept},
                secret_headers=self._tokens.get(key, {}),
            )

        answer = ask()
        if answer.status == _UNAUTHORIZED and key not in self._tokens:
            token = self._token(answer.headers.get("www-authenticate", ""), place.login, url)
            with self._lock:
                self._tokens[key] = token
            answer = ask()
        return checked(answer, f"chart {name} in the registry")

    def _token(self, challenge: str, login: RepoCredentials, url: str) -> dict[str, str]:
        """Return the header that a challenge asks for."""
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "basic":
            return basic(login)
        given = dict(_CHALLENGE.findall(rest))
        if scheme.lower() != "bearer" or not given.get("realm"):
            raise SourceForbidden(
                "the registry asks for a login of a kind that is not served",
                remedy="use a registry that takes basic or bearer logins",
            )
        query = {name: given[name] for name in ("service", "scope") if given.get(name)}
        realm = urljoin(url, given["realm"])
        joined = "&" if "?" in realm else "?"
        answer = self._downloads.get(
            f"{realm}{joined}{urlencode(query, quote_via=quote)}",
            login,
            what="token",
            limit_bytes=_MAX_DOCUMENT_BYTES,
            secret_headers=basic(login),
        )
        found = _json(checked(answer, "the registry's token"))
        token = str(found.get("token") or found.get("access_token") or "")
        if not token or any(char <= " " or char > "~" for char in token):
            raise SourceForbidden("the registry gives no token", remedy="correct its Secret")
        return {"Authorization": f"Bearer {token}"}


def _json(answer: HttpAnswer) -> Mapping[str, Any]:
    try:
        found = answer.json("the registry's answer")
    except MalformedSecret as exc:
        raise SourceError(exc.message, remedy=exc.remedy) from None
    if not isinstance(found, dict):
        raise _damaged("the registry's answer is no object")
    return found


def _verify(body: bytes, digest: str) -> None:
    if f"sha256:{hashlib.sha256(body).hexdigest()}" != digest:
        raise _damaged("the chart is not what its digest says")


def _damaged(what: str) -> SourceError:
    return SourceError(what, remedy="push the chart anew, and see who changed it")
