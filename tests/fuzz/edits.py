"""Bytes as a list of edits to an object: mutations that stay well-formed.

Bytes that are read as JSON or YAML are broken by nearly every mutation, so that few
inputs get beyond the syntax. An edit script always gives an object.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["apply_edits"]

MAX_EDITS = 5
_EDIT_BYTES = 4


def apply_edits(base: Any, script: bytes, *, keys: Sequence[str], values: Sequence[Any]) -> Any:
    """Return a copy of `base` with the edits of the script made.

    Args:
        base: a JSON-like object.
        script: four bytes an edit: what, where, key, value.
        keys: names of fields that edits may add.
        values: what edits may put there.
    """
    root = {"": _copy(base)}
    for at in range(0, min(len(script), MAX_EDITS * _EDIT_BYTES) - _EDIT_BYTES + 1, _EDIT_BYTES):
        what, where, key, value = script[at : at + _EDIT_BYTES]
        slots: list[tuple[Any, Any]] = []
        _add_slots(root, slots)
        parent, place = slots[where % len(slots)]
        chosen = _copy(values[value % len(values)])
        _edit(parent, place, what % 6, key=keys[key % len(keys)], value=chosen)
    return root[""]


def _copy(value: Any) -> Any:
    """As copy.deepcopy, at a tenth of its price."""
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list) else value


def _add_slots(inner: Any, slots: list[tuple[Any, Any]]) -> None:
    """Every place of the object that holds something, outer ones first."""
    for place, value in inner.items() if isinstance(inner, dict) else enumerate(inner):
        slots.append((inner, place))
        if type(value) in (dict, list):
            _add_slots(value, slots)


def _edit(parent: Any, place: Any, what: int, *, key: str, value: Any) -> None:
    old = parent[place]
    if what == 0:
        parent[place] = value
    elif what == 1 and isinstance(parent, dict) and place:
        del parent[place]
    elif what == 2 and isinstance(old, dict):
        old[key] = value
    elif what == 3:
        parent[place] = [old]
    elif what == 4 and isinstance(old, str):
        cut = len(old) // 2
        parent[place] = old[:cut] + (value if isinstance(value, str) else key) + old[cut:]
    elif what == 5 and isinstance(parent, dict) and place:
        parent[key] = old
