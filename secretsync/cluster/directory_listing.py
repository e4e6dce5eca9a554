"""What a folder of a directory cluster holds: further folders, and files of objects.

Neighbours: `directory_tree` makes objects of the files, `directory_files` says what a
signature is.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from secretsync.cluster.directory_files import os_errors, signature
from secretsync.cluster.directory_objects import Place

__all__ = ["SUFFIXES", "Found", "files_in", "folders_in"]

SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may hold an object.

    Args:
        signature: differs whenever the file, or whether it may be read, changed.
        rivals: further files of the same object; then none of them counts.
    """

    place: Place
    folder: Path
    file: str
    signature: tuple[int, ...]
    rivals: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The file; made when asked for, as most files of a scan did not change."""
        return self.folder / self.file


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder; none where it is not there."""
    with os_errors(str(folder)):
        return sorted(Path(each.path) for each in _entries(folder) if each.is_dir())


def files_in(folder: Path) -> list[tuple[str, str, tuple[int, ...]]]:
    """Return name, file and signature of what may hold an object; none without the folder."""
    found = []
    with os_errors(str(folder)):
        for each in _entries(folder):
            name, dot, suffix = each.name.rpartition(".")
            if dot + suffix in SUFFIXES and name and not each.name.startswith("."):
                with contextlib.suppress(FileNotFoundError):
                    found.append((name, each.name, signature(each.stat(follow_symlinks=False))))
    return found


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with (
        contextlib.suppress(FileNotFoundError, NotADirectoryError),
        os.scandir(folder) as entries,
    ):
        return list(entries)
    return []
