"""All files of a commit: its own, those of its submodules, and what Git LFS has elsewhere.

`enableSubmodules: "true"` and `enableLfs: "true"` in the repository Secret ask for them;
nothing is fetched that nobody asked for. Each submodule is held to what any
repository is: protocol, the project's `sourceRepos` and signatures, logins, time and size.
Git itself fetches none. Neighbours: `submodules` says which there are, `repositories` has
each, `lfs` what is elsewhere, which `lfs_objects` keeps; `fetching` asks.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from secretsync.gitops.errors import SourceError, SourceForbidden, SourceUnavailable, about
from secretsync.gitops.sources.chart_downloads import Downloads
from secretsync.gitops.sources.git_tree import GitTree
from secretsync.gitops.sources.kept_folders import KeptFolders, move_into_place
from secretsync.gitops.sources.layouts import check_links
from secretsync.gitops.sources.lfs import Lfs, Pointer, access_of, marked, pointers_of
from secretsync.gitops.sources.lfs_objects import LfsObjects
from secretsync.gitops.sources.repo_credentials import RepoCredentials, normal_url
from secretsync.gitops.sources.repositories import MAX_TREE_BYTES, Repositories
from secretsync.gitops.sources.submodules import FILE, Submodule, grafted, submodules_of
from secretsync.resources.application import Application
from secretsync.resources.application_spec import Source

__all__ = ["KEPT_WHOLE", "Permit", "Verify", "WholeFiles"]

#: Refuses a repository that the application's project does not give.
Permit = Callable[[Application, str], None]
#: Refuses a commit of such a repository that is not signed as the project demands.
Verify = Callable[[Application, Source, str], None]

#: Of one commit together, and of submodules in submodules.
MAX_SUBMODULES = 32
MAX_DEPTH = 4
#: Seconds for all submodules, and again for all files of Git LFS: what was fetched is kept.
MAX_FETCH_S = 300.0
_KEPT_LISTS = 256
#: Commits on disk, with all that they point at, that nobody uses.
KEPT_WHOLE = 8


@dataclass(frozen=True, slots=True)
class _Part:
    """A repository of those that a commit is made of.

    Args:
        path: of its folder; "" for the commit's own.
    """

    path: str
    url: str
    tree: GitTree
    login: RepoCredentials


class WholeFiles:
    """Gives commits with what they only point at; safe in threads.

    Args:
        permit: asked before a submodule is; None gives none.
        verify: asked before a commit of one is used; None where nothing is verified.
    """

    def __init__(
        self,
        repositories: Repositories,
        downloads: Downloads,
        permit: Permit | None,
        verify: Verify | None,
    ) -> None:
        self._repositories = repositories
        self._lfs = Lfs(downloads, lambda url, project: repositories.login(url, project=project))
        self._objects = LfsObjects(repositories.cache_dir / "lfs")
        self._permit = permit
        self._verify = verify
        self._lock = threading.Lock()
        self._lists: OrderedDict[tuple[str, str, str], tuple[Submodule, ...]] = OrderedDict()
        self._layouts = KeptFolders(KEPT_WHOLE)

    @contextlib.contextmanager
    def laid_out(self, app: Application, url: str, commit: str) -> Iterator[tuple[GitTree, Path]]:
        """Give what a commit holds, and a folder with its files; nobody may write there.

        Raises:
            GitOpsError: it is not to be had, or a submodule of it is not.
            ConfigError: the project does not give the repository of a submodule.
        """
        project, repositories = app.spec.project, self._repositories
        own = self._part("", url, commit, project)
        parts, tree = [own], own.tree
        if own.login.submodules:
            ends_s = time.monotonic() + MAX_FETCH_S
            tree = self._joined(app, parts, own, depth=1, ends_s=ends_s)
        if len(parts) == 1 and not own.login.lfs:
            with repositories.laid_out(url, commit, project=project) as root:
                yield tree, root
            return

        def make(target: Path) -> None:
            self._lay_out(parts, tree, target, project)

        with self._layouts.using(repositories.cache_dir / "whole" / _name(parts), make) as root:
            yield tree, root

    def _joined(
        self, app: Application, parts: list[_Part], part: _Part, *, depth: int, ends_s: float
    ) -> GitTree:
        """Return the tree of a part with its submodules, which are added to the parts."""
        below = {}
        for each in self._submodules(app, part):
            path = f"{part.path}/{each.path}" if part.path else each.path
            if depth > MAX_DEPTH or len(parts) > MAX_SUBMODULES:
                raise SourceError(
                    f"the submodule {path[:200]} is one too many: {MAX_SUBMODULES} are fetched, "
                    f"{MAX_DEPTH} deep",
                    remedy="make its repository a source of the application",
                )
            _check_time(ends_s)
            added = self._fetched(app, each, path)
            parts.append(added)
            below[each.path] = self._joined(app, parts, added, depth=depth + 1, ends_s=ends_s)
        return grafted(part.tree, below) if below else part.tree

    def _fetched(self, app: Application, wanted: Submodule, path: str) -> _Part:
        if self._permit is None:
            raise SourceForbidden(f"the submodule {path[:200]} is not fetched here")
        self._permit(app, wanted.url)
        with about(f"submodule {path[:200]} ({normal_url(wanted.url)[:200]})"):
            if self._verify is not None:
                self._verify(app, Source(wanted.url, "", wanted.commit), wanted.commit)
            return self._part(path, wanted.url, wanted.commit, app.spec.project)

    def _part(self, path: str, url: str, commit: str, project: str) -> _Part:
        login = self._repositories.login(url, project=project)
        tree = self._repositories.tree(url, commit, project=project)
        return _Part(path, url, marked(tree, access_of(url, login)) if login.lfs else tree, login)

    def _submodules(self, app: Application, part: _Part) -> tuple[Submodule, ...]:
        if not any(each.is_submodule for each in part.tree.entries.values()):
            return ()
        commit, project = part.tree.commit, app.spec.project
        place = (project, part.url, commit)
        with self._lock:
            known = self._lists.get(place)
        if known is None:
            command = ["config", "--null", "--list", "--blob", f"{commit}:{FILE}"]
            file = part.tree.entries.get(FILE)
            with about(f"{FILE} of {normal_url(part.url)[:200]}"):
                if file is None or file.is_folder or file.is_submodule:
                    raise SourceError("there is no such file", remedy="add it")
                listed = self._repositories.ask(part.url, commit, command, project=project)
            known = submodules_of(part.url, part.tree, listed)
            with self._lock:
                self._lists[place] = known
                if len(self._lists) > _KEPT_LISTS:
                    self._lists.popitem(last=False)
        return known

    def _lay_out(self, parts: list[_Part], tree: GitTree, target: Path, project: str) -> None:
        room_bytes = MAX_TREE_BYTES - sum(each.size_bytes for each in tree.entries.values())
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        staging = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
        try:
            for part in parts:
                place = self._repositories.laid_out(part.url, part.tree.commit, project=project)
                with place as root:
                    _linked(root, staging / part.path)
                if part.login.lfs:
                    room_bytes = self._fill(part, staging / part.path, room_bytes, project)
                _check_room(room_bytes)
            check_links(tree, staging)
            move_into_place(staging, target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _fill(self, part: _Part, root: Path, room_bytes: int, project: str) -> int:
        """Write what Git LFS has; return what there is still room for."""
        pointers = pointers_of(part.tree, root)
        room_bytes -= sum(each.size_bytes for each in pointers.values())
        _check_room(room_bytes)
        if not pointers:
            return room_bytes
        ends_s = time.monotonic() + MAX_FETCH_S

        def fetch(missing: Sequence[Pointer]) -> Iterator[tuple[Pointer, bytes]]:
            for each in self._lfs.contents(part.url, part.login, missing, project=project):
                yield each
                _check_time(ends_s)

        with about(f"Git LFS of {normal_url(part.url)[:200]}"):
            wanted = [(root / path, pointer) for path, pointer in pointers.items()]
            self._objects.link(access_of(part.url, part.login), wanted, fetch)
        return room_bytes


def _check_time(ends_s: float) -> None:
    if time.monotonic() > ends_s:
        raise SourceUnavailable(
            f"submodules and files of Git LFS were not fetched in {MAX_FETCH_S:.0f} s"
        )


def _check_room(room_bytes: int) -> None:
    if room_bytes < 0:
        raise SourceError(
            "the files of the commit, with its submodules and those of Git LFS, are larger than "
            f"{MAX_TREE_BYTES // 2**20} MiB",
            remedy="use a repository of manifests alone",
        )


def _linked(root: Path, target: Path) -> None:
    """Have the files of a folder in another one too; nobody writes to either."""
    shutil.copytree(root, target, symlinks=True, copy_function=os.link, dirs_exist_ok=True)


def _name(parts: list[_Part]) -> str:
    ids = [f"{part.path}\0{part.tree.entries[''].id}" for part in parts]
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()[:32]
