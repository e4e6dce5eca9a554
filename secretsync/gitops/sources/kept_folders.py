"""Folders on disk that are made once, kept while somebody reads them, and few of them after.

Whoever reads one holds its lock, which other processes respect: half of a chart renders as
fewer objects, and without an error. Neighbours: `repositories` lays out commits with it,
`charts` charts; `cache_use` removes what earlier processes left.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["HALF", "KeptFolders", "move_into_place", "remove"]

#: How the names of folders begin that are being made, or removed.
HALF = (".new-", ".old-")


class KeptFolders:
    """Knows which folders are in use; safe in threads.

    Args:
        limit: of those that nobody uses.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Condition()
        self._known: OrderedDict[Path, None] = OrderedDict()
        self._in_use: Counter[Path] = Counter()

    @contextlib.contextmanager
    def using(self, folder: Path, make: Callable[[Path], None]) -> Iterator[Path]:
        """Give a folder, which stays as long as it is used.

        Args:
            make: makes it, where it is not there; several may do so at once.
        """
        with self._lock:
            self._in_use[folder] += 1
        try:
            fd = _hold(folder, make)
            try:
                with contextlib.suppress(OSError):
                    os.utime(folder)  # The next process keeps what was used last.
                with self._lock:
                    self._known[folder] = None
                    self._known.move_to_end(folder)
                yield folder
            finally:
                os.close(fd)
        finally:
            with self._lock:
                self._in_use[folder] -= 1
                self._drop_old()
                self._lock.notify_all()

    def replace(self, folder: Path, made: Path, *, within_s: float) -> bool:
        """Have another folder in the place of one, once nobody uses that.

        Args:
            made: which is moved there.

        Returns:
            Whether that was so in time; no other process is waited for.
        """
        with self._lock:
            if not self._lock.wait_for(lambda: not self._in_use[folder], within_s):
                return False
            if not remove(folder):
                return False
            move_into_place(made, folder)
            return True

    def _drop_old(self) -> None:
        unused = [folder for folder in self._known if not self._in_use[folder]]
        for folder in unused[: max(0, len(self._known) - self._limit)]:
            if remove(folder):
                del self._known[folder]
        for folder in [each for each, count in self._in_use.items() if not count]:
            del self._in_use[folder]


def remove(folder: Path) -> bool:
    """Remove a folder that no process holds.

    It loses its name first: half of one, after a kill, would be taken for all that it held.

    Returns:
        Whether it is gone.
    """
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return not os.path.lexists(folder)
    try:
        # Of one that cannot be locked at all, nobody else can say that he reads it.
        with contextlib.suppress(OSError):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        # Another one may be there by now, which somebody holds.
        gone = _renamed(folder) if _is_at(fd, folder) else None
    finally:
        os.close(fd)
    if gone is not None:
        shutil.rmtree(gone, ignore_errors=True)
    return gone is not None


def _renamed(folder: Path) -> Path | None:
    try:
        gone = Path(tempfile.mkdtemp(prefix=HALF[1], dir=folder.parent))
    except OSError:
        return None
    try:
        folder.replace(gone)  # Which is empty, and goes.
    except OSError:
        with contextlib.suppress(OSError):
            gone.rmdir()
        return None
    return gone


def _hold(folder: Path, make: Callable[[Path], None]) -> int:
    """Return the lock of a folder, made where it is not there: no process removes it then."""
    while True:
        if not folder.is_dir():
            make(folder)
        fd = _locked(folder)
        if fd is not None:
            return fd


def _locked(folder: Path) -> int | None:
    """Return the lock of a folder; None where it was removed meanwhile."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        with contextlib.suppress(OSError):  # Where nothing can be locked.
            fcntl.flock(fd, fcntl.LOCK_SH)
        # One that was removed while this waited for it has another name by now.
        if _is_at(fd, folder):
            return fd
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)
    return None


def _is_at(fd: int, folder: Path) -> bool:
    """Return whether an open folder still has its name."""
    try:
        return os.path.samestat(os.fstat(fd), folder.stat())
    except FileNotFoundError:
        return False


def move_into_place(made: Path, target: Path) -> None:
    """Give a finished folder its name, unless another one has it by now.

    Raises:
        OSError: it cannot be moved.
    """
    try:
        made.replace(target)
    except OSError:
        # Somebody else may have made the same at this moment.
        if not target.is_dir():
            raise
