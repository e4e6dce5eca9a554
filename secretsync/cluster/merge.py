"""Server-side apply and merge patch on plain structures. Pure.

Neighbours: `field_sets` says what a field is; `directory` keeps objects and owners.
Lists are atomic except those of `field_sets.LIST_KEYS`: without the schemas that an
API server has, keyed lists inside `spec` (containers, ports) are replaced whole.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from typing import Any

from secretsync.cluster.field_sets import (
    LIST_KEYS,
    FieldPath,
    FieldSet,
    Owner,
    Owners,
    item_element,
    leaves,
    render_path,
    writable,
)
from secretsync.errors import Conflict

__all__ = ["apply_fields", "merge_patch", "same", "union", "update_owners"]


def same(left: Any, right: Any) -> bool:
    """Return whether two JSON values are the same; 1, 1.0 and true are three values."""
    return bool(left == right) and (
        isinstance(left, str)
        or json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
    )


def merge_patch(target: Any, patch: Any) -> Any:
    """Return `target` after a JSON merge patch (RFC 7386); neither is changed."""
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def apply_fields(
    live: Mapping[str, Any],
    config: Mapping[str, Any],
    owner: Owner,
    owners: Owners,
    *,
    force: bool,
) -> tuple[dict[str, Any], Owners]:
    """Server-side apply `config` over `live`.

    Args:
        live: the object as it is; {} where there is none.
        config: all that `owner` wants.
        owner: who applies.
        owners: who owns what of `live`.
        force: take fields that differ from their present owners.

    Returns:
        The new object and its owners.

    Raises:
        Conflict: somebody else owns a field that would change, and `force` is off.
    """
    wanted = leaves(writable(config))
    before = leaves(writable(live))
    changed = _changed(before, wanted)
    others = {other: fields for other, fields in owners.items() if other != owner}
    contested = _contested(changed, before, others)
    if contested and not force:
        raise _conflict(contested)
    for other, lost in contested.items():
        others[other] -= lost
    kept = union([frozenset(wanted), *others.values()])
    left: Any = live
    for path in sorted(owners.get(owner, frozenset()) - kept, key=len):
        if not any(other[: len(path)] == path for other in kept):
            left = _without(left, path)
    merged = _merged(left, writable(config), ())
    after = leaves(writable(merged)).keys() | leaves(writable(merged, "status")).keys()
    others[owner] = frozenset(wanted)
    return merged, {each: fields & after for each, fields in others.items() if fields & after}


def update_owners(
    before: Mapping[str, Any], after: Mapping[str, Any], owner: Owner, owners: Owners
) -> Owners:
    """Return the owners after a create, patch or status patch by `owner`.

    What it changed or added is its own from now on; what is gone is nobody's.
    """
    old = leaves(writable(before, owner.subresource))
    new = leaves(writable(after, owner.subresource))
    taken = {path for path, value in new.items() if path not in old or not same(old[path], value)}
    gone = old.keys() - new.keys()
    updated = {each: fields - taken - gone for each, fields in owners.items()}
    updated[owner] = updated.get(owner, frozenset()) | taken
    return {each: fields for each, fields in updated.items() if fields}


def union(sets: Iterable[FieldSet]) -> FieldSet:
    """Return all paths of all sets."""
    return frozenset[FieldPath]().union(*sets)


def _changed(
    before: Mapping[FieldPath, Any], wanted: Mapping[FieldPath, Any]
) -> frozenset[FieldPath]:
    """Return the wanted fields that differ; an empty map changes no map."""
    differing = {
        path
        for path, value in wanted.items()
        if path not in before or not same(before[path], value)
    }
    return frozenset(
        path
        for path in differing
        if wanted[path] != {} or not any(_replaces(path, field) for field in before)
    )


def _contested(
    changed: FieldSet, before: Mapping[FieldPath, Any], others: Owners
) -> dict[Owner, FieldSet]:
    """Return the fields of others that a change touches, above or below them too.

    Filling an empty map takes nothing from who made it.
    """
    found = {}
    for other, fields in others.items():
        hit = fields & changed | {
            field
            for field in fields
            for path in changed
            if _replaces(path, field) or (before.get(field) != {} and _replaces(field, path))
        }
        if hit:
            found[other] = hit
    return found


def _replaces(upper: FieldPath, lower: FieldPath) -> bool:
    """Return whether a value at `upper` and one at `lower` exclude each other.

    An item of a keyed list stands beside its own fields.
    """
    return (
        len(upper) < len(lower) and lower[: len(upper)] == upper and not upper[-1].startswith("k:")
    )


def _conflict(contested: Mapping[Owner, FieldSet]) -> Conflict:
    parts = [
        f'"{owner.manager}": {", ".join(render_path(path) for path in sorted(fields))}'
        for owner, fields in sorted(contested.items())
    ]
    return Conflict(
        f"conflicts with {'; '.join(parts)}",
        remedy="leave these fields to their owner, or apply with force to take them",
    )


def _merged(live: Any, config: Any, path: FieldPath) -> Any:
    if isinstance(config, Mapping):
        merged = dict(live) if isinstance(live, Mapping) else {}
        for key, value in config.items():
            merged[key] = _merged(merged.get(key), value, (*path, f"f:{key}"))
        return merged
    if isinstance(config, list) and path in LIST_KEYS and isinstance(live, list):
        return _merged_list(live, config, path)
    return copy.deepcopy(config)


def _merged_list(live: list[Any], config: list[Any], path: FieldPath) -> list[Any]:
    """Items keep their place; new ones come last."""
    items = {item_element(path, item): item for item in live}
    for item in config:
        element = item_element(path, item)
        items[element] = _merged(items.get(element), item, (*path, element))
    return list(items.values())


def _without(value: Any, path: FieldPath) -> Any:
    """Return the value without one field, and without containers left empty by that."""
    element, rest = path[0], path[1:]
    if isinstance(value, Mapping):
        return _without_key(value, element[2:], rest)
    if not isinstance(value, list):
        return value
    # Only lists of LIST_KEYS have paths through them, and their keys are in the element.
    kept = []
    for item in value:
        if not _is_item(item, element):
            kept.append(item)
        elif rest:
            kept.append(_without(item, rest))
    return kept


def _without_key(value: Mapping[str, Any], key: str, rest: FieldPath) -> dict[str, Any]:
    left = dict(value)
    if key not in left:
        return left
    if not rest:
        del left[key]
        return left
    child = _without(left[key], rest)
    if child in ({}, []):
        del left[key]
    else:
        left[key] = child
    return left


def _is_item(item: Any, element: str) -> bool:
    name = json.loads(element[2:])
    if element.startswith("v:"):
        return same(item, name)
    return isinstance(item, Mapping) and all(item.get(key) == value for key, value in name.items())
