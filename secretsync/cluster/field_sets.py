"""Field sets: which fields of an object a field manager owns. Pure.

A path is a tuple of FieldsV1 elements: `f:<name>` a map key, `k:{"uid":"…"}` an item
of a keyed list, `v:"…"` an item of a set. Every other list is one atomic value. Names
of fields only, never values, except for the keys of keyed lists.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

__all__ = [
    "LIST_KEYS",
    "SET_ITEMS",
    "FieldPath",
    "FieldSet",
    "Owner",
    "Owners",
    "decode_fields",
    "encode_fields",
    "item_element",
    "known_owners",
    "leaves",
    "managed_fields",
    "render_path",
    "writable",
]

FieldPath = tuple[str, ...]
FieldSet = frozenset[FieldPath]

SET_ITEMS = ""
#: Lists that are merged item by item, and the field that names an item. Without the
#: schema of every kind these are the ones that all kinds share.
LIST_KEYS: Mapping[FieldPath, str] = {
    ("f:metadata", "f:ownerReferences"): "uid",
    ("f:metadata", "f:finalizers"): SET_ITEMS,
    ("f:status", "f:conditions"): "type",
}

#: What the cluster itself writes or what names the object: nobody's field.
_SYSTEM_METADATA = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "generateName",
        "generation",
        "managedFields",
        "name",
        "namespace",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
#: The leaf value of an item of a keyed list as such.
_ITEM = "item"


class Owner(NamedTuple):
    """A field manager in one of its roles; each role owns fields of its own."""

    manager: str
    operation: str
    subresource: str = ""


Owners = dict[Owner, FieldSet]


def writable(obj: Mapping[str, Any], subresource: str = "") -> dict[str, Any]:
    """Return the part of an object that field managers write through one subresource."""
    if subresource == "status":
        return {"status": obj["status"]} if "status" in obj else {}
    kept = {
        key: value
        for key, value in obj.items()
        if key not in ("apiVersion", "kind", "metadata", "status")
    }
    metadata = {
        key: value
        for key, value in (obj.get("metadata") or {}).items()
        if key not in _SYSTEM_METADATA
    }
    return {"metadata": metadata, **kept} if metadata else kept


def leaves(value: Any, path: FieldPath = ()) -> dict[FieldPath, Any]:
    """Return every field that can be owned, with its value.

    An empty map is a field itself; an item of a keyed list is one beside its fields.
    """
    return dict(_walk(value, path))


def _walk(value: Any, path: FieldPath) -> Iterator[tuple[FieldPath, Any]]:
    if isinstance(value, Mapping) and (value or not path):
        for key, child in value.items():
            yield from _walk(child, (*path, f"f:{key}"))
    elif isinstance(value, list) and path in LIST_KEYS:
        for item in value:
            place = (*path, item_element(path, item))
            if place[-1].startswith("k:"):
                yield place, _ITEM
                yield from _walk(item, place)
            else:
                yield place, item
    else:
        yield path, value


def item_element(path: FieldPath, item: Any) -> str:
    """Return how an item of a merged list is named."""
    key = LIST_KEYS[path]
    if key != SET_ITEMS and isinstance(item, Mapping):
        return "k:" + _compact({key: item.get(key)})
    return "v:" + _compact(item)


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def encode_fields(fields: FieldSet) -> dict[str, Any]:
    """Return the FieldsV1 form of a set."""
    tree: dict[str, Any] = {}
    for path in sorted(fields):
        node = tree
        for element in path:
            node = node.setdefault(element, {})
        node["."] = {}
    return {element: _folded(node) for element, node in tree.items()}


def _folded(node: dict[str, Any]) -> dict[str, Any]:
    """A field with nothing below it needs no dot."""
    if node.keys() == {"."}:
        return {}
    return {key: child if key == "." else _folded(child) for key, child in node.items()}


def decode_fields(tree: Mapping[str, Any]) -> FieldSet:
    """Return the set that a FieldsV1 form stands for."""
    return frozenset(_paths(tree, ()))


def _paths(tree: Mapping[str, Any], path: FieldPath) -> Iterator[FieldPath]:
    for element, below in tree.items():
        if element == ".":
            yield path
        elif below:
            yield from _paths(below, (*path, element))
        else:
            yield (*path, element)


def known_owners(owners: Owners, obj: Mapping[str, Any]) -> Owners:
    """Return the owners without fields that the object does not have.

    Somebody who edits the file by hand takes fields away without telling.
    """
    if not owners:
        return {}
    present = leaves(writable(obj)).keys() | leaves(writable(obj, "status")).keys()
    kept = {owner: fields & present for owner, fields in owners.items()}
    return {owner: fields for owner, fields in kept.items() if fields}


def managed_fields(owners: Owners, api_version: str) -> list[dict[str, Any]]:
    """Return `metadata.managedFields`."""
    entries = []
    for owner, fields in sorted(owners.items()):
        entry: dict[str, Any] = {
            "manager": owner.manager,
            "operation": owner.operation,
            "apiVersion": api_version,
            "fieldsType": "FieldsV1",
            "fieldsV1": encode_fields(fields),
        }
        if owner.subresource:
            entry["subresource"] = owner.subresource
        entries.append(entry)
    return entries


def render_path(path: Sequence[str]) -> str:
    """Return a path for people: `.data.password`."""
    parts = [f".{part[2:]}" if part.startswith("f:") else f"[{part[2:]}]" for part in path]
    return "".join(parts)
