"""Git repositories: which commit a revision is, what a commit holds, and its files on disk.

One bare repository a URL is kept. `ls-remote` tells once a round what moved, one fetch
brings it however many applications use it, one listing a commit says which folders moved,
and its files are laid out once, by the id of its tree.

Neighbours: `git_program` runs git, `git_tree` is the listing, `layouts` writes the files,
`rendering` uses it.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import tempfile
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from secretsync.gitops.errors import GitOpsError, SourceError
from secretsync.gitops.git_program import GitProgram, checked_url
from secretsync.gitops.git_tree import GitTree, TreeEntry, parse_tree
from secretsync.gitops.layouts import check_links, unpack
from secretsync.gitops.repo_credentials import RepoCredentials, normal_url

__all__ = ["Logins", "Repositories"]

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_ABBREVIATED = re.compile(r"[0-9a-f]{7,39}", re.ASCII)
_REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
#: `git archive` would leave files out, or write the commit into them, where the repository
#: asks for it; a layout is all files of a tree, as they are.
_ATTRIBUTES = "* -export-ignore -export-subst\n"
#: Listings and layouts that are kept.
_KEPT_TREES = 64
_KEPT_LAYOUTS = 8
#: Of all files of a commit together.
MAX_TREE_BYTES = 512 * 1024 * 1024

Refs = Mapping[str, str]


class Logins(Protocol):
    """Who logs in to a repository."""

    def find(self, url: str) -> RepoCredentials:
        """Return the login of a URL, an empty one where there is none."""
        ...

    def forget(self) -> None:
        """Look for logins anew, when one is asked for."""
        ...


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
        self._local = local
        self._logins = logins
        self._lock = threading.Lock()
        self._locks: dict[str, threading.RLock] = {}
        self._refs: dict[str, Refs | GitOpsError] = {}
        self._trees: OrderedDict[tuple[str, str], GitTree] = OrderedDict()
        self._layouts: OrderedDict[str, Path] = OrderedDict()
        self._in_use: Counter[str] = Counter()

    def forget(self) -> None:
        """Begin a round: each repository is asked once more what its refs are."""
        if self._logins is not None:
            self._logins.forget()
        with self._lock:
            self._refs.clear()

    def _credentials(self, url: str) -> RepoCredentials:
        return RepoCredentials() if self._logins is None else self._logins.find(url)

    def resolve(self, url: str, revision: str) -> str:
        """Return the commit of a branch, a tag, a commit or HEAD.

        Raises:
            SourceError: there is none of that name.
            SourceUnavailable: nobody answers: that says nothing about the revision.
        """
        wanted = revision or "HEAD"
        if _SHA.fullmatch(wanted):
            return wanted
        with self._of(url):
            refs = self._round(url)
            for name in (
                wanted,
                f"refs/heads/{wanted}",
                f"refs/tags/{wanted}^{{}}",
                f"refs/tags/{wanted}",
            ):
                if name in refs:
                    return refs[name]
            if _ABBREVIATED.fullmatch(wanted):
                self._fetch(url)
                return self._complete(url, wanted)
        raise SourceError(
            f"the repository has no revision {wanted[:100]!r}", remedy="correct targetRevision"
        )

    def tree(self, url: str, commit: str) -> GitTree:
        """Return what a commit holds, fetched where it is not there yet.

        Raises:
            GitOpsError: it is not to be had.
        """
        key = (normal_url(url), commit)
        with self._of(url):
            found = self._trees.get(key)
            if found is None:
                bare = self._present(url, commit)
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
    def laid_out(self, url: str, commit: str) -> Iterator[Path]:
        """Give a folder with the files of a commit; nobody may write there.

        Raises:
            SourceError: it is too large, or a link leads out of it.
        """
        tree = self.tree(url, commit)
        root = tree.entries[""].id
        with self._of(url):
            target = self._cache / "trees" / root
            self._in_use[root] += 1
            try:
                if not target.is_dir():
                    self._lay_out(url, tree, target)
                self._layouts[root] = target
                self._layouts.move_to_end(root)
            except BaseException:
                self._in_use[root] -= 1
                raise
        try:
            yield target
        finally:
            with self._lock:
                self._in_use[root] -= 1
                self._drop_old_layouts()

    def author(self, url: str, commit: str) -> str:
        """Return the author of a commit, as `Name <address>`."""
        with self._of(url):
            bare = self._present(url, commit)
            shown = self._git.run(["show", "-s", "--format=%an <%ae>", commit], cwd=bare)
        return shown.decode(errors="replace").strip()

    def _round(self, url: str) -> Refs:
        """Return the refs, asked for once a round; a failure is remembered as long."""
        key = normal_url(url)
        known = self._refs.get(key)
        if known is None:
            try:
                known = self._ls_remote(url)
            except GitOpsError as exc:
                known = exc
            self._refs[key] = known
        if isinstance(known, GitOpsError):
            raise known
        return known

    def _ls_remote(self, url: str) -> Refs:
        checked_url(url, local=self._local)
        self._cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        listed = self._git.run(
            ["ls-remote", "--quiet", url], cwd=self._cache, credentials=self._credentials(url)
        )
        lines = listed.decode(errors="replace").splitlines()
        return {name: sha for sha, _, name in (line.partition("\t") for line in lines)}

    def _fetch(self, url: str, *refspecs: str) -> Path:
        checked_url(url, local=self._local)
        bare = self._bare(url)
        # A branch that is gone may stand where a folder of branches begins: it goes first.
        arguments = ["fetch", "--quiet", "--no-write-fetch-head", "--force", "--no-auto-gc"]
        arguments += [url] if refspecs else ["--prune", url]
        try:
            self._git.run(
                [*arguments, *(refspecs or _REFSPECS)], cwd=bare, credentials=self._credentials(url)
            )
        except GitOpsError:
            # What a killed git leaves would grow by a pack each time it is tried again.
            for left in (bare / "objects" / "pack").glob("tmp_*"):
                left.unlink(missing_ok=True)
            raise
        return bare

    def _bare(self, url: str) -> Path:
        name = hashlib.sha256(normal_url(url).encode()).hexdigest()[:24]
        bare = self._cache / "repositories" / name
        if not (bare / "HEAD").exists():
            bare.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._git.run(["init", "--quiet", "--bare", "."], cwd=bare)
        attributes = bare / "info" / "attributes"
        if not attributes.exists():
            attributes.parent.mkdir(exist_ok=True)
            attributes.write_text(_ATTRIBUTES)
        return bare

    def _present(self, url: str, commit: str) -> Path:
        """Return the bare repository, once it holds a commit."""
        bare = self._bare(url)
        if self._holds(bare, commit):
            return bare
        self._fetch(url)
        if not self._holds(bare, commit):
            self._fetch(url, commit)  # One that no branch has any more.
        return bare

    def _holds(self, bare: Path, commit: str) -> bool:
        with contextlib.suppress(GitOpsError):
            self._git.run(["cat-file", "-e", f"{commit}^{{commit}}"], cwd=bare)
            return True
        return False

    def _complete(self, url: str, abbreviated: str) -> str:
        bare = self._bare(url)
        try:
            arguments = ["rev-parse", "--verify", f"{abbreviated}^{{commit}}"]
            return self._git.run(arguments, cwd=bare).decode().strip()
        except GitOpsError:
            raise SourceError(
                f"the repository has no revision {abbreviated}", remedy="write the whole commit id"
            ) from None

    def _lay_out(self, url: str, tree: GitTree, target: Path) -> None:
        size = sum(entry.size_bytes for entry in tree.entries.values())
        if size > MAX_TREE_BYTES:
            raise SourceError(
                f"the files of the commit are larger than {MAX_TREE_BYTES // 2**20} MiB",
                remedy="use a repository of manifests alone",
            )
        archive = self._git.run(["archive", "--format=tar", tree.commit], cwd=self._bare(url))
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        staging = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
        try:
            # What git makes of a commit without files is no archive to this reader.
            if any(tree.entries):
                unpack(archive, staging)
            check_links(tree, staging)
            staging.replace(target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _drop_old_layouts(self) -> None:
        unused = [root for root in self._layouts if not self._in_use[root]]
        for root in unused[: max(0, len(self._layouts) - _KEPT_LAYOUTS)]:
            shutil.rmtree(self._layouts.pop(root), ignore_errors=True)
            del self._in_use[root]

    def _of(self, url: str) -> threading.RLock:
        """Return the lock of a repository: one call of git at a time for each."""
        with self._lock:
            return self._locks.setdefault(normal_url(url), threading.RLock())
