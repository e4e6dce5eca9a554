"""Paths of fields, and the fields in which two JSON values differ. Pure.

A path is a tuple of map keys and list indexes; written it reads
`spec.template.spec.containers[0].image` or `metadata.labels["app.kubernetes.io/name"]`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "ABSENT",
    "Difference",
    "Path",
    "differences",
    "named_items",
    "parse_path",
    "render_path",
    "same_value",
    "value_at",
    "without_path",
]

Path = tuple[str | int, ...]

_PLAIN = re.compile(r"[A-Za-z0-9_$-]+")
_STEP = re.compile(
    r"""\.?(?P<plain>[A-Za-z0-9_$-]+)|\[(?P<index>\d+)\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]"""
)


class _Absent:
    """Stands for a field that is not there; null is as good as that."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Difference:
    """One field: its value on both sides, or ABSENT."""

    path: Path
    before: Any = field(repr=False)
    after: Any = field(repr=False)


def render_path(path: Path) -> str:
    """Return a path as people read it; parse_path() reads it back."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step, ensure_ascii=False)}]"
    return text


def parse_path(text: str) -> Path:
    """Return the path that render_path() wrote.

    Raises:
        ValueError: it wrote no such text.
    """
    steps: list[str | int] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError("no path of fields")
        if match["plain"] is not None:
            steps.append(match["plain"])
        elif match["index"] is not None:
            steps.append(int(match["index"]))
        else:
            steps.append(json.loads(match["quoted"]))
        position = match.end()
    return tuple(steps)


def same_value(left: Any, right: Any) -> bool:
    """Return whether two JSON values are one; 1 and true differ, 1 and 1.0 do not."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(
            same_value(value, right[key]) for key, value in left.items()
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_value, left, right))
    return bool(left == right)


def differences(before: Any, after: Any) -> list[Difference]:
    """Return the smallest fields that differ, in the order of their paths.

    Lists of named items are compared name by name, and the index in a path is the one
    of `before` where the item is in it. A list that grew or shrank otherwise is one field.

    Args:
        before: a JSON value, or ABSENT.
        after: the other.
    """
    return list(_differences(before, after, ()))


def _differences(before: Any, after: Any, path: Path) -> Iterator[Difference]:
    if before is None:
        before = ABSENT
    if after is None:
        after = ABSENT
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}, key=str):
            yield from _differences(before.get(key), after.get(key), (*path, key))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _list_differences(before, after, path)
    elif not same_value(before, after):
        yield Difference(path, before, after)


def _list_differences(before: list[Any], after: list[Any], path: Path) -> Iterator[Difference]:
    old, new = named_items(before), named_items(after)
    if old is not None and new is not None:
        if [name for name in old if name in new] != [name for name in new if name in old]:
            yield Difference(path, before, after)  # Another order can mean another thing.
            return
        for name in (*old, *(name for name in new if name not in old)):
            index, item = old[name] if name in old else new[name]
            counterpart = new[name][1] if name in new else ABSENT
            was, becomes = (item, counterpart) if name in old else (ABSENT, item)
            yield from _differences(was, becomes, (*path, index))
    elif len(before) == len(after):
        for index, (was, becomes) in enumerate(zip(before, after, strict=True)):
            yield from _differences(was, becomes, (*path, index))
    else:
        yield Difference(path, before, after)


def named_items(items: Sequence[Any]) -> dict[str, tuple[int, Any]] | None:
    """Return index and item by `name`, or None where not each has one of its own."""
    named: dict[str, tuple[int, Any]] = {}
    for index, item in enumerate(items):
        name = item.get("name") if isinstance(item, Mapping) else None
        if not isinstance(name, str) or name in named:
            return None
        named[name] = (index, item)
    return named


def value_at(value: Any, path: Path) -> Any:
    """Return what is at a path, ABSENT where nothing is."""
    for step in path:
        if not _has(value, step):
            return ABSENT
        value = value[step]
    return ABSENT if value is None else value


def _has(value: Any, step: str | int) -> bool:
    if isinstance(value, Mapping):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value)


def without_path(value: Any, path: Path) -> Any:
    """Return the value without one field; what is not touched is shared, not copied."""
    if not path or not _has(value, path[0]):
        return value
    step, rest = path[0], path[1:]
    pairs: list[tuple[str | int, Any]] = list(
        enumerate(value) if isinstance(value, list) else value.items()
    )
    kept = [
        (key, without_path(each, rest) if key == step else each)
        for key, each in pairs
        if key != step or rest
    ]
    return [each for _, each in kept] if isinstance(value, list) else dict(kept)
