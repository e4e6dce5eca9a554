"""What a kustomization reaches: files and folders of the repository, and bases of others.

Nothing is fetched while kustomize runs: what is of another repository is fetched before, or
refused. Neighbours: `kustomize_source` builds, `kustomize_remote` has the bases of other
repositories.

Source: kustomize 5.7, the kustomization file.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from secretsync.gitops.errors import RenderError
from secretsync.gitops.sources.git_tree import inside
from secretsync.gitops.sources.source_files import SourceFiles, objects_of
from secretsync.resources.documents import load_documents

__all__ = [
    "KUSTOMIZATIONS",
    "MAX_FOLDERS",
    "RemoteBaseError",
    "in_place",
    "is_remote",
    "lowered",
    "named",
    "reach",
    "refuse_fetching",
    "written",
]

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
MAX_FOLDERS = 500


class RemoteBaseError(RenderError):
    """A kustomization names something of another repository."""


def is_remote(name: str) -> bool:
    """Return whether kustomize would fetch what a kustomization names."""
    return _REMOTE.match(name) is not None


def reach(files: SourceFiles, folder: str, reached: dict[str, str]) -> None:
    """Note a kustomization's folder and everything that it names, once each.

    Raises:
        RemoteBaseError: something of another repository.
        RenderError: a kustomization cannot be read.
        SourceError: something that it names does not exist, or is outside.
    """
    if folder in reached:
        return
    if len(reached) >= MAX_FOLDERS:
        raise RenderError(
            f"the kustomization reaches more than {MAX_FOLDERS} files and folders",
            remedy="split the application",
        )
    reached[folder] = files.id(folder)
    for name in named(_kustomization(files, folder)):
        if in_place(files, folder, name):
            continue
        if is_remote(name):
            raise RemoteBaseError(
                f"{folder or '.'}: the remote base {name[:200]!r} is not fetched while rendering",
                remedy="commit it to the repository, or make it a source of the application",
            )
        path = inside(posixpath.join(folder, name))
        if files.is_folder(path):
            reach(files, path, reached)
        elif path not in reached:
            reached[path] = files.id(path)
            refuse_fetching(files.disk(path).read_bytes(), path)


def _kustomization(files: SourceFiles, folder: str) -> Mapping[str, Any]:
    return lowered(written(files, folder)[1])


def written(files: SourceFiles, folder: str) -> tuple[str, Mapping[str, Any]]:
    """Return the path of a folder's kustomization, and what it says.

    Raises:
        RenderError: there is none, or it is no good one.
    """
    for name in KUSTOMIZATIONS:
        path = f"{folder}/{name}" if folder else name
        if path in files.tree.entries:
            return path, _read(files.disk(path).read_bytes(), path)
    raise RenderError(
        f"{folder or '.'} holds no kustomization", remedy=f"add a {KUSTOMIZATIONS[0]}"
    )


@functools.lru_cache(maxsize=4096)
def _read(text: bytes, path: str) -> Mapping[str, Any]:
    """Return what a kustomization says; nobody may change it."""
    found = objects_of(text, file=path)
    if len(found) > 1:
        raise RenderError(f"{path} holds {len(found)} documents", remedy="leave one")
    return found[0] if found else {}


def lowered(kustomization: Mapping[str, Any]) -> dict[str, Any]:
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


def refuse_fetching(text: bytes, file: str) -> None:
    """Refuse a generator or transformer that would fetch.

    Raises:
        RenderError: it names an URL.
    """
    if _cannot_say_builtin(text):
        return
    documents, _ = load_documents(text, file=file)
    for document in documents:
        if document.value.get("apiVersion") == _BUILTIN and _has_url(document.value):
            raise RenderError(
                f"{file}: what it would fetch is not fetched while rendering",
                remedy="commit it to the repository",
            )


def _cannot_say_builtin(text: bytes) -> bool:
    """Return whether a text surely has no such word: spelled out, by an escape, in UTF-16."""
    return text.isascii() and not any(each in text for each in (b"builtin", b"\\", b"\0"))


def in_place(files: SourceFiles, folder: str, entry: str) -> bool:
    """Return whether an entry is written in place, as patches and generators may be.

    Kustomize takes each for a path first, whatever lines are in it.

    Raises:
        SourceError: as a path it leads out of the repository.
        RenderError: it goes through a link, or would fetch.
    """
    if "\n" not in entry:
        return False
    parts = inside(posixpath.join(folder, entry)).split("/")
    above = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    entries = files.tree.entries
    if any(path in entries and entries[path].is_link for path in above):
        raise RenderError(
            f"{folder or '.'}: {entry[:100]!r} goes through a link",
            remedy="name a file or folder itself",
        )
    if files.tree.id(above[-1]) is not None:
        return False
    refuse_fetching(entry.encode(), f"the kustomization of {folder or '.'}")
    return True


def _has_url(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_url, value.values()))
    if isinstance(value, list):
        return any(map(_has_url, value))
    return isinstance(value, str) and _URL.match(value) is not None


def named(kustomization: Mapping[str, Any]) -> Iterator[str]:
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
            if isinstance(entry, str):
                yield entry
            elif entry is not None:
                # Kustomize refuses it too, unless it reads it as text, and then as a path.
                raise RenderError(f"{field} holds something that is no text", remedy="quote it")
    for field, names in _FILES.items():
        for entry in _entries(kustomization.get(field.casefold())):
            for name in names if isinstance(entry, dict) else ():
                for file in _entries(entry.get(name)):
                    # A generator may give a file another key: `key=file`.
                    yield str(file).rpartition("=")[2] if name == "files" else str(file)
    for openapi in _entries(kustomization.get("openapi")):
        if isinstance(openapi, dict) and openapi.get("path"):
            yield str(openapi["path"])


def _entries(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return [] if value is None else [value]
