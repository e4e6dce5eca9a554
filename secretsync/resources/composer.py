"""Events become values: the one place where the limits of documents are kept.

Neighbours: `yaml_events` and `json_events` give the events, `documents` takes the
values. Nothing here recurses over input that has not been measured first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from secretsync.resources.text_events import Event, EventKind, TextError

__all__ = ["MAX_ALIAS_NODES", "MAX_DEPTH", "MAX_NODES", "Composed", "Path", "compose", "quoted"]

Path = tuple[str | int, ...]

#: Nesting of maps and lists; real manifests stay below 30.
MAX_DEPTH = 100
#: Nodes that aliases may add to one file: an anchor used often is fine, a bomb is not.
MAX_ALIAS_NODES = 100_000
#: Values in one file; ten megabytes of real manifests hold about half as many.
MAX_NODES = 1_000_000
#: Places remembered below the second level; beyond, the nearest known ancestor answers.
_MAX_DEEP_LINES = 200_000
_ALWAYS_REMEMBERED = 2
_MERGE = object()


class Composed(NamedTuple):
    """One document: its value (None where empty), and the line of each path in it."""

    value: Any
    lines: dict[Path, int]


class _Node(NamedTuple):
    value: Any
    nodes: int
    height: int


class _Frame:
    """A map or list that is still open."""

    __slots__ = (
        "anchor", "height", "items", "key", "key_lines", "mapping", "merged", "nodes", "path"
    )  # fmt: skip

    def __init__(self, path: Path, anchor: str, *, is_map: bool) -> None:
        self.path = path
        self.anchor = anchor
        self.mapping: dict[str, Any] | None = {} if is_map else None
        self.items: list[Any] = []
        self.key: Any = None
        self.key_lines: dict[Any, int] = {}
        self.merged: list[dict[str, Any]] = []
        self.nodes = 1
        self.height = 1


def compose(events: Iterable[Event]) -> Iterator[Composed]:
    """Yield each document; an empty one has the value None.

    Raises:
        TextError: a document that is no map, a repeated or non-string key, too much
            nesting or content, an alias that is unknown or expands to too much.
    """
    composer = _Composer()
    for event in events:
        composed = composer.step(event)
        if composed is not None:
            yield composed


class _Composer:
    def __init__(self) -> None:
        self._nodes = 0
        self._alias_nodes = 0
        self._reset()

    def _reset(self) -> None:
        self._stack: list[_Frame] = []
        self._anchors: dict[str, _Node] = {}
        self._lines: dict[Path, int] = {}
        self._root: Any = None

    def step(self, event: Event) -> Composed | None:
        kind = event.kind
        if kind is EventKind.END:
            self._count(event.line)
            composed = Composed(self._root, self._lines)
            self._reset()
            return composed
        frame = self._stack[-1] if self._stack else None
        if kind is EventKind.CLOSE:
            self._close(event.line)
        elif frame is not None and frame.mapping is not None and frame.key is None:
            _take_key(frame, event)
        else:
            self._value(event, frame)
        return None

    def _count(self, line: int) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise TextError(
                f"the file holds more than {MAX_NODES} values", line=line, remedy="split the file"
            )

    def _value(self, event: Event, frame: _Frame | None) -> None:
        kind, line, value, anchor = event
        self._count(line)
        if frame is None:
            _check_root(event)
        path, line = _place(frame, line)
        if len(path) <= _ALWAYS_REMEMBERED or len(self._lines) < _MAX_DEEP_LINES:
            self._lines[path] = line
        if kind is EventKind.ALIAS:
            self._attach(self._expand(value, event.line), event.line)
        elif kind is EventKind.OPEN_MAP or kind is EventKind.OPEN_LIST:
            if len(self._stack) >= MAX_DEPTH:
                raise _too_deep(event.line)
            self._stack.append(_Frame(path, anchor, is_map=kind is EventKind.OPEN_MAP))
        else:
            node = _Node(value, 1, 0)
            if anchor:
                self._anchors[anchor] = node
            self._attach(node, event.line)

    def _close(self, line: int) -> None:
        frame = self._stack.pop()
        value: Any = frame.items
        if frame.mapping is not None:
            value = frame.mapping
            for merged in frame.merged:
                for key, item in merged.items():
                    value.setdefault(key, item)
        node = _Node(value, frame.nodes, frame.height)
        if frame.anchor:
            self._anchors[frame.anchor] = node
        self._attach(node, line)

    def _attach(self, node: _Node, line: int) -> None:
        if not self._stack:
            self._root = node.value
            return
        frame = self._stack[-1]
        frame.nodes += node.nodes
        frame.height = max(frame.height, node.height + 1)
        if frame.mapping is None:
            frame.items.append(node.value)
            return
        if frame.key is _MERGE:
            frame.merged.extend(_mergeable(node.value, line))
        else:
            frame.mapping[frame.key] = node.value
        frame.key = None

    def _expand(self, name: str, line: int) -> _Node:
        node = self._anchors.get(name)
        if node is None:
            raise TextError(
                "an alias refers to an anchor that does not exist, or to itself",
                line=line,
                remedy="define the anchor before the alias, or write the value out",
            )
        self._alias_nodes += node.nodes
        if self._alias_nodes > MAX_ALIAS_NODES:
            raise TextError(
                f"aliases expand to more than {MAX_ALIAS_NODES} nodes",
                line=line,
                remedy="write the values out, or split the file",
            )
        if len(self._stack) + node.height > MAX_DEPTH:
            raise _too_deep(line)
        return node._replace(value=_copied(node.value))


def _check_root(event: Event) -> None:
    empty = event.kind is EventKind.SCALAR and event.value is None
    if event.kind is not EventKind.OPEN_MAP and not empty:
        found = "a list" if event.kind is EventKind.OPEN_LIST else "a single value"
        raise TextError(
            f"a document is {found}, not an object",
            line=event.line,
            remedy="write each object as a map, and separate objects by a line with ---",
        )


def _place(frame: _Frame | None, line: int) -> tuple[Path, int]:
    if frame is None:
        return (), line
    if frame.mapping is None:
        return (*frame.path, len(frame.items)), line
    key = "<<" if frame.key is _MERGE else frame.key
    return (*frame.path, key), frame.key_lines[frame.key]


def _take_key(frame: _Frame, event: Event) -> None:
    key = _MERGE if event.kind is EventKind.MERGE else event.value
    if key is not _MERGE and (event.kind is not EventKind.SCALAR or not isinstance(key, str)):
        raise TextError(
            "a key is not a string",
            line=event.line,
            remedy="put the key in quotes; yes, no, on, off, null and numbers are not strings",
        )
    first = frame.key_lines.get(key)
    if first is not None:
        name = quoted("<<" if key is _MERGE else str(key))
        raise TextError(
            f"the key {name} is given twice, on lines {first} and {event.line}",
            line=event.line,
            remedy="keep one of the two",
        )
    frame.key_lines[key] = event.line
    frame.key = key


def _mergeable(value: Any, line: int) -> list[dict[str, Any]]:
    sources = value if isinstance(value, list) else [value]
    if not all(isinstance(source, dict) for source in sources):
        raise TextError(
            "a merge key (<<) refers to something that is not a map",
            line=line,
            remedy="let << refer to a map, or to a list of maps",
        )
    return sources


def _copied(value: Any) -> Any:
    """Copy, so that two places never share one object; height is bounded by MAX_DEPTH."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _too_deep(line: int) -> TextError:
    return TextError(
        f"maps and lists are nested deeper than {MAX_DEPTH} levels",
        line=line,
        remedy="flatten the document; no Kubernetes object nests that deep",
    )


def quoted(name: str) -> str:
    """Return a field's name for a message: cut, and without control characters."""
    import json  # noqa: PLC0415 - only messages need it, and short calls feel its loading

    return json.dumps(name if len(name) <= 64 else f"{name[:61]}...")
