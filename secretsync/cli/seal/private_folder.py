"""A folder for plaintext that is gone when the command is: in memory where there is some.

It goes on every way out: return, error, and the signals that end a command. A process
of its own watches for the one way that leaves no time, being killed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

from secretsync.cli.seal.console import warn

__all__ = ["Ended", "ended_by_signal", "private_folder", "signals_held"]

#: What ends a command from outside, but for SIGKILL.
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_MOUNTS = Path("/proc/self/mounts")
_PREFIX = "seal-edit-"
_WATCHER = """trap '' INT TERM HUP QUIT; read -r _; rm -rf -- "$0\""""


class Ended(BaseException):
    """A signal asks the command to end.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def ended_by_signal() -> Iterator[None]:
    """Let signals end the block as an exception does, then end the process as they would."""
    before = {number: signal.signal(number, _raise) for number in _ENDING}
    ended = 0
    try:
        yield
    except Ended as exc:
        ended = exc.number
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if not ended else signal.SIG_DFL)
    if ended:
        os.kill(os.getpid(), ended)


def _raise(number: int, _frame: FrameType | None) -> NoReturn:
    # A second signal must not stop the cleaning that the first one began.
    for other in _ENDING:
        signal.signal(other, signal.SIG_IGN)
    raise Ended(number)


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Let a signal that would end the block come right after it.

    A process that is being started would else go on unknown: it may run before the call
    that starts it returns. Masking signals would mask them for that process, too.
    """
    came: list[int] = []
    before = {
        number: signal.signal(number, lambda each, _: came.append(each)) for number in _ENDING
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Give a folder that only this user may enter, and remove it with all that is in it."""
    base = _memory()
    if base is None:
        warn("no memory-backed folder was found: the values pass through a temporary folder")
    # No signal may fall between making the folder and watching over it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
        watcher = _watch(folder)
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            yield folder
        finally:
            _remove(folder)
            _dismiss(watcher)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _memory() -> Path | None:
    """A writable folder whose file system lives in memory."""
    kinds = _mounted()
    for name in (os.environ.get("XDG_RUNTIME_DIR", ""), "/dev/shm"):  # noqa: S108 - checked below
        if not name.startswith("/"):
            continue
        real = Path(os.path.realpath(name))
        if real.is_dir() and os.access(real, os.W_OK | os.X_OK) and _kind(real, kinds):
            return real
    return None


def _mounted() -> dict[str, str]:
    """Mount point → kind of file system; the last mount of a place counts."""
    try:
        lines = _MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return {}
    rows = [line.split(" ") for line in lines]
    return {row[1].replace("\\040", " "): row[2] for row in rows if len(row) > 2}


def _kind(folder: Path, kinds: dict[str, str]) -> bool:
    """Whether the mount that holds the folder is in memory."""
    for place in (folder, *folder.parents):
        if str(place) in kinds:
            return kinds[str(place)] in _IN_MEMORY
    return False


def _watch(folder: Path) -> subprocess.Popen[bytes] | None:
    """Start a process that removes the folder once this one is gone, whatever ended it.

    It waits for the end of a pipe that nobody writes to, out of the terminal's reach: a
    hang-up must not end it. Where there is no shell, the way of SIGKILL stays open.
    """
    try:
        return subprocess.Popen(  # noqa: S603 - the path is our own
            ["/bin/sh", "-c", _WATCHER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return None


def _dismiss(watcher: subprocess.Popen[bytes] | None) -> None:
    if watcher is not None:
        # Closes the pipe, and with it the watcher's wait.
        watcher.communicate()


def _remove(folder: Path) -> None:
    for attempt in range(3):
        # An editor that is ending may still add a file while we look.
        with contextlib.suppress(OSError):
            shutil.rmtree(folder, ignore_errors=attempt < 2)
        if not folder.exists():
            return
    warn(f"{folder} could not be removed; remove it yourself: it may hold plaintext")
