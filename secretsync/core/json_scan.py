"""Finds values in JSON bytes without parsing them, as leniently as gjson does.

A span is (start, stop) in the source; nothing is copied or converted. Malformed input
ends a scan early and never fails. Every step moves forward, so a scan is linear.
Neighbours: `gjson_eval` walks with this, `json_text` decodes what it finds,
`json_strict` is the opposite: it accepts RFC 8259 and nothing else.

Source: behaviour of github.com/tidwall/gjson v1.18.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["containers_end", "elements", "first_container", "is_container", "members", "parse"]

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
# What may begin a value; all else between values is skipped, whatever it is.
_VALUE_START = rb"\"{\[ntf+\-0-9iIN"
_VALUE = (
    rb"(?:(" + _STRING + rb")"
    rb"|([{\[])"
    rb"|((?:[tf]|n(?=u|\Z))[a-z]*+)"
    rb"|([n+\-0-9iIN][^\x00-\x20,\]}]*+))"
)
#: Groups of a member: 1 the key without quotes, 2 string, 3 container, 4 literal, 5 number.
_MEMBER = re.compile(
    rb'[^"}]*+"([^"\\]*+(?:\\.[^"\\]*+)*+)"[^' + _VALUE_START + rb"]*+" + _VALUE, re.DOTALL
)
#: Groups of an element: 1 string, 2 container, 3 literal, 4 number.
_ELEMENT = re.compile(rb"[^\]" + _VALUE_START + rb"]*+" + _VALUE, re.DOTALL)
_MEMBER_CONTAINER, _ELEMENT_CONTAINER = 3, 2

#: Everything up to the next bracket outside a string; an open string runs to the end.
_TO_BRACKET = re.compile(
    rb'[^"(){}\[\]]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)[^"(){}\[\]]*+)*+', re.DOTALL
)
_OPENING = frozenset(b"{[(")
_CONTAINER = re.compile(rb"[{\[]")
_LEADING = re.compile(rb"[\x00-\x20]*+")
#: A whole document that is one scalar, for `parse`.
_SCALAR = re.compile(
    rb"(" + _STRING + rb'|"[\s\S]*)|((?:[tf]|n(?=u|\Z))[a-z]*+)|([n+\-0-9iIN][^\x00-\x20,\]}]*+)',
    re.DOTALL,
)


def is_container(source: bytes, start: int) -> bool:
    """Tell whether the value at `start` is an object or an array."""
    return source[start] in b"{["


def containers_end(source: bytes, start: int, end: int) -> int:
    """Return where the container that opens at `start` ends.

    Brackets are counted and not matched by kind; one that is never closed ends at `end`.
    """
    depth, at = 1, start + 1
    while True:
        at = _TO_BRACKET.match(source, at, end).end()  # type: ignore[union-attr]  # it matches ""
        if at >= end:
            return end
        depth += 1 if source[at] in _OPENING else -1
        at += 1
        if not depth:
            return at


def members(source: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (key, value start, value stop) for an object whose inside begins at `start`.

    The key is without quotes and still escaped.
    """
    while match := _MEMBER.match(source, start, end):
        kind: int = match.lastindex  # type: ignore[assignment]  # a match has a value group
        value, start = match.span(kind)
        if kind == _MEMBER_CONTAINER:
            start = containers_end(source, value, end)
        yield match[1], value, start


def elements(source: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of each element of an array whose inside begins at `start`."""
    while match := _ELEMENT.match(source, start, end):
        kind: int = match.lastindex  # type: ignore[assignment]  # a match has a value group
        value, start = match.span(kind)
        if kind == _ELEMENT_CONTAINER:
            start = containers_end(source, value, end)
        yield value, start


def first_container(source: bytes) -> int:
    """Return where the first `{` or `[` is, or -1; what stands before it does not count."""
    match = _CONTAINER.search(source)
    return match.start() if match else -1


def parse(source: bytes) -> bytes | None:
    """Return the raw value that a document holds, or None if it holds none.

    A container is returned with all that follows it, trailing whitespace included.
    """
    start = _LEADING.match(source).end()  # type: ignore[union-attr]  # it matches ""
    if source[start : start + 1] in (b"{", b"["):
        return source[start:]
    match = _SCALAR.match(source, start)
    return match.group() if match else None
