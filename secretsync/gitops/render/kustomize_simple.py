"""Simple kustomizations are built here, as the program would: a process each costs more.

Simple is what can be shown to come out the same: files and folders of plain objects, with
namespace, labels, commonAnnotations, images, replicas, and patches of maps. Everything
else, and all that might be wrong, is left to the program, which also has the words for it.

Neighbours: `kustomize_reading` reads, `kustomize_changes` changes, `kustomize_source`
asks, and calls the program.

Source: kustomize 5.7's documentation of the kustomization file, and what it prints.
"""

from __future__ import annotations

import copy
import posixpath
from collections.abc import Iterator
from typing import Any

from secretsync.gitops.errors import SourceError
from secretsync.gitops.model import Object
from secretsync.gitops.render.kustomize_changes import Layer, layer_of
from secretsync.gitops.render.kustomize_placed import Placed, placed_of, sort_key
from secretsync.gitops.render.kustomize_reading import NotSimpleError, read_documents
from secretsync.gitops.sources.git_tree import inside
from secretsync.gitops.sources.source_files import SourceFiles

__all__ = ["simple_objects"]

#: Folders above each other.
_MAX_DEPTH = 20


def simple_objects(files: SourceFiles) -> list[Object] | None:
    """Return the objects of a source's kustomization, None where the program must be asked."""
    try:
        found = _folder(files, files.folder, ())
    except (NotSimpleError, SourceError, OSError):
        return None
    return [each.obj for each in sorted(found, key=lambda each: sort_key(each.obj))]


def _folder(files: SourceFiles, folder: str, above: tuple[str, ...]) -> list[Placed]:
    """Return the objects of a folder's kustomization, changed as it says."""
    if len(above) >= _MAX_DEPTH or any(_holds(folder, each) for each in above):
        raise NotSimpleError
    layer = _layer(files, folder)
    found: list[Placed] = []
    for name in layer.resources:
        path = inside(posixpath.join(folder, name))
        if files.is_folder(path):
            found += _folder(files, path, (*above, folder))
        else:
            found += map(placed_of, _read(files, path, folder))
        _no_twins(found)
    changed = layer.changed(
        found, lambda name: _read(files, inside(posixpath.join(folder, name)), folder)
    )
    _no_twins(changed)
    return changed


def _layer(files: SourceFiles, folder: str) -> Layer:
    start = f"{folder}/" if folder else ""
    path = f"{start}kustomization.yaml"
    others = (f"{start}kustomization.yml", f"{start}Kustomization")
    if any(each in files.tree.entries for each in others):
        raise NotSimpleError
    documents = list(_read(files, path, folder))
    if len(documents) != 1:
        raise NotSimpleError
    return layer_of(documents[0])


def _read(files: SourceFiles, path: str, folder: str) -> Iterator[dict[str, Any]]:
    """Yield the documents of a file, which may be changed."""
    entry = files.tree.entries.get(path)
    if entry is None or entry.mode not in ("100644", "100755") or not _holds(folder, path):
        raise NotSimpleError
    steps = path.split("/")
    if any(files.tree.entries["/".join(steps[:end])].is_link for end in range(1, len(steps))):
        raise NotSimpleError
    for document in read_documents(files.disk(path).read_bytes()):
        yield copy.deepcopy(document)


def _holds(folder: str, path: str) -> bool:
    """Return whether a path is a folder, or below it."""
    return not folder or path == folder or path.startswith(f"{folder}/")


def _no_twins(found: list[Placed]) -> None:
    ids = {each.id for each in found}
    if len(ids) != len(found):
        raise NotSimpleError
