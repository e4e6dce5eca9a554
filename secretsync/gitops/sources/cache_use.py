"""The cache on disk while a process uses it: what earlier ones left over is bounded before.

Neighbours: `kept_folders` bounds what one process keeps, `assembly` takes and releases it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import types
from pathlib import Path
from typing import Self

from secretsync.gitops.sources.charts import KEPT_CHARTS
from secretsync.gitops.sources.kept_folders import HALF, remove
from secretsync.gitops.sources.lfs_objects import KEPT_LFS
from secretsync.gitops.sources.repositories import KEPT_LAYOUTS
from secretsync.gitops.sources.whole_files import KEPT_WHOLE

__all__ = ["CacheUse"]

#: Of all repositories together; those that were used last stay.
MAX_REPOSITORIES_BYTES = 4 * 1024**3
#: How many folders stay, those that were made last.
_KEPT = (
    (("git", "trees"), KEPT_LAYOUTS),
    (("git", "whole"), KEPT_WHOLE),
    (("git", "lfs"), KEPT_LFS),
    (("charts",), KEPT_CHARTS),
)


class CacheUse:
    """The lock of a process that uses a cache; the first one trims it.

    Args:
        cache_dir: may be missing.
    """

    def __init__(self, cache_dir: Path) -> None:
        self._fd = -1
        # Where nothing can be locked or written, whoever needs the cache says so.
        with contextlib.suppress(OSError):
            cache_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._fd = os.open(cache_dir / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with contextlib.suppress(OSError):
                if _alone(self._fd):
                    _trim(cache_dir)
            # Whatever became of that: who comes next would wait as long as this one lives.
            with contextlib.suppress(OSError):
                if self._fd >= 0:
                    fcntl.flock(self._fd, fcntl.LOCK_SH)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the next process trim it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _alone(fd: int) -> bool:
    """Return whether nobody else uses the cache, and keep it so until the lock is shared."""
    if fd < 0:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _trim(cache_dir: Path) -> None:
    for parts, limit in _KEPT:
        for folder in _whole_newest_first(cache_dir.joinpath(*parts))[limit:]:
            remove(folder)
    left_bytes = MAX_REPOSITORIES_BYTES
    for folder in _whole_newest_first(cache_dir / "git" / "repositories"):
        left_bytes -= _size_bytes(folder)
        if left_bytes < 0:
            remove(folder)


def _whole_newest_first(parent: Path) -> list[Path]:
    """Return the folders, without what a killed process left half: that is removed."""
    folders = [each for each in parent.glob("*") if each.is_dir() and not each.is_symlink()]
    for half in (each for each in folders if each.name.startswith(HALF)):
        remove(half)
    whole = (each for each in folders if not each.name.startswith(HALF))
    return sorted(whole, key=lambda each: each.stat().st_mtime, reverse=True)


def _size_bytes(folder: Path) -> int:
    return sum(each.lstat().st_size for each in folder.rglob("*"))
