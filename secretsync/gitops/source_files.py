"""One source of an application, laid out: its folder, and what of it has which id.

Neighbours: `rendering` makes it, the `*_source` modules read it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from secretsync.gitops.errors import RenderError, SourceError
from secretsync.gitops.git_tree import GitTree, inside
from secretsync.gitops.model import Object
from secretsync.resources.application_spec import Source
from secretsync.resources.documents import load_documents

__all__ = ["SourceFiles", "objects_of"]


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """A source at a commit.

    Args:
        root: where the repository's files are.
        refs: the other sources that have a `ref`, by it.
    """

    source: Source
    tree: GitTree
    root: Path
    refs: Mapping[str, SourceFiles] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """The source's path from the root."""
        return inside(self.source.path)

    def path(self, relative: str) -> str:
        """Return a path that the source's folder names, from the root.

        Raises:
            SourceError: it leaves the repository.
        """
        return inside(posixpath.join(self.folder, relative))

    def disk(self, path: str) -> Path:
        """Return where a path from the root is on disk."""
        return self.root / path

    def id(self, path: str) -> str:
        """Return the id of a file or folder.

        Raises:
            SourceError: there is none.
        """
        found = self.tree.id(path)
        if found is None:
            raise SourceError(
                f"{path or '.'} does not exist at {self.tree.commit[:7]}",
                remedy="correct the path, or the revision",
            )
        return found

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder at a path from the root."""
        entry = self.tree.entries.get(path)
        return entry is not None and entry.is_folder

    def files(self, folder: str) -> Iterator[str]:
        """Yield the path of each file below a folder."""
        return (path for path, entry in self.tree.files(folder) if not entry.is_submodule)


def objects_of(text: bytes, *, file: str) -> list[Object]:
    """Return the objects of a text.

    Raises:
        RenderError: it is no good YAML, or holds something that is no object.
    """
    documents, problems = load_documents(text, file=file)
    if problems:
        first = problems[0]
        place = f"{first.file}:{first.line}" if first.line else first.file
        raise RenderError(f"{place}: {first.message}", remedy=first.remedy)
    return [document.value for document in documents]
