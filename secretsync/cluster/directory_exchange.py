"""Replacing a file only while it is the one that was read.

People edit and remove the files of a directory cluster without any lock. A plain rename
would bring a file back that somebody removes while its successor is being written, and
lose an edit made then. Neighbour: `directory_files` writes the successor.

What remains: an editor that has the file open and writes into it, instead of saving anew,
writes into the old file once it was replaced. Where the file system cannot exchange two
names (NFS and some FUSE ones; Linux' own can) a look right before the rename stands in,
and what happens between the two calls is not noticed. A process killed between an
exchange that met an edit and its undoing loses that edit.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from secretsync.errors import Conflict

__all__ = ["FileMoved", "again_where_moved", "replace_unchanged"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: A person does not save that often in a row; whatever does is told of the conflict.
_ATTEMPTS = 5
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
#: What a kernel, a C library or a file system says that cannot exchange.
_UNABLE = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP})


class FileMoved(Conflict):
    """The file is gone, or is no longer the one that was read."""


def again_where_moved(write: Callable[_P, _T]) -> Callable[_P, _T]:
    """Repeat a read, change and write that somebody came into, from the read on.

    As an API server does with a patch: preconditions are looked at again each time.

    Raises:
        FileMoved: it happened too often in a row.
    """

    @functools.wraps(write)
    def attempt(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        for _ in range(_ATTEMPTS - 1):
            with contextlib.suppress(FileMoved):
                return write(*args, **kwargs)
        return write(*args, **kwargs)

    return attempt


def _same(found: os.stat_result, read: os.stat_result) -> bool:
    """Return whether a file is the one that was read, with the content it had then."""
    return os.path.samestat(found, read) and (found.st_mtime_ns, found.st_size) == (
        read.st_mtime_ns,
        read.st_size,
    )


def replace_unchanged(new: Path, path: Path, read: os.stat_result) -> None:
    """Put `new` in the place of `path`, if that still is the file that was read.

    Args:
        new: beside it, complete; gone afterwards, whatever happens.
        path: what is replaced.
        read: the state of `path` while it was read.

    Raises:
        FileMoved: somebody removed, replaced or edited it meanwhile; it is as he left it.
    """
    ours = new.lstat()
    try:
        _check(path, read)
        exchanged = exchange(new, path)
    except FileNotFoundError as exc:
        new.unlink()
        raise _moved(path) from exc
    except BaseException:
        new.unlink()
        raise
    if not exchanged:
        new.replace(path)
    elif _same(new.lstat(), read):
        new.unlink()
    else:
        _undo(new, path, ours)
        raise _moved(path)


def exchange(one: Path, other: Path) -> bool:
    """Exchange two files in one step.

    Returns:
        False where the file system cannot.

    Raises:
        FileNotFoundError: either is not there; then nothing changed.
    """
    rename = _renameat2()
    if rename is None:
        return False
    error = rename(os.fsencode(one), os.fsencode(other))
    if error in _UNABLE:
        return False
    if error:
        raise OSError(error, os.strerror(error), str(other))
    return True


def _check(path: Path, read: os.stat_result) -> None:
    """Look before the exchange, so that it meets an edit as good as never."""
    if not _same(path.lstat(), read):
        raise _moved(path)


def _undo(edited: Path, path: Path, ours: os.stat_result) -> None:
    """Put back what somebody saved at that instant; if he removed it since, it stays away."""
    with contextlib.suppress(FileNotFoundError):
        exchange(edited, path)
        if not os.path.samestat(edited.lstat(), ours):
            exchange(edited, path)  # He saved once more: the last one counts.
    edited.unlink()


def _moved(path: Path) -> FileMoved:
    return FileMoved(f"{path}: changed by somebody else meanwhile", remedy="read it again")


@functools.cache
def _renameat2() -> Callable[[bytes, bytes], int] | None:
    """Return Linux' exchange of two names, giving an errno; None where there is none."""
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return None
    call.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]

    def rename(one: bytes, other: bytes) -> int:
        if call(_AT_FDCWD, one, _AT_FDCWD, other, _RENAME_EXCHANGE) == 0:
            return 0
        return ctypes.get_errno()

    return rename
