"""What a target would change in a live object, without asking the cluster. Pure.

It serves where a dry run cannot answer, and tells of fields that an earlier tool set
and the sources no longer have. Neighbour: `comparing` asks the cluster first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from secretsync.gitops.objects.field_paths import ABSENT, Difference, Path, named_items, same_value
from secretsync.gitops.objects.normalizing import default_of
from secretsync.gitops.objects.owned_fields import Fields, item_indexes

__all__ = ["dropped_of", "dropped_since", "local_differences"]


def local_differences(target: Mapping[str, Any], live: Mapping[str, Any]) -> list[Difference]:
    """Return the fields that the target gives otherwise than the live object has them.

    Fields that the target does not give do not count: they may be defaults, or others'.

    Args:
        target: normalized.
        live: normalized; before is its side.
    """
    return [
        each
        for each in _wanted(live, target, ())
        if not (each.before is ABSENT and same_value(default_of(target, each.path), each.after))
    ]


def _wanted(live: Any, target: Any, path: Path) -> Iterator[Difference]:
    if target is None:
        return
    if isinstance(target, Mapping) and isinstance(live, Mapping):
        for key in sorted(target, key=str):
            yield from _wanted(live.get(key, ABSENT), target[key], (*path, key))
    elif isinstance(target, list) and isinstance(live, list):
        yield from _wanted_items(live, target, path)
    elif not same_value(live, target):
        yield Difference(path, ABSENT if live is None else live, target)


def _wanted_items(live: list[Any], target: list[Any], path: Path) -> Iterator[Difference]:
    old, new = named_items(live), named_items(target)
    if old is None or new is None:
        if len(live) != len(target):
            yield Difference(path, live, target)
            return
        for index, (was, becomes) in enumerate(zip(live, target, strict=True)):
            yield from _wanted(was, becomes, (*path, index))
        return
    for name, (index, item) in old.items():
        if name not in new:
            yield Difference((*path, index), item, ABSENT)
        else:
            yield from _wanted(item, new[name][1], (*path, index))
    for name, (index, item) in new.items():
        if name not in old:
            yield Difference((*path, index), ABSENT, item)


def dropped_since(applied: Any, target: Any, live: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the paths in the live object of what was applied once and is no longer wished.

    Args:
        applied: the object that was applied client-side before, normalized.
        target: what is wished now, normalized.
        live: the object as it is, normalized.
        path: where they are.
    """
    if isinstance(applied, Mapping) and isinstance(target, Mapping) and isinstance(live, Mapping):
        for key in applied:
            if key in live and key not in target:
                yield (*path, key)
            elif key in live:
                yield from dropped_since(applied[key], target[key], live[key], (*path, key))
    elif isinstance(applied, list) and isinstance(target, list) and isinstance(live, list):
        before, wanted, found = map(named_items, (applied, target, live))
        if before is None or wanted is None or found is None:
            return
        for name, (_, item) in before.items():
            if name not in found:
                continue
            index, there = found[name]
            if name not in wanted:
                yield (*path, index)
            else:
                yield from dropped_since(item, wanted[name][1], there, (*path, index))


def dropped_of(fields: Fields, target: Any, live: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the paths in the live object that an owner has and the target does not give.

    Args:
        fields: FieldsV1 of the owner.
        target: what is wished now, normalized.
        live: the object as it is, normalized.
        path: where they are.
    """
    for element, below in fields.items():
        if element.startswith("f:") and isinstance(live, Mapping):
            key = element[2:]
            if key not in live:
                continue
            if not isinstance(target, Mapping) or key not in target:
                yield (*path, key)
            else:
                yield from dropped_of(below, target[key], live[key], (*path, key))
        elif isinstance(live, list) and isinstance(target, list):
            found, wanted = item_indexes(live, element), item_indexes(target, element)
            if len(found) == 1 and not wanted:
                yield (*path, found[0])
            elif len(found) == 1:
                item, there = target[wanted[0]], live[found[0]]
                yield from dropped_of(below, item, there, (*path, found[0]))
