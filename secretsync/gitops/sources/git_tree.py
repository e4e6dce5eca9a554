"""The files of one commit, by path: names, modes and object ids, no content. Pure.

Neighbour: `repositories` reads it with one call of git a commit.
"""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from secretsync.gitops.errors import SourceError

__all__ = ["FOLDER", "GitTree", "TreeEntry", "inside", "parse_tree"]

#: The mode of a folder.
FOLDER = "040000"
_LINK, _SUBMODULE = "120000", "160000"


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
        return self.mode == FOLDER

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return self.mode == _LINK

    @property
    def is_submodule(self) -> bool:
        """Whether it is a commit of another repository."""
        return self.mode == _SUBMODULE


@dataclass(frozen=True, slots=True)
class GitTree:
    """Every file and folder of a commit; the root is ""."""

    commit: str
    entries: Mapping[str, TreeEntry] = field(repr=False)
    _files: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _links: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Note the files in order, and the links: each application asks for a few of them."""
        found = self.entries.items()
        files = tuple(sorted(path for path, entry in found if not entry.is_folder and path))
        links = tuple(path for path in files if self.entries[path].is_link)
        object.__setattr__(self, "_files", files)
        object.__setattr__(self, "_links", links)

    def id(self, path: str) -> str | None:
        """Return the id of a file or folder, None where there is none."""
        found = self.entries.get(inside(path))
        return found.id if found is not None else None

    def links(self, path: str) -> bool:
        """Return whether a path is a symbolic link, or holds one."""
        found = inside(path)
        start = f"{found}/" if found else ""
        return any(each == found or each.startswith(start) for each in self._links)

    def submodule(self, path: str) -> str | None:
        """Return the submodule that a path leads into, None where it leads into none."""
        parts = inside(path).split("/")
        above = ("/".join(parts[:end]) for end in range(1, len(parts) + 1))
        found = (each for each in above if each in self.entries)
        return next((each for each in found if self.entries[each].is_submodule), None)

    def files(self, folder: str) -> Iterator[tuple[str, TreeEntry]]:
        """Yield each file below a folder, by its path from the root, in order."""
        prefix = inside(folder)
        start = f"{prefix}/" if prefix else ""
        for at in range(bisect_left(self._files, start), len(self._files)):
            path = self._files[at]
            if not path.startswith(start):
                return
            yield path, self.entries[path]


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
