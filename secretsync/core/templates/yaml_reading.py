"""A YAML map becomes plain values, inside limits of its own: any text may come here.

Unlike a manifest's, its keys may be numbers and booleans, which become strings, and of a
key that is given twice the second one counts, as in Go. Only the first document is read.

Neighbour: `templates.yaml` gives the functions.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from secretsync.resources.text_events import TextError
from secretsync.resources.yaml_events import MERGE, check_container, raw_events, scalar_value

__all__ = ["NotAMap", "YamlProblem", "go_float", "read_map", "scalar_text"]

_MAX_DEPTH = 50
#: Values of a document, aliases expanded.
_MAX_NODES = 50_000
_EVENT_STEPS = 32
#: They say nothing of the values.
_OUTER_EVENTS = frozenset((yaml.StreamStartEvent, yaml.DocumentStartEvent, yaml.StreamEndEvent))
#: From so many digits before the point on, and after so many zeros behind it, Go's `%g`
#: writes an exponent.
_EXPONENT_FROM = 6
_EXPONENT_BELOW = -4


class YamlProblem(ValueError):
    """The text is not YAML of the wanted shape; the message holds none of it."""


class NotAMap(YamlProblem):
    """The text is something else.

    Args:
        found: what it is; only its kind is kept.
    """

    def __init__(self, found: object) -> None:
        kinds = {list: "array", str: "string", bool: "bool"}
        self.kind = kinds.get(type(found), "number")
        super().__init__(f"the text is a YAML {self.kind}, not a map")


def read_map(
    text: str, pay: Callable[[int], None], *, integer: Callable[[int], Any] = int
) -> dict[str, Any]:
    """Read the first document of a text; an empty one is an empty map.

    Args:
        pay: takes the steps that reading costs, and raises where there are none left.
        integer: what becomes of integers that are not keys.

    Raises:
        YamlProblem: it is not YAML, not a map, or too deep or large.
    """
    builder = _Builder(integer)
    step = builder.step
    problem = ""
    try:
        for raw in raw_events(text):
            kind = type(raw)
            if kind is yaml.DocumentEndEvent:
                break
            if kind not in _OUTER_EVENTS:
                pay(_EVENT_STEPS)
                step(kind, raw)
    except TextError as exc:
        said = exc.message.removeprefix("not valid YAML: ")
        problem = f"line {exc.line}: {said}" if exc.line > 1 else said
    if problem:
        raise YamlProblem(problem)
    found = builder.root
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise NotAMap(found)
    return found


class _Frame:
    """A map or list that is still open."""

    __slots__ = ("anchor", "is_map", "key", "merged", "value")

    def __init__(self, value: Any, anchor: str | None) -> None:
        self.value = value
        self.is_map = isinstance(value, dict)
        self.anchor = anchor
        self.key: Any = None
        self.merged: list[dict[str, Any]] = []


class _Builder:
    def __init__(self, integer: Callable[[int], Any]) -> None:
        self.root: Any = None
        self._integer = integer
        self._stack: list[_Frame] = []
        self._top: _Frame | None = None
        self._anchors: dict[str, Any] = {}
        self._left = _MAX_NODES

    def step(self, kind: type[Any], raw: Any) -> None:
        self._left -= 1
        if self._left < 0:
            raise _too_many()
        top = self._top
        wants_key = top is not None and top.is_map and top.key is None
        if kind is yaml.ScalarEvent:
            value = scalar_value(raw)
            if top is not None and wants_key:
                is_text = type(value) is str or value is MERGE
                top.key = value if is_text else scalar_text(value)
                return
            if type(value) is int:
                value = self._integer(value)
            elif value is MERGE:
                value = raw.value
            if raw.anchor:
                self._anchors[raw.anchor] = value
            self._attach(value)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._close()
        elif wants_key:
            raise YamlProblem("a key of the map is a map, a list or an alias")
        elif kind is yaml.AliasEvent:
            self._attach(self._expanded(raw.anchor))
        else:
            self._open({} if kind is yaml.MappingStartEvent else [], raw)

    def _open(self, value: Any, raw: Any) -> None:
        check_container(raw)
        if len(self._stack) == _MAX_DEPTH:
            raise YamlProblem(f"the text nests deeper than {_MAX_DEPTH} levels")
        self._top = _Frame(value, raw.anchor)
        self._stack.append(self._top)

    def _close(self) -> None:
        frame = self._stack.pop()
        self._top = self._stack[-1] if self._stack else None
        for merged in frame.merged:
            for key, value in merged.items():
                frame.value.setdefault(key, value)
        if frame.anchor:
            self._anchors[frame.anchor] = frame.value
        self._attach(frame.value)

    def _attach(self, value: Any) -> None:
        frame = self._top
        if frame is None:
            self.root = value
        elif not frame.is_map:
            frame.value.append(value)
        elif frame.key is MERGE:
            frame.merged.extend(_mergeable(value))
            frame.key = None
        else:
            frame.value[frame.key] = value
            frame.key = None

    def _expanded(self, anchor: str) -> Any:
        if anchor not in self._anchors:
            raise YamlProblem("an alias names no anchor before it")
        return self._copied(self._anchors[anchor], len(self._stack))

    def _copied(self, value: Any, depth: int) -> Any:
        """Each place gets its own; what is too much stops before it is made."""
        if not isinstance(value, dict | list):
            return value
        if depth >= _MAX_DEPTH:
            raise YamlProblem(f"the text nests deeper than {_MAX_DEPTH} levels")
        self._count(len(value))
        if isinstance(value, list):
            return [self._copied(item, depth + 1) for item in value]
        return {key: self._copied(item, depth + 1) for key, item in value.items()}

    def _count(self, nodes: int) -> None:
        self._left -= nodes
        if self._left < 0:
            raise _too_many()


def _too_many() -> YamlProblem:
    return YamlProblem(f"the text holds more than {_MAX_NODES} values")


def _mergeable(value: Any) -> Iterator[dict[str, Any]]:
    for source in value if isinstance(value, list) else [value]:
        if not isinstance(source, dict):
            raise YamlProblem("a merge key (<<) refers to something that is not a map")
        yield source


def scalar_text(value: object, *, bits: int = 64) -> str:
    """Return a scalar as a string, where only a string fits.

    Args:
        bits: of a float, how many count.

    Raises:
        YamlProblem: null is no string.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return go_float(value, bits=bits)
    if isinstance(value, int):
        return str(value)
    raise YamlProblem("a key of the map is null")


def go_float(value: float, *, bits: int = 64) -> str:
    """Return a finite float as Go's `FormatFloat(value, 'g', -1, bits)`."""
    shortest = repr(value) if bits == 64 else _shortest_single(value)
    sign = "-" if shortest.startswith("-") else ""
    if value == 0:
        return f"{sign}0"
    mantissa, _, written = shortest.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    leading = len(whole) if whole.strip("0") else len(digits) - len(fraction)
    exponent = leading - 1 + int(written or 0)
    digits = digits.rstrip("0")
    if not _EXPONENT_BELOW <= exponent < _EXPONENT_FROM:
        tail = f".{digits[1:]}" if digits[1:] else ""
        return f"{sign}{digits[0]}{tail}e{exponent:+03d}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    digits = digits.ljust(exponent + 1, "0")
    tail = f".{digits[exponent + 1 :]}" if digits[exponent + 1 :] else ""
    return f"{sign}{digits[: exponent + 1]}{tail}"


def _shortest_single(value: float) -> str:
    """The fewest digits that name the same number of 32 bits."""
    try:
        packed = struct.pack("f", value)
    except OverflowError:
        return repr(value)
    (single,) = struct.unpack("f", packed)
    tries = (f"{single:.{digits}e}" for digits in range(9))
    return next((text for text in tries if struct.pack("f", float(text)) == packed), repr(value))
