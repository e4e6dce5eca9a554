"""Rendered objects in the namespaces that they would be applied in. Pure.

Only a cluster knows which kinds lie in namespaces; what a definition beside an object
says stands in until it is there. Neighbour: `pairing` stands the objects beside what the
application had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from secretsync.cluster.base import Kind
from secretsync.errors import ClusterError, NotFound
from secretsync.gitops.model import Object, api_group
from secretsync.gitops.objects.normalizing import folded

__all__ = [
    "Kinds",
    "Resolve",
    "defined_scopes",
    "fault_of",
    "in_place",
    "is_namespaced",
    "placed",
]

Resolve = Callable[[str, str], Kind]
Scopes = Mapping[tuple[str, str], bool]


def placed(objects: Iterable[Object], *, namespace: str, resolve: Resolve) -> list[Object]:
    """Return rendered objects in the namespaces that they would be applied in.

    Args:
        objects: as rendered; what is no object is returned as it is.
        namespace: of namespaced objects that name none.
        resolve: the kind behind apiVersion and kind, or a ClusterError.
    """
    targets = list(objects)
    whole = [obj for obj in targets if not fault_of(obj)]
    scopes, kinds = defined_scopes(whole), Kinds(resolve)
    found = []
    for obj in whole:
        kind, _ = kinds.of(obj["apiVersion"], obj["kind"])
        found.append(in_place(obj, namespace if is_namespaced(obj, kind, scopes) else ""))
    return [*found, *(obj for obj in targets if fault_of(obj))]


class Kinds:
    """Resolves each kind once."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._known: dict[tuple[str, str], tuple[Kind | None, str]] = {}

    def of(self, api_version: str, kind: str) -> tuple[Kind | None, str]:
        """Return the kind, None where it is not served or, with a reason, not known."""
        if (api_version, kind) not in self._known:
            found: tuple[Kind | None, str]
            try:
                found = self._resolve(api_version, kind), ""
            except NotFound:
                found = None, ""
            except ClusterError as exc:
                found = None, exc.message
            self._known[api_version, kind] = found
        return self._known[api_version, kind]


def fault_of(obj: Mapping[str, Any]) -> str:
    """Return why this is no object that can be looked for, "" where it is one."""
    for name in ("apiVersion", "kind"):
        if not isinstance(obj.get(name), str) or not obj[name]:
            return f"{name} is missing, or no text"
    metadata = obj.get("metadata")
    if not isinstance(metadata, Mapping):
        return "metadata is missing, or no map"
    for name in ("name", "generateName", "namespace"):
        if not isinstance(metadata.get(name), str | None):
            return f"metadata.{name} is no text: put it in quotes"
    if not metadata.get("name") and not metadata.get("generateName"):
        return "metadata.name is missing"
    for name in ("labels", "annotations"):
        texts = metadata.get(name)
        if not isinstance(texts, Mapping | None):
            return f"metadata.{name} is no map"
        for key, text in (texts or {}).items():
            if not isinstance(text, str | None):
                return f"metadata.{name}: the value of {key} is no text: put it in quotes"
    return ""


def in_place(obj: Object, namespace: str) -> Object:
    """Return the object in its namespace, or in none."""
    metadata = dict(obj.get("metadata") or {})
    if not namespace:
        metadata.pop("namespace", None)
    elif not metadata.get("namespace"):
        metadata["namespace"] = namespace
    return folded({**obj, "metadata": metadata})


def is_namespaced(obj: Mapping[str, Any], kind: Kind | None, scopes: Scopes) -> bool:
    """Return whether an object lies in a namespace.

    Args:
        obj: whose kind it is.
        kind: None where the cluster does not serve it.
        scopes: what definitions beside the object say; a kind that nobody knows does.
    """
    if kind is not None:
        return kind.namespaced
    return scopes.get((api_group(obj["apiVersion"]), obj["kind"]), True)


def defined_scopes(objects: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], bool]:
    """Return whether kinds that the objects define are namespaced, by group and kind."""
    scopes = {}
    for obj in objects:
        spec = obj.get("spec")
        if obj["kind"] != "CustomResourceDefinition" or not isinstance(spec, Mapping):
            continue
        names = spec.get("names")
        kind = names.get("kind") if isinstance(names, Mapping) else None
        scopes[str(spec.get("group")), str(kind)] = spec.get("scope") != "Cluster"
    return scopes
