"""A kustomization → objects, by the kustomize program; and what of the repository it reads.

Neighbours: `kustomize_closure` reads what it reaches, `kustomize_edits` has what the
Application changes (namePrefix, images, …), `kustomize_simple` spares the program.

Source: kustomize 5.7, the kustomization file; Argo CD 3.6, "Kustomize".
"""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import Any

import yaml

from secretsync.gitops.model import Object
from secretsync.gitops.processes.programs import Programs
from secretsync.gitops.render.kustomize_closure import reach, written
from secretsync.gitops.render.kustomize_edits import edited, edits, mirrored
from secretsync.gitops.render.kustomize_simple import simple_objects
from secretsync.gitops.sources.source_files import SourceFiles, objects_of
from secretsync.resources.application_spec import KustomizeOptions, KustomizePatch

__all__ = ["components_of", "kustomize_key", "kustomize_objects"]


def kustomize_key(files: SourceFiles) -> tuple[str, ...]:
    """Return what the objects depend on: the ids of all that the kustomization reaches.

    Raises:
        RenderError: a base is remote, or a kustomization cannot be read.
        SourceError: something that it names does not exist, or is outside.
    """
    options = files.source.kustomize
    reached: dict[str, str] = {}
    reach(files, files.folder, reached)
    if options is not None:
        for each in components_of(files, options):
            reach(files, each, reached)
        for patch in options.patches:
            if patch.path:
                reached[files.path(patch.path)] = files.id(files.path(patch.path))
    return (files.folder, repr(options), *(f"{path}={reached[path]}" for path in sorted(reached)))


def kustomize_objects(files: SourceFiles, programs: Programs) -> list[Object]:
    """Return the objects of the kustomization.

    Raises:
        RenderError: kustomize refuses it.
    """
    options, name = files.source.kustomize, f"kustomize build {files.folder or '.'}"
    if options is None or not edits(options):
        simple = simple_objects(files)
        if simple is not None:
            return simple
        return objects_of(_built(programs, files.disk(files.folder), files.root), file=name)
    file, own = written(files, files.folder)
    made = edited(
        own,
        options,
        patches=[_patch(files, each) for each in options.patches],
        components=[
            posixpath.relpath(path or ".", files.folder or ".")
            for path in components_of(files, options)
        ],
    )
    with mirrored(files.root, files.folder) as folder:
        target = folder / posixpath.basename(file)
        target.unlink()  # It may be the repository's file by another name.
        target.write_text(yaml.safe_dump(made))
        parts = len(files.folder.split("/")) if files.folder else 0
        mirror = (folder, *folder.parents)[parts]
        return objects_of(_built(programs, folder, files.root, mirror), file=name)


def _built(programs: Programs, folder: Path, *roots: Path) -> bytes:
    return programs.run("kustomize", ["build", "."], cwd=folder, roots=roots)


def components_of(files: SourceFiles, options: KustomizeOptions) -> list[str]:
    """Return the folders of the components that an Application adds, from the root."""
    paths = [files.path(each) for each in options.components]
    if options.ignore_missing_components:
        return [path for path in paths if files.tree.id(path) is not None]
    return paths


def _patch(files: SourceFiles, each: KustomizePatch) -> dict[str, Any]:
    text = each.patch
    if each.path:
        text = files.disk(files.path(each.path)).read_text()
    found = {"patch": text, "target": each.target, "options": each.options}
    return {key: value for key, value in found.items() if value}
