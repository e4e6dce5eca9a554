"""Git repositories: which commit a revision is, what a commit holds, and its files on disk.

One bare repository a URL is kept. `ls-remote` tells once a round what moved, one fetch
brings it however many applications use it, one listing a commit says which folders moved,
and its files are laid out once, by the id of its tree.

Neighbours: `bare_repositories` asks servers, `git_tree` is the listing, `layouts` writes the
files, `rendering` uses it.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

from secretsync.gitops.errors import GitOpsError, SourceError
from secretsync.gitops.sources.bare_repositories import SHA, BareRepositories, Refs, Remote
from secretsync.gitops.sources.git_program import GitProgram, checked_url
from secretsync.gitops.sources.git_tree import GitTree, TreeEntry, parse_tree
from secretsync.gitops.sources.kept_folders import KeptFolders, move_into_place
from secretsync.gitops.sources.layouts import check_links, unpack
from secretsync.gitops.sources.repo_credentials import Logins, RepoCredentials, normal_url
from secretsync.gitops.sources.revisions import commit_at, reference_of

__all__ = ["KEPT_LAYOUTS", "MAX_TREE_BYTES", "Repositories"]

_ABBREVIATED = re.compile(r"[0-9a-f]{7,39}", re.ASCII)
#: Listings that are kept.
_KEPT_TREES = 64
#: Commits whose authors are.
_KEPT_AUTHORS = 256
#: Commits on disk that nobody uses.
KEPT_LAYOUTS = 8
#: Of all files of a commit together.
MAX_TREE_BYTES = 512 * 1024 * 1024


class Repositories:
    """The repositories of all applications; safe in threads.

    Args:
        cache_dir: where they are kept; may be deleted at any time that nothing runs.
        logins: who logs in to a URL; None is nobody.
        local: `file://` repositories are served.
    """

    def __init__(
        self,
        cache_dir: Path,
        git: GitProgram,
        *,
        local: bool,
        logins: Logins | None = None,
    ) -> None:
        self._cache = cache_dir
        self._git = git
        self._bare = BareRepositories(cache_dir, git)
        self._local = local
        self._logins = logins
        self._lock = threading.Lock()
        self._locks: dict[str, threading.RLock] = {}
        self._refs: dict[str, Refs | GitOpsError] = {}
        self._trees: OrderedDict[tuple[str, str], GitTree] = OrderedDict()
        self._authors: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._layouts = KeptFolders(KEPT_LAYOUTS)

    def forget(self) -> None:
        """Begin a round: each repository is asked once more what its refs are."""
        if self._logins is not None:
            self._logins.forget()
        with self._lock:
            self._refs.clear()

    def _remote(self, url: str, project: str) -> Remote:
        checked_url(url, local=self._local)
        found = RepoCredentials() if self._logins is None else self._logins.find(url, project)
        # What only one project may read is kept apart from what all may, and `git@HOST:PATH`,
        # which begins at the account's home, from the whole path of `ssh://`.
        kept = normal_url(url) if "://" in url else url
        return Remote(url, f"{found.project}\0{kept}", found)

    @property
    def cache_dir(self) -> Path:
        """Where they are kept."""
        return self._cache

    def login(self, url: str, *, project: str = "") -> RepoCredentials:
        """Return how a project's applications log in to a repository.

        Raises:
            SourceForbidden: the URL is not served.
        """
        return self._remote(url, project).login

    def resolve(self, url: str, revision: str, *, project: str = "", tag_prefix: str = "") -> str:
        """Return the commit of a branch, a tag, a range of tags, a commit or HEAD.

        Args:
            project: of the application that asks: a login may be for one alone.
            tag_prefix: what stands in front of the versions that a range is of.

        Raises:
            SourceError: there is none of that name.
            SourceUnavailable: nobody answers: that says nothing about the revision.
        """
        wanted = revision or "HEAD"
        if SHA.fullmatch(wanted):
            return wanted
        remote = self._remote(url, project)
        with self._of(remote):
            refs = self._round(remote)
            name = reference_of(refs, wanted, tag_prefix=tag_prefix)
            if name is not None:
                return commit_at(refs, name)
            if _ABBREVIATED.fullmatch(wanted):
                self._bare.fetch(remote)
                return self._bare.complete(remote, wanted)
        raise SourceError(
            f"the repository has no revision {wanted[:100]!r}", remedy="correct targetRevision"
        )

    def refs(self, url: str, *, project: str = "") -> Refs:
        """Return what the references of a repository are at, asked for once a round.

        Raises:
            SourceUnavailable: nobody answers.
        """
        remote = self._remote(url, project)
        with self._of(remote):
            return self._round(remote)

    def ask(
        self,
        url: str,
        held: str,
        arguments: Sequence[str],
        *,
        given: bytes = b"",
        project: str = "",
    ) -> bytes:
        """Return what a git command that only reads prints.

        Args:
            held: a commit or tag that is fetched before, where it is not there yet.
            given: standard input of the command.

        Raises:
            GitOpsError: it is not to be had, or the command fails.
        """
        remote = self._remote(url, project)
        with self._of(remote):
            return self._git.run(arguments, cwd=self._bare.present(remote, held), given=given)

    def tree(self, url: str, commit: str, *, project: str = "") -> GitTree:
        """Return what a commit holds, fetched where it is not there yet.

        Raises:
            GitOpsError: it is not to be had.
        """
        remote = self._remote(url, project)
        key = (remote.key, commit)
        with self._of(remote):
            found = self._trees.get(key)
            if found is None:
                bare = self._bare.present(remote, commit)
                arguments = ["ls-tree", "-r", "-t", "-z", "--long", commit]
                found = parse_tree(commit, self._git.run(arguments, cwd=bare))
                root = self._git.run(["rev-parse", f"{commit}^{{tree}}"], cwd=bare)
                entries = {"": TreeEntry("040000", root.decode().strip(), 0), **found.entries}
                found = GitTree(commit, entries)
                self._trees[key] = found
                if len(self._trees) > _KEPT_TREES:
                    self._trees.popitem(last=False)
            return found

    @contextlib.contextmanager
    def laid_out(self, url: str, commit: str, *, project: str = "") -> Iterator[Path]:
        """Give a folder with the files of a commit; nobody may write there.

        Raises:
            SourceError: it is too large, or a link leads out of it.
        """
        tree = self.tree(url, commit, project=project)
        remote = self._remote(url, project)

        def make(target: Path) -> None:
            with self._of(remote):
                if not target.is_dir():
                    self._lay_out(remote, tree, target)

        with self._layouts.using(self._cache / "trees" / tree.entries[""].id, make) as folder:
            yield folder

    def author(self, url: str, commit: str, *, project: str = "") -> str:
        """Return the author of a commit, as `Name <address>`; git is asked once a commit."""
        remote = self._remote(url, project)
        key = (remote.key, commit)
        with self._of(remote):
            found = self._authors.get(key)
            if found is None:
                bare = self._bare.present(remote, commit)
                shown = self._git.run(["show", "-s", "--format=%an <%ae>", commit], cwd=bare)
                found = self._authors[key] = shown.decode(errors="replace").strip()
                if len(self._authors) > _KEPT_AUTHORS:
                    self._authors.popitem(last=False)
            return found

    def _round(self, remote: Remote) -> Refs:
        """Return the refs, asked for once a round; a failure is remembered as long."""
        key = remote.key
        known = self._refs.get(key)
        if known is None:
            try:
                known = self._bare.refs(remote)
            except GitOpsError as exc:
                known = exc
            self._refs[key] = known
        if isinstance(known, GitOpsError):
            raise known
        return known

    def _lay_out(self, remote: Remote, tree: GitTree, target: Path) -> None:
        size = sum(entry.size_bytes for entry in tree.entries.values())
        if size > MAX_TREE_BYTES:
            raise SourceError(
                f"the files of the commit are larger than {MAX_TREE_BYTES // 2**20} MiB",
                remedy="use a repository of manifests alone",
            )
        archive = self._git.run(
            ["archive", "--format=tar", tree.commit], cwd=self._bare.folder(remote)
        )
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        staging = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
        try:
            # What git makes of a commit without files is no archive to this reader.
            if any(tree.entries):
                unpack(archive, staging)
            check_links(tree, staging)
            move_into_place(staging, target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _of(self, remote: Remote) -> threading.RLock:
        """Return the lock of a repository: one call of git at a time for each."""
        with self._lock:
            return self._locks.setdefault(remote.key, threading.RLock())
