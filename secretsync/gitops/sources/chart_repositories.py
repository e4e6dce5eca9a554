"""Helm repositories over HTTPS: an index of all charts, and an archive of each version.

An index is asked for once a round; from a server that cannot tell that nothing has changed,
once in three minutes. Neighbours: `chart_index` reads it, `chart_downloads` sends, `charts`
keeps the archives.

Source: Helm 3.19, "The Chart Repository Guide".
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from secretsync.gitops.errors import GitOpsError, SourceError
from secretsync.gitops.sources.chart_downloads import Downloads, basic, checked, origin
from secretsync.gitops.sources.chart_index import ChartIndex, IndexEntry, parse_index
from secretsync.gitops.sources.chart_versions import parse_version
from secretsync.gitops.sources.repo_credentials import RepoCredentials

__all__ = ["MAX_ARCHIVE_BYTES", "ChartPlace", "ChartRepositories"]

MAX_INDEX_BYTES = 64 * 1024 * 1024
#: Of a packed chart, as Helm limits it.
MAX_ARCHIVE_BYTES = 20 * 1024 * 1024
_UNCHANGED = 304
_ASK_ANEW_S = 180.0


@dataclass(frozen=True, slots=True)
class ChartPlace:
    """A repository or registry as one project may read it.

    Args:
        key: tells places apart, projects too where a login is for one alone.
        pass_credentials: the login also goes where the index says that archives are.
    """

    url: str
    key: str
    login: RepoCredentials = field(repr=False)
    pass_credentials: bool = False


@dataclass(slots=True)
class _Known:
    """An index, and what its server said to compare it with."""

    index: ChartIndex
    asked_at_s: float
    validators: dict[str, str]


class ChartRepositories:
    """Asks Helm repositories; safe in threads.

    Args:
        trusted: returns whom to trust at another URL, where an archive is elsewhere.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        downloads: Downloads,
        trusted: Callable[[str], RepoCredentials],
        clock: Callable[[], float],
    ) -> None:
        self._downloads = downloads
        self._trusted = trusted
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._round: dict[str, ChartIndex | GitOpsError] = {}

    def forget(self) -> None:
        """Begin a round."""
        with self._lock:
            self._round.clear()

    def ask_anew(self, place: ChartPlace) -> None:
        """Ask for the index when it is needed next, whatever the server said of it before."""
        with self._lock:
            self._known.pop(place.key, None)
            self._round.pop(place.key, None)

    def versions(self, place: ChartPlace, chart: str) -> list[str]:
        """Return the versions that a repository has of a chart.

        Raises:
            GitOpsError: there is no such chart, or nobody answers.
        """
        return self._index(place).versions(chart)

    def archive(self, place: ChartPlace, chart: str, version: str) -> bytes:
        """Return the archive of a version, as its digest in the index says it is.

        Raises:
            GitOpsError: it is not to be had.
        """
        index = self._index(place)
        index.versions(chart)
        entry = index.charts[chart].get(version) or _same(index, chart, version)
        if entry is None:
            raise SourceError(
                f"the chart repository has no version {version[:100]!r} of {chart[:100]}",
                remedy="correct targetRevision",
            )
        here = origin(entry.url) == origin(place.url)
        login, shown = place.login, basic(place.login)
        if not here:
            # Whom to trust there, and no login: the index would read what its projects may not.
            login = RepoCredentials(ca_pem=self._trusted(entry.url).ca_pem)
            shown = shown if place.pass_credentials else {}
        what = f"chart {chart} {entry.version}"
        answer = self._downloads.get(
            entry.url,
            login,
            what="archive",
            limit_bytes=MAX_ARCHIVE_BYTES,
            secret_headers=shown,
        )
        body = checked(answer, what).body
        if entry.digest and hashlib.sha256(body).hexdigest() != entry.digest:
            raise SourceError(
                f"{what} is not what the index says: its digest is another",
                remedy="have the repository's index made anew, and see who changed the archive",
            )
        return body

    def _index(self, place: ChartPlace) -> ChartIndex:
        found = self._round.get(place.key)
        if found is None:
            try:
                found = self._asked(place)
            except GitOpsError as exc:
                found = exc
            with self._lock:
                self._round[place.key] = found
        if isinstance(found, GitOpsError):
            raise found
        return found

    def _asked(self, place: ChartPlace) -> ChartIndex:
        known, now_s = self._known.get(place.key), self._clock()
        if known is not None and not known.validators and now_s - known.asked_at_s < _ASK_ANEW_S:
            return known.index
        base = f"{place.url.rstrip('/')}/"
        answer = self._downloads.get(
            f"{base}index.yaml",
            place.login,
            what="index",
            limit_bytes=MAX_INDEX_BYTES,
            headers=known.validators if known is not None else {},
            secret_headers=basic(place.login),
        )
        if known is not None and answer.status == _UNCHANGED:
            return known.index
        index = parse_index(checked(answer, "index.yaml").body, base_url=base)
        validators = {
            asks: answer.headers[says]
            for says, asks in (("etag", "If-None-Match"), ("last-modified", "If-Modified-Since"))
            if answer.headers.get(says)
        }
        with self._lock:
            self._known[place.key] = _Known(index, now_s, validators)
        return index


def _same(index: ChartIndex, chart: str, version: str) -> IndexEntry | None:
    """Return the entry of a version that is written in another way: `v1.2.3` for `1.2.3`."""
    wanted = parse_version(version)
    return next(
        (one for text, one in index.charts[chart].items() if parse_version(text) == wanted), None
    )
