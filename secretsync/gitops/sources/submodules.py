"""Submodules of a commit: which repositories they are, and one tree of all. Pure.

Neighbours: `whole_files` fetches them, under the rules of the application's project.

Source: Git 2.39, "gitmodules" and "git submodule add".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from secretsync.gitops.errors import SourceError, SourceForbidden
from secretsync.gitops.sources.git_tree import FOLDER, GitTree, TreeEntry

__all__ = ["FILE", "Submodule", "grafted", "submodules_of"]

#: What says where submodules are.
FILE = ".gitmodules"
_CORRECT = "correct its url in .gitmodules"


@dataclass(frozen=True, slots=True)
class Submodule:
    """A commit of another repository, in a folder of this one."""

    path: str
    url: str
    commit: str


def submodules_of(url: str, tree: GitTree, listed: bytes) -> tuple[Submodule, ...]:
    """Return the submodules of a commit.

    Args:
        url: of the repository that has them: theirs may be relative to it.
        listed: what `git config --null --list` prints of `.gitmodules`.

    Raises:
        SourceError: one is not in `.gitmodules`.
        SourceForbidden: one is a file of this machine, or leads out of the server.
    """
    urls = _urls(listed)
    found = []
    for path, entry in tree.entries.items():
        if not entry.is_submodule:
            continue
        if path not in urls:
            raise SourceError(
                f"the submodule {path[:200]} has no url in .gitmodules",
                remedy="add it with `git submodule add`, or remove it",
            )
        found.append(Submodule(path, _resolved(url, urls[path], path), entry.id))
    return tuple(found)


def grafted(tree: GitTree, submodules: Mapping[str, GitTree]) -> GitTree:
    """Return a tree in which submodules are folders.

    Args:
        submodules: by their paths.
    """
    ids = [f"{path}\0{each.entries[''].id}" for path, each in sorted(submodules.items())]
    # A folder that they are in is another one without them: what was made of it is no more.
    mark = hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]
    entries: dict[str, TreeEntry] = {}
    for path, entry in tree.entries.items():
        start = f"{path}/" if path else ""
        below = submodules.get(path)
        if below is not None:
            entries[path] = TreeEntry(FOLDER, below.entries[""].id, 0)
            entries |= {f"{path}/{each}": one for each, one in below.entries.items() if each}
        elif entry.is_folder and any(each.startswith(start) for each in submodules):
            entries[path] = replace(entry, id=f"{entry.id}+{mark}")
        else:
            entries[path] = entry
    return GitTree(tree.commit, entries)


def _urls(listed: bytes) -> dict[str, str]:
    """Return the URLs by the paths; of a name that is there twice, the last one counts."""
    by_name: dict[str, dict[str, str]] = {}
    for line in listed.decode(errors="surrogateescape").split("\0"):
        key, _, value = line.partition("\n")
        section, _, rest = key.partition(".")
        name, _, variable = rest.rpartition(".")
        if section == "submodule" and variable in ("path", "url"):
            by_name.setdefault(name, {})[variable] = value
    pairs = [(each.get("path", ""), each.get("url", "")) for each in by_name.values()]
    return {path.rstrip("/"): url for path, url in pairs if path and url}


def _resolved(parent: str, url: str, path: str) -> str:
    """Return the URL of a submodule; `./` and `../` begin at that of the repository it is in."""
    found = _relative(parent, url, path) if url.startswith(("./", "../")) else url
    if found.lower().startswith("file:") and not parent.lower().startswith("file:"):
        raise SourceForbidden(
            f"the submodule {path[:200]} is on this machine, and its repository is not",
            remedy=_CORRECT,
        )
    return found


def _relative(parent: str, url: str, path: str) -> str:
    scheme, separator, rest = parent.partition("://")
    host, divider, place = rest.partition("/") if separator else parent.partition(":")
    start = f"{scheme}{separator}{host}{divider}" if separator else f"{host}{divider}"
    parts, wanted = place.strip("/").split("/"), url.rstrip("/").split("/")
    while wanted and wanted[0] in (".", ".."):
        if wanted.pop(0) == "..":
            if not parts:
                raise SourceForbidden(
                    f"the submodule {path[:200]} leads out of the server", remedy=_CORRECT
                )
            parts.pop()
    return start + "/".join([*parts, *wanted])
