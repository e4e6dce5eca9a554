"""Bases of other repositories: which they are, and a folder in which everything is beside.

Each base is fetched before kustomize runs, under the rules of the application's project, and
the kustomizations that name it are rewritten in a copy. Neighbours: `kustomize_closure` reads
kustomizations, `fetching` gets repositories, `kustomize_source` builds.

Source: kustomize 5.7, "Remote targets".
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import yaml

from secretsync.gitops.errors import RenderError
from secretsync.gitops.render.kustomize_closure import (
    MAX_FOLDERS,
    in_place,
    is_remote,
    lowered,
    named,
    refuse_fetching,
    written,
)
from secretsync.gitops.render.kustomize_source import components_of
from secretsync.gitops.sources.chart_archives import tree_of
from secretsync.gitops.sources.git_tree import inside
from secretsync.gitops.sources.source_files import SourceFiles
from secretsync.resources.application_spec import KustomizeOptions

__all__ = ["RemoteBase", "RemoteClosure", "remote_base", "remote_closure"]

#: Fields whose entries may be of another repository.
_BASES = ("resources", "bases", "components")
_SUFFIXES = (".yaml", ".yml", ".json")
_GITHUB = "github.com/"
#: Of `https://HOST/ORG/REPO/FOLDER`, where nothing says where the repository ends.
_ORG_AND_REPO = 2


@dataclass(frozen=True, slots=True)
class RemoteBase:
    """A folder of another repository.

    Args:
        revision: a branch, tag or commit; "" for the newest.
    """

    url: str
    folder: str
    revision: str


#: Gives a repository at the revision that a base names.
Fetch = Callable[[RemoteBase], SourceFiles]
#: One repository of a closure, and a folder of it.
_Place = tuple[int, str]


@dataclass
class RemoteClosure:
    """Everything that a kustomization reaches, in whichever repository.

    Args:
        owners: the repositories at their revisions; the first is the application's own.
        files: that are read, of each owner.
        links: the kustomizations that name bases of others: the name, and where it is.
    """

    owners: list[SourceFiles]
    folders: set[_Place] = field(default_factory=set)
    files: set[_Place] = field(default_factory=set)
    links: dict[_Place, dict[str, _Place]] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, ...]:
        """What the objects depend on."""
        source = self.owners[0].source
        ids = [f"{n}:{path}={self.owners[n].id(path)}" for n, path in sorted(self.files)]
        places = [f"{n}:{path}" for n, path in sorted(self.folders)]
        return (self.owners[0].folder, repr(source.kustomize), *places, *ids)

    def laid_out(self, room: Path) -> SourceFiles:
        """Copy everything beside each other, and return the source as it is there.

        Args:
            room: an empty folder that lives as long as the result.
        """
        for number, path in sorted(self.files):
            target = room / str(number) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.owners[number].disk(path).read_bytes())
        for (number, folder), places in self.links.items():
            path, said = written(self.owners[number], folder)
            here = f"{number}/{folder}".rstrip("/")
            text = yaml.safe_dump(_rewritten(said, places, here))
            (room / str(number) / path).write_text(text)
        digest = hashlib.sha256("\0".join(self.key).encode()).hexdigest()
        own = self.owners[0]
        source = replace(own.source, path=f"0/{own.folder}".rstrip("/"))
        tree = tree_of(room, version=own.tree.commit, digest=digest)
        return replace(own, source=source, tree=tree, root=room)


def remote_closure(files: SourceFiles, fetch: Fetch) -> RemoteClosure:
    """Follow a kustomization through repositories.

    Raises:
        RenderError: a kustomization cannot be read, or names what is not served.
        GitOpsError: a base is not to be had.
        ConfigError: the project does not give its repository.
    """
    found = RemoteClosure([files])
    owners: dict[tuple[str, str], int] = {}
    waiting: list[_Place] = [(0, files.folder)]
    options = files.source.kustomize or KustomizeOptions()
    waiting += [(0, path) for path in components_of(files, options)]
    found.files |= {(0, files.path(patch.path)) for patch in options.patches if patch.path}
    while waiting:
        place = waiting.pop()
        if place in found.folders:
            continue
        if len(found.folders) >= MAX_FOLDERS:
            raise RenderError(
                f"the kustomization reaches more than {MAX_FOLDERS} folders",
                remedy="split the application",
            )
        found.folders.add(place)
        waiting += _followed(found, place, fetch, owners)
    for number, path in found.files:
        found.owners[number].id(path)  # Says what is missing, before anything is copied.
    return found


def _followed(
    found: RemoteClosure, place: _Place, fetch: Fetch, owners: dict[tuple[str, str], int]
) -> list[_Place]:
    """Note what one kustomization names, and return the folders among it."""
    number, folder = place
    files = found.owners[number]
    path, own = written(files, folder)
    found.files.add((number, path))
    kustomization = lowered(own)
    bases = {str(each) for name in _BASES for each in kustomization.get(name) or ()}
    more: list[_Place] = []
    for name in named(kustomization):
        if in_place(files, folder, name):
            continue
        if is_remote(name):
            if name not in bases:
                raise RenderError(
                    f"{path}: {name[:200]!r} is not fetched while rendering",
                    remedy="commit it to the repository",
                )
            target = _fetched(found, remote_base(name), fetch, owners)
            found.links.setdefault(place, {})[name] = target
            more.append(target)
            continue
        reached = inside(posixpath.join(folder, name))
        if files.is_folder(reached):
            more.append((number, reached))
        elif (number, reached) not in found.files:
            files.id(reached)
            refuse_fetching(files.disk(reached).read_bytes(), reached)
            found.files.add((number, reached))
    return more


def _fetched(
    found: RemoteClosure,
    base: RemoteBase,
    fetch: Fetch,
    owners: dict[tuple[str, str], int],
) -> _Place:
    key = (base.url, base.revision)
    if key not in owners:
        owners[key] = len(found.owners)
        found.owners.append(fetch(base))
    number = owners[key]
    folder = inside(base.folder)
    if not found.owners[number].is_folder(folder):
        raise RenderError(
            f"{base.url} has no folder {folder[:200]!r} at {base.revision[:100] or 'HEAD'}",
            remedy="correct the base",
        )
    return number, folder


def _rewritten(own: Mapping[str, Any], places: Mapping[str, _Place], here: str) -> dict[str, Any]:
    """Return a kustomization whose bases are beside it."""

    def local(entry: Any) -> Any:
        if not isinstance(entry, str) or entry not in places:
            return entry
        number, folder = places[entry]
        return posixpath.relpath(f"{number}/{folder}".rstrip("/"), here)

    return {
        name: [local(each) for each in value]
        if str(name).casefold() in _BASES and isinstance(value, list)
        else value
        for name, value in own.items()
    }


def remote_base(name: str) -> RemoteBase:
    """Return what a base means.

    Raises:
        RenderError: it is a file, or of a form that is not served.
    """
    address, _, query = name.removeprefix("git::").partition("?")
    given = dict(parse_qsl(query))
    revision = given.get("ref") or given.get("version") or ""
    scheme, separator, rest = address.partition("://")
    if not separator and address.startswith(_GITHUB):
        scheme, separator, rest = "https", "://", address
    if not separator and "@" in address.partition("/")[0] and ":" in address:
        # git@host:org/repo, which is not a URL.
        host, _, rest = address.partition(":")
        repository, folder = _split(rest)
        return RemoteBase(f"{host}:{repository}", folder, revision)
    if not separator:
        raise _no_base(name)
    host, _, path = rest.partition("/")
    if scheme.lower() == "file":
        repository, _, folder = path.partition("//")
        return RemoteBase(f"file:///{repository.lstrip('/')}", folder, revision)
    if not revision and path.endswith(_SUFFIXES):
        raise RenderError(
            f"the file {name[:200]!r} is not fetched while rendering",
            remedy="commit it to the repository, or name a folder of a Git repository",
        )
    repository, folder = _split(path)
    if not host or not repository:
        raise _no_base(name)
    return RemoteBase(f"{scheme.lower()}://{host}/{repository}", folder, revision)


def _split(path: str) -> tuple[str, str]:
    """Return the repository and the folder: `//`, `.git/` or `_git/NAME` part them."""
    path = path.strip("/")
    for mark, kept in (("//", ""), (".git/", ".git")):
        repository, found, folder = path.partition(mark)
        if found:
            return repository + kept, folder.strip("/")
    if path.endswith(".git"):
        return path, ""
    parts = path.split("/")
    end = parts.index("_git") + 2 if "_git" in parts else _ORG_AND_REPO
    return "/".join(parts[:end]), "/".join(parts[end:])


def _no_base(name: str) -> RenderError:
    return RenderError(
        f"the base {name[:200]!r} is of a form that is not served",
        remedy="write https://HOST/ORG/REPO.git//FOLDER?ref=REV",
    )
