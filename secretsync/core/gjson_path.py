"""Cuts gjson paths into steps. Knows nothing of documents.

A step is what one level of a document is asked; `rest` is the path that goes on below
it, `pipe` the path that starts anew on its result. At most one of them is set.
Parsing is cached: a projection asks the same path of every element.
Neighbour: `gjson_eval`.

Source: behaviour of github.com/tidwall/gjson v1.18.0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from secretsync.core.gjson_query import Query, cut_query, string_end
from secretsync.core.json_scan import containers_end
from secretsync.core.json_strict import valid
from secretsync.core.json_text import quote

__all__ = [
    "MODIFIERS",
    "ArrayStep",
    "ObjectStep",
    "SubSelector",
    "argument",
    "array_step",
    "literal",
    "member_name",
    "object_step",
    "split_pipe",
    "squash",
    "sub_selectors",
]

#: The names that may follow `@`.
MODIFIERS = frozenset(
    b"pretty ugly reverse this flatten join valid keys values tostr fromstr group dig".split()
)
_CACHE = 1024
#: An index with more digits than this is beyond any document.
_INDEX_DIGITS = 18

_LITERAL_LEAD = frozenset(b'{["+-0123456789')
_LITERAL_WORDS = frozenset({b"true", b"false", b"null", b"nan", b"inf"})
_TO_SEPARATOR = re.compile(rb"[^.|]*+")
_LAST_COMPONENT = re.compile(rb"(?<!\\)[.|]")
_NOT_SIMPLE = re.compile(rb"[\x00-\x1f\[\]{}()#|!]")
_MODIFIER_NAME = re.compile(rb"@([^.|:]*+)")


@dataclass(frozen=True, slots=True)
class ObjectStep:
    """One key, or a pattern of keys where `wild`."""

    part: bytes
    wild: bool = False
    rest: bytes | None = None
    pipe: bytes | None = None


@dataclass(frozen=True, slots=True)
class ArrayStep:
    """What is asked of an array.

    Args:
        index: an element, or None.
        count: `#`, the number of elements.
        each: `#.path`, that path of every element.
        query: `#(…)`.
    """

    index: int | None = None
    count: bool = False
    each: bytes | None = None
    query: Query | None = None
    rest: bytes | None = None
    pipe: bytes | None = None


@dataclass(frozen=True, slots=True)
class SubSelector:
    """One member of a multipath; `name` as written before the colon, or None."""

    path: bytes
    name: bytes | None = None


@lru_cache(maxsize=_CACHE)
def object_step(path: bytes) -> ObjectStep:
    """Return what `path` asks of an object."""
    part, wild, at = bytearray(), False, 0
    while at < len(path):
        char = path[at : at + 1]
        if char == b"|":
            return ObjectStep(bytes(part), wild, pipe=path[at + 1 :])
        if char == b".":
            rest, pipe = _after_dot(path[at + 1 :])
            return ObjectStep(bytes(part), wild, rest, pipe)
        if char == b"\\":
            at += 1
            char = path[at : at + 1]
        elif char in (b"*", b"?"):
            wild = True
        part += char
        at += 1
    return ObjectStep(bytes(part), wild)


def _after_dot(path: bytes) -> tuple[bytes | None, bytes | None]:
    """Return (rest, pipe): before a modifier or a multipath a dot is a pipe."""
    if path[:1] in (b"[", b"{"):
        return None, path
    if name := _MODIFIER_NAME.match(path):
        return (None, path) if name[1] in MODIFIERS else (path, None)
    return path, None


@lru_cache(maxsize=_CACHE)
def array_step(path: bytes) -> ArrayStep:
    """Return what `path` asks of an array."""
    query, hashed, at = None, False, 0
    if path[:1] == b"#":
        if path[1:2] == b".":
            return ArrayStep(each=path[2:], rest=path[2:])
        if path[1:2] in (b"(", b"["):
            query, at = cut_query(path)
    while at < len(path):
        char = path[at : at + 1]
        if char == b"|":
            return _array_step(path[:at], query, (None, path[at + 1 :]), hashed=hashed)
        if char == b".":
            below = (
                (path[at + 1 :], None)
                if hashed or query is not None
                else _after_dot(path[at + 1 :])
            )
            return _array_step(path[:at], query, below, hashed=hashed)
        hashed = hashed or char == b"#"
        at += 1
    return _array_step(path, query, (None, None), hashed=hashed)


def _array_step(
    part: bytes, query: Query | None, below: tuple[bytes | None, bytes | None], *, hashed: bool
) -> ArrayStep:
    rest, pipe = below
    if query is not None:
        return ArrayStep(query=query, rest=rest, pipe=pipe)
    if hashed:
        return ArrayStep(count=part == b"#", rest=rest, pipe=pipe)
    index = int(part) if part.isdigit() and len(part) <= _INDEX_DIGITS else None
    return ArrayStep(index=index, rest=rest, pipe=pipe)


def squash(text: bytes) -> bytes:
    """Return the string or the bracketed part that `text` begins with."""
    if text[:1] == b'"':
        return text[: string_end(text, 0)]
    return text[: containers_end(text, 0, len(text))]


@lru_cache(maxsize=_CACHE)
def split_pipe(path: bytes) -> tuple[bytes, bytes | None]:
    """Split a path at its first pipe that is not inside a query."""
    if b"|" not in path:
        return path, None
    if path[:1] == b"{":
        stop = len(squash(path[1:])) + 1
        return (path[:stop], path[stop + 1 :]) if path[stop : stop + 1] == b"|" else (path, None)
    at = 0
    while at < len(path):
        char = path[at : at + 1]
        if char == b"\\":
            at += 1
        elif char == b"|":
            return path[:at], path[at + 1 :]
        elif char == b"." and path[at + 1 : at + 2] == b"#":
            at += 1
            if path[at + 1 : at + 2] in (b"[", b"("):
                at = _bracket_end(path, at + 1)
            else:
                at += 1  # gjson steps over what follows `.#`, a pipe included
        at += 1
    return path, None


def _bracket_end(path: bytes, at: int) -> int:
    """Return where the bracket that opens at `at` is closed; only its own kind counts."""
    opening = path[at : at + 1]
    closing = b"]" if opening == b"[" else b")"
    depth, at = 1, at + 1
    while at < len(path):
        char = path[at : at + 1]
        if char == b"\\":
            at += 1
        elif char == b'"':
            at = string_end(path, at) - 1
        elif char in (opening, closing):
            depth += 1 if char == opening else -1
            if not depth:
                return at
        at += 1
    return at


@lru_cache(maxsize=_CACHE)
def sub_selectors(path: bytes) -> tuple[tuple[SubSelector, ...], bytes]:
    """Cut a path that begins with `{` or `[` into its members.

    Returns:
        The members and the path behind the closing bracket; nothing if there is none.
    """
    found: list[SubSelector] = []
    depth, start, colon, modifier, at = 1, 1, 0, False, 1
    while at < len(path):
        char = path[at : at + 1]
        if char == b"\\":
            at += 1
        elif char == b'"':
            at = string_end(path, at) - 1
        elif char == b"@":
            modifier = modifier or path[at - 1 : at] in (b".", b"|")
        elif char == b":" and depth == 1:
            colon = colon if modifier or colon else at
        elif char in (b"[", b"(", b"{"):
            depth += 1
        elif char in (b"]", b")", b"}"):
            depth -= 1
        if depth == 0 or (char == b"," and depth == 1):
            name = path[start:colon] if colon else None
            found.append(SubSelector(path[colon + 1 if colon else start : at], name))
            colon, modifier, start = 0, False, at + 1
        if depth == 0:
            return tuple(found), path[at + 1 :]
        at += 1
    return (), b""


def literal(path: bytes) -> tuple[bytes | None, bytes]:
    """Return (literal, rest) for a path that begins with `!`; (None, path) if it is none."""
    text = path[1:]
    if text[0] in _LITERAL_LEAD:
        stop = containers_end(text, 0, len(text))
        return text[:stop], text[stop:]
    end = _TO_SEPARATOR.match(text).end()  # type: ignore[union-attr]  # it matches ""
    return (text[:end], text[end:]) if text[:end].lower() in _LITERAL_WORDS else (None, path)


def argument(text: bytes) -> tuple[bytes, bytes]:
    """Split what follows `@name:` into the argument and the rest of the path."""
    if text[:1] in (b"{", b"[", b'"'):
        bracketed = squash(text)
        return bracketed, text[len(bracketed) :]
    at = 0
    while at < len(text) and text[at : at + 1] != b"|":
        at += len(squash(text[at:])) if text[at] in b'{["(' else 1
    return text[:at], text[at:]


def member_name(selector: SubSelector) -> bytes:
    """Return the key, quoted, under which a multipath puts a member."""
    if selector.name:
        is_json = selector.name[:1] == b'"' and valid(selector.name)
        return selector.name if is_json else quote(selector.name)
    last = _last_component(selector.path)
    return quote(b"_" if _NOT_SIMPLE.search(last) else last)


def _last_component(path: bytes) -> bytes:
    """Return what stands behind the last dot or pipe that is not escaped."""
    start = 0
    for match in _LAST_COMPONENT.finditer(path):
        start = match.end()
    return path[start:]
