"""The files of one commit, by path: names, modes and object ids, no content. Pure.

Neighbour: `repositories` reads it with one call of git a commit.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from secretsync.gitops.errors import SourceError

__all__ = ["GitTree", "TreeEntry", "inside", "parse_tree"]

_LINK, _SUBMODULE, _FOLDER = "120000", "160000", "040000"


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One file or folder.

    Args:
        size_bytes: of a file; 0 of a folder.
    """

    mode: str
    id: str
    size_bytes: int

    @property
    def is_folder(self) -> bool:
        """Whether it holds others."""
        return self.mode == _FOLDER

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return self.mode == _LINK

    @property
    def is_submodule(self) -> bool:
        """Whether it is a commit of another repository, which is not fetched."""
        return self.mode == _SUBMODULE


@dataclass(frozen=True, slots=True)
class GitTree:
    """Every file and folder of a commit; the root is ""."""

    commit: str
    entries: Mapping[str, TreeEntry] = field(repr=False)

    def id(self, path: str) -> str | None:
        """Return the id of a file or folder, None where there is none."""
        found = self.entries.get(inside(path))
        return found.id if found is not None else None

    def files(self, folder: str) -> Iterator[tuple[str, TreeEntry]]:
        """Yield each file below a folder, by its path from the root, in order."""
        prefix = inside(folder)
        start = f"{prefix}/" if prefix else ""
        for path, entry in self.entries.items():
            if path.startswith(start) and not entry.is_folder and path:
                yield path, entry


def inside(path: str) -> str:
    """Return a path from the root in its one form.

    Raises:
        SourceError: it leaves the repository.
    """
    found = posixpath.normpath(posixpath.join("/", path)) if path else "/"
    if posixpath.normpath(path or ".").startswith(".."):
        raise SourceError(
            f"the path {path[:200]!r} is outside of the repository",
            remedy="name a path inside of it",
        )
    return found.lstrip("/")


def parse_tree(commit: str, listed: bytes) -> GitTree:
    """Read what `git ls-tree -r -t -z --long` prints."""
    entries: dict[str, TreeEntry] = {}
    for line in listed.split(b"\0"):
        if not line:
            continue
        head, _, name = line.partition(b"\t")
        mode, _, object_id, size = head.split()
        entries[name.decode(errors="surrogateescape")] = TreeEntry(
            mode.decode(), object_id.decode(), int(size) if size != b"-" else 0
        )
    return GitTree(commit, entries)
