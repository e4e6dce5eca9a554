"""A kustomization → objects, by the kustomize program; and what of the repository it reads.

Remote bases are refused: nothing is fetched while rendering. What the Application adds
(namePrefix, images, …) is a kustomization of its own around the repository's.

Source: kustomize 5.7, the kustomization file; Argo CD 3.6, "Kustomize".
"""

from __future__ import annotations

import os
import posixpath
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from secretsync.gitops.errors import RenderError
from secretsync.gitops.git_tree import inside
from secretsync.gitops.model import Object
from secretsync.gitops.programs import Programs
from secretsync.gitops.source_files import SourceFiles, objects_of
from secretsync.resources.application_spec import KustomizeOptions, KustomizePatch
from secretsync.resources.documents import load_documents

__all__ = ["KUSTOMIZATIONS", "kustomize_key", "kustomize_objects"]

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
#: Fields whose entries are files or folders.
_PATHS = (
    *("resources", "components", "bases", "crds", "configurations", "generators"),
    *("transformers", "validators", "patchesStrategicMerge"),
)
#: Fields whose entries have a file under one of these names.
_FILES = {
    "patches": ("path",),
    "patchesJson6902": ("path",),
    "replacements": ("path",),
    "configMapGenerator": ("files", "env", "envs"),
    "secretGenerator": ("files", "env", "envs"),
}
_REMOTE = re.compile(
    r"[a-z+]+://|git@|[\w.-]+\.(com|org|io|net|dev)/|.*//.*|.*\?ref=", re.ASCII | re.IGNORECASE
)
_URL = re.compile(r"(?:[^=]*=)?\s*https?:", re.ASCII | re.IGNORECASE)
#: Version of the generators and transformers that are part of kustomize.
_BUILTIN = "builtin"
#: Kustomizations that one application may reach.
_MAX_FOLDERS = 500


def kustomize_key(files: SourceFiles) -> tuple[str, ...]:
    """Return what the objects depend on: the ids of all that the kustomization reaches.

    Raises:
        RenderError: a base is remote, or a kustomization cannot be read.
        SourceError: something that it names does not exist, or is outside.
    """
    options = files.source.kustomize
    reached: dict[str, str] = {}
    _reach(files, files.folder, reached)
    if options is not None:
        for each in _components(files, options):
            _reach(files, each, reached)
        for patch in options.patches:
            if patch.path:
                reached[files.path(patch.path)] = files.id(files.path(patch.path))
    return (files.folder, repr(options), *(f"{path}={reached[path]}" for path in sorted(reached)))


def kustomize_objects(files: SourceFiles, programs: Programs) -> list[Object]:
    """Return the objects of the kustomization.

    Raises:
        RenderError: kustomize refuses it.
    """
    folder = files.disk(files.folder)
    added = _added(files)
    if not added:
        return objects_of(_built(programs, folder), file=f"kustomize build {files.folder or '.'}")
    with tempfile.TemporaryDirectory(prefix="secretsync-kustomize-") as around:
        outer = Path(around).resolve()
        inner = [os.path.relpath(folder.resolve(), outer)]
        made = {**added, "resources": inner}
        if "components" in added:
            made["components"] = [
                os.path.relpath(files.disk(path).resolve(), outer) for path in added["components"]
            ]
        (outer / KUSTOMIZATIONS[0]).write_text(yaml.safe_dump(made))
        return objects_of(_built(programs, outer), file=f"kustomize build {files.folder or '.'}")


def _built(programs: Programs, folder: Path) -> bytes:
    return programs.run("kustomize", ["build", "."], cwd=folder)


def _reach(files: SourceFiles, folder: str, reached: dict[str, str]) -> None:
    """Note a kustomization's folder and everything that it names, once each."""
    if folder in reached:
        return
    if len(reached) >= _MAX_FOLDERS:
        raise RenderError(
            f"the kustomization reaches more than {_MAX_FOLDERS} files and folders",
            remedy="split the application",
        )
    reached[folder] = files.id(folder)
    for name in _named(_kustomization(files, folder)):
        if _REMOTE.match(name):
            raise RenderError(
                f"{folder or '.'}: the remote base {name[:200]!r} is not fetched while rendering",
                remedy="commit it to the repository, or make it a source of the application",
            )
        path = inside(posixpath.join(folder, name))
        if files.is_folder(path):
            _reach(files, path, reached)
        elif path not in reached:
            reached[path] = files.id(path)
            _refuse_fetching(files.disk(path).read_bytes(), path)


def _kustomization(files: SourceFiles, folder: str) -> Mapping[str, Any]:
    for name in KUSTOMIZATIONS:
        path = f"{folder}/{name}" if folder else name
        if path in files.tree.entries:
            found = objects_of(files.disk(path).read_bytes(), file=path)
            if len(found) > 1:
                raise RenderError(f"{path} holds {len(found)} documents", remedy="leave one")
            return _lowered(found[0]) if found else {}
    raise RenderError(
        f"{folder or '.'} holds no kustomization", remedy=f"add a {KUSTOMIZATIONS[0]}"
    )


def _lowered(kustomization: Mapping[str, Any]) -> dict[str, Any]:
    """Return a kustomization by what kustomize takes its fields for: in any case.

    Raises:
        RenderError: a field is there twice, where kustomize would take either.
    """
    found: dict[str, Any] = {}
    for name, value in kustomization.items():
        field = str(name).casefold()
        if field in found:
            raise RenderError(f"the field {name[:100]!r} is there twice", remedy="leave one")
        found[field] = [
            {str(key).casefold(): inner for key, inner in each.items()}
            if isinstance(each, dict)
            else each
            for each in _entries(value)
        ]
    return found


def _refuse_fetching(text: bytes, file: str) -> None:
    """Refuse a generator or transformer that would fetch.

    Raises:
        RenderError: it names an URL.
    """
    documents, _ = load_documents(text, file=file)
    for document in documents:
        if document.value.get("apiVersion") == _BUILTIN and _has_url(document.value):
            raise RenderError(
                f"{file}: what it would fetch is not fetched while rendering",
                remedy="commit it to the repository",
            )


def _has_url(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_url, value.values()))
    if isinstance(value, list):
        return any(map(_has_url, value))
    return isinstance(value, str) and _URL.match(value) is not None


def _named(kustomization: Mapping[str, Any]) -> Iterator[str]:
    """Yield each file and folder that a kustomization names.

    Args:
        kustomization: with its fields in small letters.
    """
    if kustomization.get("helmcharts") or kustomization.get("helmchartinflationgenerator"):
        raise RenderError(
            "helmCharts in a kustomization would be fetched while rendering",
            remedy="make the chart a source of the application",
        )
    for field in _PATHS:
        for entry in _entries(kustomization.get(field.casefold())):
            # Patches, generators and transformers may be written in place.
            if isinstance(entry, str) and "\n" not in entry:
                yield entry
            elif isinstance(entry, str):
                _refuse_fetching(entry.encode(), f"a kustomization's {field}")
    for field, names in _FILES.items():
        for entry in _entries(kustomization.get(field.casefold())):
            for name in names if isinstance(entry, dict) else ():
                for file in _entries(entry.get(name)):
                    # A generator may give a file another key: `key=file`.
                    yield str(file).rpartition("=")[2]
    for openapi in _entries(kustomization.get("openapi")):
        if isinstance(openapi, dict) and openapi.get("path"):
            yield str(openapi["path"])


def _entries(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _added(files: SourceFiles) -> dict[str, Any]:
    """Return what the Application adds, as a kustomization; {} where it adds nothing."""
    options = files.source.kustomize or KustomizeOptions()
    made: dict[str, Any] = {
        "namePrefix": options.name_prefix,
        "nameSuffix": options.name_suffix,
        "namespace": options.namespace,
        "images": [_image(text) for text in options.images],
        "replicas": [{"name": each.name, "count": int(each.count)} for each in options.replicas],
        "commonAnnotations": dict(options.common_annotations),
        "patches": [_patch(files, each) for each in options.patches],
        "components": _components(files, options),
    }
    labels = dict(options.common_labels)
    if options.label_without_selector:
        pair = {"pairs": labels, "includeTemplates": options.label_include_templates}
        made["labels"] = [pair] if labels else []
    else:
        made["commonLabels"] = labels
    return {key: value for key, value in made.items() if value}


def _components(files: SourceFiles, options: KustomizeOptions) -> list[str]:
    paths = [files.path(each) for each in options.components]
    if options.ignore_missing_components:
        return [path for path in paths if files.tree.id(path) is not None]
    return paths


def _image(text: str) -> dict[str, str]:
    """Read `name=new:tag@digest`, each part but the first one optional."""
    name, equals, new = text.partition("=")
    wanted = new if equals else name
    wanted, _, digest = wanted.partition("@")
    base, colon, tag = wanted.rpartition(":")
    if not colon or "/" in tag:
        base, tag = wanted, ""
    found = {"name": name if equals else base, "newName": base, "newTag": tag, "digest": digest}
    return {key: value for key, value in found.items() if value}


def _patch(files: SourceFiles, each: KustomizePatch) -> dict[str, Any]:
    text = each.patch
    if each.path:
        text = files.disk(files.path(each.path)).read_text()
    found = {"patch": text, "target": each.target, "options": each.options}
    return {key: value for key, value in found.items() if value}
