"""What managedFields say about an object: who owns which of its fields. Pure.

FieldsV1 is a tree: `f:<name>` a map key, `k:{"name":"web"}` the item of a keyed list,
`v:"x"` an item of a set, `.` the node itself. Neighbours: `comparing` spares dry runs
by it, `ignoring` leaves out the fields of others, `drift` names who wrote.

Source: Kubernetes, "Server-Side Apply", and its FieldsV1 format.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secretsync.gitops.model import Object
from secretsync.gitops.objects.field_paths import Path, same_value

__all__ = [
    "FieldOwner",
    "Fields",
    "applied_fields",
    "field_owners",
    "item_indexes",
    "owned_paths",
    "owns",
    "surely_same",
]

Fields = Mapping[str, Any]

#: What the cluster writes or what names the object: nobody's field.
_UNOWNED = frozenset({"apiVersion", "kind", "status"})
_OWNED_METADATA = ("labels", "annotations", "ownerReferences", "finalizers")
#: Keys of list items that have a default: who leaves it out means that.
_KEY_DEFAULTS = {"protocol": "TCP"}


@dataclass(frozen=True, slots=True)
class FieldOwner:
    """One entry of managedFields.

    Args:
        time: when it last changed its fields, RFC 3339; "" where that is not told.
        api_version: in which its fields are written.
    """

    manager: str
    operation: str
    subresource: str
    time: str
    api_version: str
    fields: Fields


def field_owners(obj: Mapping[str, Any]) -> list[FieldOwner]:
    """Return the entries of an object's managedFields; none where it has none."""
    entries = (obj.get("metadata") or {}).get("managedFields") or ()
    return [
        FieldOwner(
            str(entry.get("manager") or ""),
            str(entry.get("operation") or ""),
            str(entry.get("subresource") or ""),
            str(entry.get("time") or ""),
            str(entry.get("apiVersion") or ""),
            entry.get("fieldsV1") or {},
        )
        for entry in entries
        if isinstance(entry, Mapping)
    ]


def applied_fields(obj: Mapping[str, Any], manager: str) -> Fields | None:
    """Return what a manager applied, in the version of the object; None for nothing.

    Args:
        obj: a live object with its managedFields.
        manager: who applied server-side.
    """
    for owner in field_owners(obj):
        if (owner.manager, owner.operation, owner.subresource) == (manager, "Apply", ""):
            return owner.fields if owner.api_version == obj.get("apiVersion") else None
    return None


def surely_same(target: Mapping[str, Any], live: Mapping[str, Any], manager: str) -> bool:
    """Return whether applying the target is known, without asking, to change nothing.

    True where the manager owns exactly the fields of the target and each has the value
    that the target gives. False says only that the cluster must be asked.

    Args:
        target: normalized, with all that would be applied.
        live: as the cluster gave it, with managedFields, in the version of the target.
        manager: who applies.
    """
    fields = applied_fields(live, manager)
    if fields is None or target.get("apiVersion") != live.get("apiVersion"):
        return False
    return _same(_applied(target), live, fields)


def _applied(target: Mapping[str, Any]) -> Object:
    """Return the part of a target that managers own."""
    kept = {key: value for key, value in target.items() if key not in _UNOWNED}
    metadata = target.get("metadata") or {}
    kept["metadata"] = {name: metadata[name] for name in _OWNED_METADATA if name in metadata}
    return kept if kept["metadata"] else {k: v for k, v in kept.items() if k != "metadata"}


def _same(target: Any, live: Any, fields: Fields) -> bool:
    below = [name for name in fields if name != "."]
    if not below:
        return target is not None and same_value(target, live)
    if isinstance(target, Mapping) and isinstance(live, Mapping):
        return _same_fields(target, live, fields)
    if isinstance(target, list) and isinstance(live, list):
        return len(target) == len(below) and _same_items(target, live, fields)
    return False


def _same_fields(target: Mapping[str, Any], live: Mapping[str, Any], fields: Fields) -> bool:
    """Compare the fields of a map; null asks for nothing, whoever owns it."""
    nulls = [key for key, value in target.items() if value is None]
    if any(live.get(key) is not None for key in nulls):
        return False
    wanted = {f"f:{key}": key for key in target if key not in nulls}
    others = fields.keys() - wanted.keys() - {".", *(f"f:{key}" for key in nulls)}
    if others or not wanted.keys() <= fields.keys():
        return False
    return all(
        key in live and _same(target[key], live[key], fields[name]) for name, key in wanted.items()
    )


def _same_items(target: Sequence[Any], live: Sequence[Any], fields: Fields) -> bool:
    """Compare the items of a merged list, which stand in the order of the target."""
    places = []
    for element, each in fields.items():
        if element == ".":
            continue
        wanted, found = item_indexes(target, element), item_indexes(live, element)
        if len(wanted) != 1 or len(found) != 1:
            return False
        if not element.startswith("v:") and not _same(target[wanted[0]], live[found[0]], each):
            return False
        places.append((wanted[0], found[0]))
    found_in_order = [found for _, found in sorted(places)]
    return found_in_order == sorted(found_in_order)


def item_indexes(items: Sequence[Any], element: str) -> list[int]:
    """Return the indexes of the items that an element of a list names."""
    try:
        name = json.loads(element[2:])
    except ValueError:
        return []
    if element.startswith("v:"):
        return [index for index, item in enumerate(items) if same_value(item, name)]
    if not element.startswith("k:") or not isinstance(name, Mapping):
        return []
    return [
        index
        for index, item in enumerate(items)
        if isinstance(item, Mapping)
        and all(
            same_value(item.get(key, _KEY_DEFAULTS.get(key)), value) for key, value in name.items()
        )
    ]


def owned_paths(obj: Any, fields: Fields, path: Path = ()) -> Iterator[Path]:
    """Yield the paths in an object of the fields that a FieldsV1 tree names.

    Args:
        obj: a JSON value; fields that it does not have are left out.
        fields: of one owner.
        path: where `obj` is.
    """
    below = {name: each for name, each in fields.items() if name != "."}
    if not below:
        yield path
    for name, each in below.items():
        if name.startswith("f:") and isinstance(obj, Mapping) and name[2:] in obj:
            yield from owned_paths(obj[name[2:]], each, (*path, name[2:]))
        elif isinstance(obj, list):
            for index in item_indexes(obj, name):
                yield from owned_paths(obj[index], each, (*path, index))


def owns(obj: Any, fields: Fields, path: Path) -> bool:
    """Return whether a FieldsV1 tree names a path of an object, or something above or below it.

    Args:
        obj: the object that the path leads through.
        fields: of one owner.
        path: a field of it.
    """
    for step in path:
        below = {name: each for name, each in fields.items() if name != "."}
        if not below:
            return True  # The whole value, atomically.
        if isinstance(step, int):
            items = obj if isinstance(obj, list) else []
            name = next((name for name in below if step in item_indexes(items, name)), "")
            obj = items[step] if step < len(items) else None
        else:
            name = f"f:{step}"
            obj = obj.get(step) if isinstance(obj, Mapping) else None
        if name not in below:
            return False
        fields = below[name]
    return True
