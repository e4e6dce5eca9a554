"""Manifest files of a repository: finding them under PATH, and replacing one."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from secretsync.cli.seal.replacing import replace_file
from secretsync.errors import InputError

__all__ = ["SUFFIXES", "FoundFile", "find_files", "replace_manifest"]

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
#: What `open()` gives a new file, before the umask takes its part.
_NEW_FILE_MODE = 0o666


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that PATH names or holds.

    Args:
        path: as it is shown.
        below: its way from the PATH that held it; its name where PATH is the file.
        error: why it, or a folder, cannot be read; "" if it can be.
    """

    path: Path
    below: Path
    error: str = ""


def find_files(paths: Sequence[str]) -> Iterator[FoundFile]:
    """Yield the manifest files of every PATH, each once, in a stable order.

    A file that is named is taken whatever its suffix. Folders are walked; what begins
    with a dot is left out.

    Raises:
        InputError: a form of PATH that has no file to change.
    """
    seen: set[str] = set()
    for name in paths:
        if name == "-" or name.startswith("git+"):
            raise InputError(
                f"{name}: is not a file or folder", remedy="give files and folders of a checkout"
            )
        for found in _files(Path(name)):
            real = os.path.realpath(found.path)  # Path.resolve() fails on a link to itself
            if real not in seen:
                seen.add(real)
                yield found


def _files(path: Path) -> Iterator[FoundFile]:
    if not path.is_dir():
        yield FoundFile(path, Path(path.name), "" if path.exists() else "it does not exist")
        return
    broken: list[OSError] = []
    for folder, folders, names in os.walk(path, onerror=broken.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(folder) / name
            if file.suffix in SUFFIXES and not name.startswith("."):
                # Nobody may ever write into a pipe; one that is named is waited for.
                error = "it is no regular file" if not file.is_file() else ""
                yield FoundFile(file, file.relative_to(path), error)
    for exc in broken:
        reason = exc.strerror or type(exc).__name__
        yield FoundFile(Path(exc.filename or path), Path(path.name), reason)


def replace_manifest(file: str | Path, content: bytes) -> None:
    """Write a manifest as a whole: the old content or the new is there, never a part.

    Its mode stays. A symbolic link stays; what it points at is replaced. A new file
    gets the mode that the umask leaves: what is written here is sealed.

    Raises:
        InputError: it cannot be written; the old file is as it was.
    """
    target = Path(os.path.realpath(file))
    try:
        replace_file(target, content, mode=_mode(target))
    except OSError as exc:
        raise InputError(
            f"{file}: cannot be written: {exc.strerror or type(exc).__name__}",
            remedy="check that its folder exists, is writable and has room",
        ) from exc


def _mode(target: Path) -> int:
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        return _NEW_FILE_MODE & ~umask
