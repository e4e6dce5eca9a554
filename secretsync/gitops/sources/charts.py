"""Charts of Helm repositories and OCI registries: which version a range is, and its files.

A version is fetched once and kept on disk, until somebody asks for it anew; a range is looked
up once a round. Neighbours:
`chart_repositories` and `chart_registries` ask the servers, `chart_archives` unpacks,
`rendering` uses it.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from secretsync.gitops.errors import (
    GitOpsError,
    SourceError,
    SourceForbidden,
    SourceUnavailable,
)
from secretsync.gitops.sources.chart_archives import tree_of, unpack_archive
from secretsync.gitops.sources.chart_downloads import Downloads
from secretsync.gitops.sources.chart_registries import DIGEST, ChartRegistries, registry_path
from secretsync.gitops.sources.chart_repositories import ChartPlace, ChartRepositories
from secretsync.gitops.sources.chart_versions import best_version, is_exact
from secretsync.gitops.sources.git_tree import GitTree
from secretsync.gitops.sources.kept_folders import KeptFolders, move_into_place
from secretsync.gitops.sources.repo_credentials import (
    Logins,
    RepoCredentials,
    is_ambiguous,
    normal_url,
)

__all__ = ["KEPT_CHARTS", "ChartRef", "Charts"]

#: Versions on disk that nobody uses.
KEPT_CHARTS = 64
#: Renders last for seconds; who waits is asked again.
_UNUSED_WITHIN_S = 10.0
_NEWEST = ("", "HEAD")


@dataclass(frozen=True, slots=True)
class ChartRef:
    """A chart.

    Args:
        url: of its repository (`https://`), or registry (`oci://`, or none).
        name: "" for what an `oci://` URL names as a whole.
        pass_credentials: the login also goes where the repository says that archives are.
    """

    url: str
    name: str
    pass_credentials: bool = False


class Charts:
    """The charts of all applications; safe in threads.

    Args:
        cache_dir: where they are kept; may be deleted at any time that nothing runs.
        logins: who logs in to a URL; None is nobody.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        cache_dir: Path,
        *,
        logins: Logins | None = None,
        downloads: Downloads | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cache = cache_dir
        self._logins = logins
        self.downloads = downloads or Downloads()
        self._repositories = ChartRepositories(self.downloads, self._login, clock)
        self._registries = ChartRegistries(self.downloads)
        self._lock = threading.Lock()
        self._locks: dict[str, threading.RLock] = {}
        self._resolved: dict[tuple[str, str, str], str | GitOpsError] = {}
        self._kept = KeptFolders(KEPT_CHARTS)

    def forget(self) -> None:
        """Begin a round: ranges are looked up once more."""
        self._repositories.forget()
        self._registries.forget()
        with self._lock:
            self._resolved.clear()

    def close(self) -> None:
        """Close the connections that were kept."""
        self.downloads.close()

    def resolve(self, ref: ChartRef, wanted: str, *, project: str = "") -> str:
        """Return the version that a range is now; a version is what it says, nobody is asked.

        Raises:
            GitOpsError: there is none, or nobody answers.
        """
        if (ref.name and is_exact(wanted)) or DIGEST.fullmatch(wanted):
            return wanted
        place = self._place(ref, project)
        key = (place.key, ref.name, wanted)
        # Who pages through the tags of one chart holds up nobody who asks for another.
        with self._of("\0".join(key) if _in_registry(place) else place.key):
            found = self._resolved.get(key)
            if found is None:
                try:
                    found = self._looked_up(place, ref, wanted)
                except GitOpsError as exc:
                    found = exc
                self._resolved[key] = found
        if isinstance(found, GitOpsError):
            raise found
        return found

    @contextlib.contextmanager
    def laid_out(
        self, ref: ChartRef, version: str, *, project: str = "", anew: bool = False
    ) -> Iterator[tuple[GitTree, Path]]:
        """Give what a version holds, and a folder with its files; nobody may write there.

        Args:
            anew: fetch it though it is there: it may have been published once more.

        Raises:
            GitOpsError: it is not to be had; what was there stays.
        """
        place = self._place(ref, project)
        name = hashlib.sha256(f"{place.key}\0{ref.name}\0{version}".encode()).hexdigest()[:32]
        kept = self._cache / name

        def make(target: Path) -> None:
            with self._of(name if _in_registry(place) else place.key):
                if not target.is_dir():
                    with self._fetched(place, ref, version) as made:
                        move_into_place(made, target)

        if anew and kept.is_dir() and not DIGEST.fullmatch(version):
            self._repositories.ask_anew(place)
            with self._fetched(place, ref, version) as made:
                self._replace(kept, made)
        with self._kept.using(kept, make) as folder:
            digest = (folder / "digest").read_text()
            files = folder / "files"
            yield tree_of(files, version=version, digest=digest), files

    def _looked_up(self, place: ChartPlace, ref: ChartRef, wanted: str) -> str:
        if not ref.name:
            return self._registries.digest(place, "", "latest" if wanted in _NEWEST else wanted)
        asked = self._registries if _in_registry(place) else self._repositories
        found = best_version(asked.versions(place, ref.name), "" if wanted in _NEWEST else wanted)
        if found is None:
            raise SourceError(
                f"the chart {ref.name} has no version {wanted[:100]!r}",
                remedy="correct targetRevision",
            )
        return found

    def _replace(self, kept: Path, made: Path) -> None:
        with contextlib.suppress(FileNotFoundError):  # Another process may drop it meanwhile.
            if (kept / "digest").read_text() == (made / "digest").read_text():
                return
        if not self._kept.replace(kept, made, within_s=_UNUSED_WITHIN_S):
            raise SourceUnavailable("the chart is in use, and was published anew meanwhile")

    @contextlib.contextmanager
    def _fetched(self, place: ChartPlace, ref: ChartRef, version: str) -> Iterator[Path]:
        """Give a new folder of a version."""
        asked = self._registries if _in_registry(place) else self._repositories
        archive = asked.archive(place, ref.name, version)
        self._cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        staging = Path(tempfile.mkdtemp(prefix=".new-", dir=self._cache))
        try:
            (staging / "files").mkdir()
            called = f"chart {ref.name or place.url} {version}"
            unpack_archive(archive, staging / "files", name=called[:200])
            (staging / "digest").write_text(hashlib.sha256(archive).hexdigest())
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _place(self, ref: ChartRef, project: str) -> ChartPlace:
        if is_ambiguous(ref.url):
            raise SourceForbidden(
                "the URL of the charts could be taken for another one",
                remedy="write repoURL without ?, #, backslashes, blanks, %2f and ..",
            )
        login = self._login(ref.url, project)
        key = f"{login.project}\0{normal_url(ref.url)}"
        place = ChartPlace(ref.url, key, login, ref.pass_credentials)
        if _in_registry(place):
            registry_path(ref.url, ref.name)
        elif not ref.url.lower().startswith("https://"):
            raise SourceForbidden(
                "charts are taken over https:// and oci:// alone", remedy="correct repoURL"
            )
        return place

    def _login(self, url: str, project: str = "") -> RepoCredentials:
        return RepoCredentials() if self._logins is None else self._logins.find(url, project)

    def _of(self, what: str) -> threading.RLock:
        with self._lock:
            return self._locks.setdefault(what, threading.RLock())


def _in_registry(place: ChartPlace) -> bool:
    return place.url.startswith("oci://") or "://" not in place.url or place.login.oci
