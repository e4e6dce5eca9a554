"""Accepts JSON as RFC 8259 has it and nothing else, without ever quoting it.

The library's parser is not used for this: its errors carry the document, it accepts
NaN, and it recurses. Neighbours: `property_path.extract_map`, gjson's `@valid`.

Source: RFC 8259; Go encoding/json for the depth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["MAX_NESTING", "object_members", "valid"]

#: Where Go's decoder stops.
MAX_NESTING = 10_000

_SPACE = rb"[ \t\n\r]*+"
_INSIDE = rb'[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+'
_SCALAR = (
    rb'"' + _INSIDE + rb'"'
    rb"|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?"
    rb"|true|false|null"
)
#: Group 1 is set where a container opens.
_VALUE = re.compile(_SPACE + rb"(?:" + _SCALAR + rb"|([{\[]))")
_KEYED = re.compile(_SPACE + rb'"' + _INSIDE + rb'"' + _SPACE + rb":" + _VALUE.pattern)
_EMPTY = re.compile(_SPACE + rb"([}\]])")
_NEXT = re.compile(_SPACE + rb"([,}\]])")
_BLANK = re.compile(_SPACE)
_OPEN_OBJECT = re.compile(_SPACE + rb"\{" + _SPACE)
_KEY = re.compile(_SPACE + rb'"(' + _INSIDE + rb')"' + _SPACE + rb":" + _SPACE)

_CLOSER = {b"{": ord("}"), b"[": ord("]")}
_OBJECT_END = ord("}")


def valid(source: bytes) -> bool:
    """Tell whether `source` is one JSON value with nothing but whitespace around it."""
    stop = _value_end(source, 0)
    return stop >= 0 and _BLANK.fullmatch(source, stop) is not None


def object_members(source: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (key without quotes, raw value) of each member of a valid JSON object.

    Raises:
        ValueError: `source` is not valid JSON or not an object; the message says which
            and carries nothing of it. Only raised before the first member.
    """
    if not valid(source):
        raise ValueError("the value is not valid JSON")
    match = _OPEN_OBJECT.match(source)
    if match is None:
        raise ValueError("the value is JSON but not an object")
    at = match.end()
    while key := _KEY.match(source, at):
        stop = _value_end(source, key.end())
        yield key[1], source[key.end() : stop]
        at = _NEXT.match(source, stop).end()  # type: ignore[union-attr]  # it is valid


def _value_end(source: bytes, at: int) -> int:
    """Return where the value at `at` ends, or -1 if it is not valid."""
    closers = bytearray()
    match = _VALUE.match(source, at)
    while match is not None:
        at = match.end()
        if match[1] is not None:
            if len(closers) >= MAX_NESTING:
                return -1
            closers.append(_CLOSER[match[1]])
            empty = _EMPTY.match(source, at)
            if empty is None:
                match = (_KEYED if closers[-1] == _OBJECT_END else _VALUE).match(source, at)
                continue
            at = empty.start(1)
        at = _close(source, at, closers)
        if at < 0 or not closers:
            return at
        match = (_KEYED if closers[-1] == _OBJECT_END else _VALUE).match(source, at)
    return -1


def _close(source: bytes, at: int, closers: bytearray) -> int:
    """Step over closing brackets and a comma; return the next position, or -1."""
    while closers:
        match = _NEXT.match(source, at)
        if match is None:
            return -1
        at = match.end()
        if match[1] == b",":
            return at
        if match[1][0] != closers.pop():
            return -1
    return at
