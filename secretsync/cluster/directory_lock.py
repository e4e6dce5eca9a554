"""One writer a directory: a lock that ends with the process that holds it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from secretsync.cluster.directory_files import PRIVATE_FILE, make_folders, os_errors
from secretsync.errors import ClusterError, ClusterUnavailable

__all__ = ["STATE_FOLDER", "WriterLock"]

STATE_FOLDER = ".secretsync"


class WriterLock:
    """The exclusive lock `ROOT/.secretsync/lock`; its file says which process holds it.

    Raises:
        ClusterError: another writer holds it.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / STATE_FOLDER / "lock"
        make_folders(root, self._path.parent, private_from=0)
        with os_errors(str(self._path)):
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            holder = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip()
            os.close(self._fd)
            raise ClusterError(
                f"{root} is being written by another process (pid {holder or 'unknown'})",
                remedy="wait until it has finished, or stop it",
            ) from exc
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)
        self._held = os.fstat(self._fd)

    def check(self) -> None:
        """Make sure that the directory is still the one that was locked.

        Raises:
            ClusterUnavailable: it was removed, replaced or unmounted meanwhile; what
                looks empty now is not.
        """
        try:
            found = self._path.stat()
        except OSError:
            found = None
        if found is None or not os.path.samestat(found, self._held):
            raise ClusterUnavailable(
                f"{self._path.parent.parent} was removed or replaced while in use",
                remedy="put the directory back, or start again",
            )

    def release(self) -> None:
        """Let the next writer in."""
        os.close(self._fd)
