"""Files of Git LFS on disk, by their ids: what was fetched is not asked for again.

Who may read a repository's has a folder of his own: an id shows nothing of that. Neighbours:
`lfs` fetches, `whole_files` lays out.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from secretsync.gitops.errors import SourceUnavailable
from secretsync.gitops.sources.kept_folders import HALF, KeptFolders
from secretsync.gitops.sources.lfs import Pointer

__all__ = ["KEPT_LFS", "LfsObjects"]

#: Repositories whose files are on disk, that nobody uses.
KEPT_LFS = 8
#: Of one repository; those that were used last stay.
MAX_OBJECTS_BYTES = 512 * 1024 * 1024

#: Fetches files, one after the other.
Fetch = Callable[[Sequence[Pointer]], Iterator[tuple[Pointer, bytes]]]


class LfsObjects:
    """Keeps files; safe in threads.

    Args:
        cache_dir: where they are kept; may be deleted at any time that nothing runs.
    """

    def __init__(self, cache_dir: Path) -> None:
        self._cache = cache_dir
        self._folders = KeptFolders(KEPT_LFS)

    def link(self, access: str, wanted: Collection[tuple[Path, Pointer]], fetch: Fetch) -> None:
        """Have files in their places.

        Args:
            access: whose they are, see `lfs.access_of`.
            wanted: places, and what is to be there instead of what is.
            fetch: is asked for what is not here; each that it gives stays, if it fails after.

        Raises:
            GitOpsError: one is not to be had.
        """
        with self._folders.using(self._cache / access, _make) as folder:
            places: dict[Pointer, list[Path]] = {}
            for place, pointer in wanted:
                places.setdefault(pointer, []).append(place)
            missing = [each for each in places if not _holds(folder, each)]
            for pointer, content in fetch(missing):
                _write(folder, pointer, content)
            for pointer, each in places.items():
                _link(folder / pointer.oid, each)
            _bound(folder)


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def _holds(folder: Path, pointer: Pointer) -> bool:
    """Return whether a file is there, and what its pointer says; note that it is used."""
    kept = folder / pointer.oid
    try:
        if kept.lstat().st_size != pointer.size_bytes or not pointer.is_of(kept.read_bytes()):
            return False
        os.utime(kept)
    except OSError:
        return False
    return True


def _write(folder: Path, pointer: Pointer, content: bytes) -> None:
    fd, name = tempfile.mkstemp(prefix=HALF[0], dir=folder)
    made = Path(name)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
        made.replace(folder / pointer.oid)
    finally:
        made.unlink(missing_ok=True)


def _link(kept: Path, places: Sequence[Path]) -> None:
    for place in places:
        place.unlink()  # It is a file of another folder too.
        try:
            os.link(kept, place)
        except FileNotFoundError:
            raise SourceUnavailable(
                "a file of Git LFS went out of the cache while it was used"
            ) from None


def _bound(folder: Path) -> None:
    """Remove what was not used for longest; what a killed process left half is among it."""
    found = []
    for each in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append((each.lstat(), each))
    left_bytes = MAX_OBJECTS_BYTES
    for stat, each in sorted(found, key=lambda pair: pair[0].st_mtime, reverse=True):
        left_bytes -= stat.st_size
        if left_bytes < 0:
            each.unlink(missing_ok=True)
