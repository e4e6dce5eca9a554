"""One source of an application, laid out: its folder, and what of it has which id.

Neighbours: `rendering` makes it, the `*_source` modules read it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from secretsync.gitops.errors import RenderError, SourceError
from secretsync.gitops.model import Object
from secretsync.gitops.sources.git_tree import GitTree, inside
from secretsync.gitops.sources.revisions import short_revision
from secretsync.resources.application_spec import Source
from secretsync.resources.documents import load_documents

__all__ = ["SourceFiles", "objects_of"]


#: How a file begins that Git LFS has elsewhere. Source: Git LFS specification, "The pointer".
_LFS = b"version https://git-lfs.github.com/spec/"


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
        """Return what stands for a file or folder, and for all that it leads to.

        The id of a link is that of its text: what is behind it may be any file of the tree,
        and is another one in another repository.

        Raises:
            SourceError: there is none, or it is of a submodule.
        """
        found = self.tree.id(path)
        if (submodule := self.tree.submodule(path)) is not None:
            raise SourceError(
                f"{path} is of the submodule {submodule}: submodules are not fetched",
                remedy='set enableSubmodules: "true" in the repository Secret of this URL, or '
                "make the submodule's repository a source of the application",
            )
        if found is None:
            raise SourceError(
                f"{path or '.'} does not exist at {short_revision(self.tree.commit)}",
                remedy="correct the path, or the revision",
            )
        return f"{found}@{self.tree.entries[''].id}" if self.tree.links(path) else found

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
    if text.startswith(_LFS):
        raise RenderError(
            f"{file} is kept by Git LFS, which is not asked",
            remedy='set enableLfs: "true" in the repository Secret of this URL, or commit the '
            "file itself: manifests are small",
        )
    documents, problems = load_documents(text, file=file)
    if problems:
        first = problems[0]
        place = f"{first.file}:{first.line}" if first.line else first.file
        raise RenderError(f"{place}: {first.message}", remedy=first.remedy)
    return [document.value for document in documents]
