"""What a kustomization changes in objects, for the fields that are simple enough. Pure.

Neighbour: `kustomize_placed` says which objects are simple enough.

Source: kustomize 5.7, the order of its transformers and the fields that each one knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from secretsync.gitops.model import Object
from secretsync.gitops.render.kustomize_placed import (
    NAME,
    OWN,
    Placed,
    is_texts,
    matches,
    placed_of,
)
from secretsync.gitops.render.kustomize_reading import NotSimpleError, read_documents

__all__ = ["Layer", "layer_of"]

_TEMPLATED = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"})
_SCALED = frozenset({"Deployment", "StatefulSet"})

_FIELDS = frozenset(
    {
        *("apiVersion", "kind", "resources", "namespace", "labels", "commonAnnotations"),
        *("images", "replicas", "patches"),
    }
)
_FILE = re.compile(r"[\w.][\w./-]*", re.ASCII)
_REMOTE = re.compile(r"[\w.-]+\.(?:com|org|io|net|dev)/|.*//", re.ASCII)
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9/_.-]*", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_DIGEST = re.compile(r"sha256:[a-f0-9]+", re.ASCII)

Texts = dict[str, str]
Reader = Callable[[str], Iterable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Layer:
    """One kustomization."""

    resources: tuple[str, ...]
    namespace: str
    labels: tuple[Texts, ...]
    annotations: Texts
    images: tuple[Texts, ...]
    replicas: tuple[tuple[str, int], ...]
    patches: tuple[tuple[str, str], ...]

    def changed(self, found: list[Placed], read: Reader) -> list[Placed]:
        """Return objects as the kustomization makes them, which are changed in place.

        Args:
            read: the documents of a patch file.

        Raises:
            NotSimpleError: something does not fit.
        """
        for path, text in self.patches:
            for patch in read(path) if path else read_documents(text.encode()):
                _patch(found, patch)
        for each in found:
            self._relabel(each.obj)
        for name, count in self.replicas:
            scaled = [e.obj for e in found if e.obj["kind"] in _SCALED and e.id[3] == name]
            if not scaled:
                raise NotSimpleError
            for obj in scaled:
                _at(obj, "spec")["replicas"] = count
        for image in self.images:
            for each in found:
                _set_images(each.obj, image)
        return found

    def _relabel(self, obj: Object) -> None:
        if self.namespace:
            obj["metadata"]["namespace"] = self.namespace
        for pairs in self.labels:
            _at(obj, "metadata", "labels").update(pairs)
        if not self.annotations:
            return
        if obj["kind"] in _TEMPLATED:
            raise NotSimpleError  # Kustomize ties those of the template to the object's own.
        _at(obj, "metadata", "annotations").update(self.annotations)


def layer_of(raw: Mapping[str, Any]) -> Layer:
    """Read a kustomization.

    Raises:
        NotSimpleError: it has other fields, or unusual ones.
    """
    if raw.keys() - _FIELDS or raw.get("kind", "Kustomization") != "Kustomization":
        raise NotSimpleError
    if raw.get("apiVersion", _VERSION) != _VERSION:
        raise NotSimpleError
    names = tuple(map(_resource, _list(raw, "resources")))
    namespace = raw.get("namespace", "")
    if not names or (namespace and not matches(NAME, namespace)):
        raise NotSimpleError
    annotations = raw.get("commonAnnotations", {})
    if annotations and (not is_texts(annotations) or any(o in k for k in annotations for o in OWN)):
        raise NotSimpleError
    return Layer(
        names,
        namespace,
        tuple(map(_label, _list(raw, "labels"))),
        annotations,
        tuple(map(_image, _list(raw, "images"))),
        tuple(map(_replica, _list(raw, "replicas"))),
        tuple(map(_patch_entry, _list(raw, "patches"))),
    )


_VERSION = "kustomize.config.k8s.io/v1beta1"


def _resource(name: Any) -> str:
    if not matches(_FILE, name) or _REMOTE.match(name):
        raise NotSimpleError
    return str(name)


def _label(entry: Any) -> Texts:
    if not isinstance(entry, dict) or set(entry) != {"pairs"} or not is_texts(entry["pairs"]):
        raise NotSimpleError
    pairs: Texts = entry["pairs"]
    return pairs


def _image(entry: Any) -> Texts:
    rules = {"name": _IMAGE, "newName": _IMAGE, "newTag": _TAG, "digest": _DIGEST}
    if not isinstance(entry, dict) or "name" not in entry or entry.keys() - rules.keys():
        raise NotSimpleError
    if not all(matches(rules[field], value) for field, value in entry.items()):
        raise NotSimpleError
    return entry


def _replica(entry: Any) -> tuple[str, int]:
    if not isinstance(entry, dict) or set(entry) != {"name", "count"}:
        raise NotSimpleError
    count = entry["count"]
    if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count < 10**6:
        raise NotSimpleError
    return str(entry["name"]), count


def _patch_entry(entry: Any) -> tuple[str, str]:
    """Return the file of a patch, or its text."""
    if not isinstance(entry, dict) or len(entry) != 1:
        raise NotSimpleError
    path, text = entry.get("path", ""), entry.get("patch", "")
    if not (matches(_FILE, path) or (isinstance(text, str) and text.strip())):
        raise NotSimpleError
    return path, text


def _patch(found: list[Placed], patch: dict[str, Any]) -> None:
    """Merge a patch into the one object that it names."""
    metadata = patch.get("metadata")
    if not isinstance(metadata, dict) or metadata.keys() - {"name", "labels", "annotations"}:
        raise NotSimpleError
    name = (patch.get("apiVersion"), patch.get("kind"), metadata.get("name"))
    named = [each for each in found if (each.id[0], each.id[1], each.id[3]) == name]
    if len(named) != 1 or named[0].namespace:
        raise NotSimpleError
    placed_of({**patch, "metadata": {**metadata}})  # As strict as with an object.
    _merge(named[0].obj, patch)


def _merge(into: dict[str, Any], patch: Mapping[str, Any]) -> None:
    """Merge maps; a list, an emptied map or another type is not simple."""
    for key, value in patch.items():
        there = into.get(key)
        if key.startswith("$") or isinstance(value, list) or isinstance(there, list):
            raise NotSimpleError
        if isinstance(value, dict):
            if not value or not isinstance(there, dict | None):
                raise NotSimpleError
            inner = into.setdefault(key, {})
            _merge(inner, value)
        elif isinstance(there, dict):
            raise NotSimpleError
        else:
            into[key] = value


def _set_images(value: Any, image: Texts) -> None:
    """Change the images of all containers, wherever they are."""
    if isinstance(value, list):
        for each in value:
            _set_images(each, image)
    if not isinstance(value, dict):
        return
    for key, below in value.items():
        if key in ("containers", "initContainers"):
            for container in _containers(below):
                container["image"] = _with(str(container["image"]), image)
        _set_images(below, image)


def _containers(value: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise NotSimpleError
    for each in value:
        if "image" in each:
            if not isinstance(each["image"], str):
                raise NotSimpleError
            yield each


def _with(image: str, change: Texts) -> str:
    # The name is a pattern to kustomize too: its dots fit any character.
    match = re.fullmatch(
        f"({change['name']})(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?", image, re.ASCII
    )
    if match is None:
        return image
    name = change.get("newName") or match[1]
    tag, digest = match[2] or "", match[3] or ""
    if "newTag" in change or "digest" in change:
        tag = f":{change['newTag']}" if "newTag" in change else ""
        digest = f"@{change['digest']}" if "digest" in change else ""
    return f"{name}{tag}{digest}"


def _at(obj: dict[str, Any], *path: str) -> dict[str, Any]:
    """Return a map of an object, made where it is missing."""
    for step in path:
        below = obj.setdefault(step, {})
        if not isinstance(below, dict):
            raise NotSimpleError
        obj = below
    return obj


def _list(raw: Mapping[str, Any], field: str) -> list[Any]:
    value = raw.get(field, [])
    if not isinstance(value, list):
        raise NotSimpleError
    return value
