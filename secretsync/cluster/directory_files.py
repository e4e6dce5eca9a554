"""Files of a directory cluster: replaced whole, readable whole, never half-written."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from secretsync.cluster.directory_exchange import replace_unchanged
from secretsync.errors import ClusterUnavailable, Forbidden, Rejected

__all__ = [
    "PRIVATE_FILE",
    "PRIVATE_FOLDER",
    "PUBLIC_FILE",
    "PUBLIC_FOLDER",
    "TEMPORARY_PREFIX",
    "make_folders",
    "open_to_others",
    "os_errors",
    "read_regular",
    "remove_file",
    "remove_leftovers",
    "replace_file",
    "resource_version",
    "signature",
    "sync_folder",
]

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
PUBLIC_FILE = 0o644
PUBLIC_FOLDER = 0o755
#: Names of files that are being written; no object's file begins with a dot.
TEMPORARY_PREFIX = ".secretsync-tmp-"

_OTHERS_READ_OR_WRITE = 0o066


@contextlib.contextmanager
def os_errors(what: str) -> Iterator[None]:
    """Turn faults of the file system into ClusterErrors; a missing file passes through."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise
    except PermissionError as exc:
        raise Forbidden(
            f"{what}: permission denied", remedy="run as the owner of the files"
        ) from exc
    except OSError as exc:
        if exc.errno == errno.ENAMETOOLONG:
            raise Rejected(f"{what}: the name is too long for this file system") from exc
        raise ClusterUnavailable(f"{what}: {os.strerror(exc.errno or errno.EIO)}") from exc


@contextlib.contextmanager
def _folder_errors(folder: Path) -> Iterator[None]:
    """Say that a folder cannot be where something else is."""
    try:
        yield
    except (FileExistsError, NotADirectoryError, FileNotFoundError) as exc:
        raise Rejected(
            f"{exc.filename or folder}: a folder is needed here and cannot be made",
            remedy="remove what is in its place, or name another directory",
        ) from exc


def signature(found: os.stat_result) -> tuple[int, ...]:
    """Return what differs when a file or what may be done with it changed."""
    return (found.st_mtime_ns, found.st_ino, found.st_size, found.st_ctime_ns)


def resource_version(found: os.stat_result) -> str:
    """Return the resource version of the object in a file: its identity, not its content."""
    return f"{found.st_mtime_ns:x}-{found.st_ino:x}-{found.st_size:x}"


def open_to_others(found: os.stat_result) -> bool:
    """Return whether group or others may read or write the file."""
    return bool(stat.S_IMODE(found.st_mode) & _OTHERS_READ_OR_WRITE)


def read_regular(path: Path, *, max_bytes: int) -> tuple[bytes, os.stat_result]:
    """Return the content of a regular file and its state while it was read.

    Raises:
        FileNotFoundError, NotADirectoryError: it is not there.
        Rejected: it is no regular file, or larger than `max_bytes`.
        Forbidden: it may not be read.
    """
    with os_errors(str(path)):
        try:
            # A pipe would block the open; a link could point anywhere.
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as exc:
            if exc.errno == errno.ELOOP:
                raise Rejected(
                    f"{path}: is a symbolic link", remedy="put the file itself there"
                ) from exc
            raise
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise Rejected(f"{path}: is not a regular file")
            if found.st_size > max_bytes:
                raise Rejected(f"{path}: is larger than {max_bytes} bytes")
            with open(fd, "rb", closefd=False) as file:
                return file.read(), found
        finally:
            os.close(fd)


def replace_file(
    path: Path,
    content: bytes,
    *,
    mode: int,
    read: os.stat_result | None = None,
    durable: bool = True,
) -> os.stat_result:
    """Write a file next to its place and rename it into it.

    Args:
        path: where it ends up; the folder is there.
        content: all of it.
        mode: permission bits, from the first moment on.
        read: the state of the file that `content` was made from: only that one is
            replaced, and by a later modification time, whatever the clock does, so that
            no two versions of a file look the same. None replaces whatever is there.
        durable: also wait until the rename survives a power cut; without it the next
            durable write in the file system makes it so.

    Returns:
        The new file's state.

    Raises:
        FileMoved: the file is not the one that was `read`; it stays as it is.
    """
    newer_than_ns = 0 if read is None else read.st_mtime_ns
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}")
    with os_errors(str(path)):
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            with open(fd, "wb") as file:  # noqa: PTH123 - a descriptor has no Path
                file.write(content)
                file.flush()
                if os.fstat(fd).st_mtime_ns <= newer_than_ns:
                    os.utime(fd, ns=(newer_than_ns + 1, newer_than_ns + 1))
                os.fsync(fd)
                found = os.fstat(fd)
            if read is None:
                temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if read is not None:
            replace_unchanged(temporary, path, read)
        if durable:
            sync_folder(path.parent)
    return found


def remove_file(path: Path, *, durable: bool = True) -> None:
    """Remove a file; one that is gone already is fine."""
    with os_errors(str(path)), contextlib.suppress(FileNotFoundError, NotADirectoryError):
        path.unlink()
        if durable:
            sync_folder(path.parent)


def make_folders(root: Path, folder: Path, *, private_from: int | None) -> None:
    """Make `root` and the folders below it down to `folder`.

    Args:
        root: made too, with its parents.
        folder: below `root`.
        private_from: index of the part below `root` from which on folders are for
            the owner alone, None for none. One that is there already is tightened.

    Raises:
        Rejected: a part of the path is there and is no folder, or cannot be made.
    """
    with os_errors(str(folder)), _folder_errors(folder):
        root.mkdir(parents=True, exist_ok=True)
        current = root
        for depth, part in enumerate(folder.relative_to(root).parts):
            current /= part
            private = private_from is not None and depth >= private_from
            mode = PRIVATE_FOLDER if private else PUBLIC_FOLDER
            try:
                current.mkdir(mode=mode)
                sync_folder(current.parent)
            except FileExistsError:
                if not current.is_dir():
                    raise
                if private and stat.S_IMODE(current.stat().st_mode) & ~PRIVATE_FOLDER:
                    current.chmod(PRIVATE_FOLDER)


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process was writing into a folder."""
    with os_errors(str(folder)), contextlib.suppress(FileNotFoundError, NotADirectoryError):
        with os.scandir(folder) as entries:
            names = [each.path for each in entries if each.name.startswith(TEMPORARY_PREFIX)]
        for name in names:
            Path(name).unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Wait until what was created, renamed or removed in a folder survives a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
