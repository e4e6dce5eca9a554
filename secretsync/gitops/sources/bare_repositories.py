"""Bare repositories on disk, one a URL, and what fills them: the calls of git that ask a server.

Neighbours: `repositories` says what is wanted, and lets one call at a time in for each;
`git_program` runs git.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from secretsync.gitops.errors import GitOpsError, SourceError
from secretsync.gitops.sources.git_program import GitProgram
from secretsync.gitops.sources.repo_credentials import RepoCredentials

__all__ = ["SHA", "BareRepositories", "Refs", "Remote"]

#: The whole id of a commit.
SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
#: `git archive` would leave files out, or write the commit into them, where the repository
#: asks for it; a layout is all files of a tree, as they are.
_ATTRIBUTES = "* -export-ignore -export-subst\n"

Refs = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository as one project may read it.

    Args:
        key: tells repositories apart, and projects where a login is for one alone.
    """

    url: str
    key: str
    login: RepoCredentials


class BareRepositories:
    """Not safe in threads: one call at a time for each repository.

    Args:
        cache_dir: where they are kept.
    """

    def __init__(self, cache_dir: Path, git: GitProgram) -> None:
        self._cache = cache_dir
        self._git = git

    def refs(self, remote: Remote) -> Refs:
        """Ask a repository what its references are at.

        Raises:
            GitOpsError: it does not say.
        """
        self._cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        listed = self._git.run(
            ["ls-remote", "--quiet", remote.url],
            cwd=self._cache,
            credentials=remote.login,
            url=remote.url,
        )
        lines = listed.decode(errors="replace").splitlines()
        return {name: sha for sha, _, name in (line.partition("\t") for line in lines)}

    def fetch(self, remote: Remote, *refspecs: str) -> Path:
        """Fetch everything, or what is named; return the folder.

        Raises:
            GitOpsError: it is not to be had.
        """
        bare = self.folder(remote)
        # A branch that is gone may stand where a folder of branches begins: it goes first.
        arguments = ["fetch", "--quiet", "--no-write-fetch-head", "--force", "--no-auto-gc"]
        arguments += [remote.url] if refspecs else ["--prune", remote.url]
        try:
            self._git.run(
                [*arguments, *(refspecs or _REFSPECS)],
                cwd=bare,
                credentials=remote.login,
                url=remote.url,
            )
        except GitOpsError:
            # What a killed git leaves would grow by a pack each time it is tried again.
            for left in (bare / "objects" / "pack").glob("tmp_*"):
                left.unlink(missing_ok=True)
            raise
        return bare

    def folder(self, remote: Remote) -> Path:
        """Return the folder of a repository, made where it is not there yet."""
        name = hashlib.sha256(remote.key.encode()).hexdigest()[:24]
        bare = self._cache / "repositories" / name
        if not (bare / "HEAD").exists():
            bare.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._git.run(["init", "--quiet", "--bare", "."], cwd=bare)
        with contextlib.suppress(OSError):
            os.utime(bare)  # What was used last goes last.
        attributes = bare / "info" / "attributes"
        if not attributes.exists():
            attributes.parent.mkdir(exist_ok=True)
            attributes.write_text(_ATTRIBUTES)
        return bare

    def present(self, remote: Remote, commit: str) -> Path:
        """Return the folder, once it holds a commit.

        Raises:
            SourceError: that is no commit, or there is none.
        """
        # Some come out of a status, which others may write: git would take an option of it.
        if not SHA.fullmatch(commit):
            raise SourceError(f"{commit[:100]!r} is no commit", remedy="ask for another revision")
        bare = self.folder(remote)
        if self._holds(bare, commit):
            return bare
        self.fetch(remote)
        if not self._holds(bare, commit):
            self.fetch(remote, commit)  # One that no branch has any more.
        return bare

    def _holds(self, bare: Path, commit: str) -> bool:
        with contextlib.suppress(GitOpsError):
            self._git.run(["cat-file", "-e", f"{commit}^{{commit}}"], cwd=bare)
            return True
        return False

    def complete(self, remote: Remote, abbreviated: str) -> str:
        """Return the whole id of a commit that was fetched.

        Raises:
            SourceError: none begins so, or several do.
        """
        bare = self.folder(remote)
        try:
            arguments = ["rev-parse", "--verify", f"{abbreviated}^{{commit}}"]
            return self._git.run(arguments, cwd=bare).decode().strip()
        except GitOpsError:
            raise SourceError(
                f"the repository has no revision {abbreviated}", remedy="write the whole commit id"
            ) from None
