"""Commits and tags of a repository as Git stores them, to be verified.

Neighbours: `repositories` runs git, `signed_objects` reads what it gives, `integrity` asks.

Source: Git 2.47, git-cat-file, "Batch output".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from secretsync.gitops.errors import SourceError
from secretsync.gitops.sources.repositories import Repositories
from secretsync.gitops.sources.revisions import commit_at, reference_of
from secretsync.gitops.sources.signed_objects import SignedObject, read_signed

__all__ = ["GitObjects", "ReadsObjects"]


class ReadsObjects(Protocol):
    """Gives commits and tags of one repository."""

    def object(self, object_id: str) -> SignedObject:
        """Return one commit or tag."""
        ...

    def before(self, commit: str, *, skip: int, most: int) -> list[SignedObject]:
        """Return a commit and those before it, children first."""
        ...


class GitObjects:
    """One repository, as one project may read it.

    Args:
        url: of the repository.
        project: of the application that asks.
    """

    def __init__(self, repositories: Repositories, url: str, *, project: str) -> None:
        self._repositories = repositories
        self._url = url
        self._project = project

    def tag_id(self, revision: str, commit: str, *, prefix: str = "") -> str:
        """Return the id of the annotated tag of a commit that a revision names, "" for none.

        Args:
            prefix: of the tags, where the revision is a range.

        Raises:
            GitOpsError: nobody answers.
        """
        if not revision or revision == commit:
            return ""
        refs = self._repositories.refs(self._url, project=self._project)
        name = reference_of(refs, revision, tag_prefix=prefix)
        if name is None or refs[name] == commit or commit_at(refs, name) != commit:
            return ""
        return refs[name]

    def object(self, object_id: str) -> SignedObject:
        """Return one commit or tag.

        Raises:
            GitOpsError: it is not to be had.
        """
        return self._read(object_id, [object_id])[0]

    def before(self, commit: str, *, skip: int, most: int) -> list[SignedObject]:
        """Return a commit and those before it, children first.

        Args:
            skip: how many to leave out at the beginning.
            most: how many to return.

        Raises:
            GitOpsError: they are not to be had.
        """
        counted = [f"--skip={skip}", f"--max-count={most}"]
        listed = self._ask(commit, ["rev-list", "--topo-order", *counted, commit, "--"])
        ids = listed.decode().split()
        return self._read(commit, ids) if ids else []

    def _read(self, held: str, ids: Iterable[str]) -> list[SignedObject]:
        wanted = list(ids)
        given = "".join(f"{each}\n" for each in wanted).encode()
        text, at, found = self._ask(held, ["cat-file", "--batch"], given), 0, []
        for each in wanted:
            end = text.index(b"\n", at)
            head = text[at:end].decode().split()
            if len(head) != 3 or head[0] != each:
                raise SourceError(f"the repository lacks the object {each[:10]}")
            begin, size = end + 1, int(head[2])
            found.append(read_signed(head[1], each, text[begin : begin + size]))
            at = begin + size + 1
        return found

    def _ask(self, held: str, arguments: list[str], given: bytes = b"") -> bytes:
        return self._repositories.ask(
            self._url, held, arguments, given=given, project=self._project
        )
