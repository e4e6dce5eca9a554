"""gjson queries, `#(path op value)`: how they are written and what fits them.

Neighbours: `gjson_path` meets a query in a path, `gjson_eval` finds the value that is
compared.

Source: behaviour of github.com/tidwall/gjson v1.18.0.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from secretsync.core.json_text import go_float, text_of, unescape

__all__ = ["Query", "cut_query", "fits", "glob", "string_end"]

_CACHE = 1024
_BLANKS = bytes(range(0x21))
_QUOTED = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+', re.DOTALL)
_OPERATORS = (b"!=", b"!%", b"<=", b">=", b"==", b"<", b">", b"=", b"%")

_TRUE_TEXTS = frozenset({b"1", b"t", b"true"})
_FALSE_TEXTS = frozenset({b"0", b"f", b"false"})

_COMPARISONS: dict[bytes, Callable[[Any, Any], bool]] = {
    b"=": operator.eq,
    b"!=": operator.ne,
    b"<": operator.lt,
    b"<=": operator.le,
    b">": operator.gt,
    b">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Query:
    """`#(path op value)`; `every` for the form with a trailing `#`."""

    path: bytes = b""
    op: bytes = b""
    value: bytes = b""
    every: bool = False


def cut_query(path: bytes) -> tuple[Query, int]:
    """Return the query that `path` begins with, and where the path goes on.

    A query without its closing bracket asks only for existence, and takes all.
    """
    depth, at, operator_at, escaped = 1, 2, 0, False
    while at < len(path):
        char = path[at : at + 1]
        if depth == 1 and not operator_at and char in (b"!", b"=", b"<", b">", b"%"):
            operator_at = at
        elif char == b"\\":
            at += 1
        elif char in (b"[", b"("):
            depth += 1
        elif char in (b"]", b")"):
            depth -= 1
            if not depth:
                break
        elif char == b'"':
            stop = string_end(path, at)
            escaped = escaped or b"\\" in path[at:stop]
            at = stop - 1
        at += 1
    if depth:
        return Query(), len(path)
    every = path[at + 1 : at + 2] == b"#"
    if not operator_at:
        return Query(_trim(path[2:at]), every=every), at + 1
    op, value = _operator(_trim(path[operator_at:at]))
    return Query(_trim(path[2:operator_at]), op, _literal(value, escaped=escaped), every), at + 1


def _operator(text: bytes) -> tuple[bytes, bytes]:
    for op in _OPERATORS:
        if text.startswith(op):
            return (b"=" if op == b"==" else op), _trim(text[len(op) :])
    return (text, b"") if len(text) == 1 else (b"", text)


def _literal(value: bytes, *, escaped: bool) -> bytes:
    if len(value) < 2 or value[:1] != b'"' or value[-1:] != b'"':
        return value
    return unescape(value[1:-1]) if escaped else value[1:-1]


def _trim(text: bytes) -> bytes:
    return text.strip(_BLANKS)


def string_end(text: bytes, at: int) -> int:
    """Return where the string that opens at `at` ends; one never closed, at the end."""
    return _QUOTED.match(text, at).end()  # type: ignore[union-attr]  # called at a quote


@lru_cache(maxsize=_CACHE)
def glob(pattern: bytes) -> re.Pattern[str]:
    r"""Compile a pattern of `*` and `?`; `\` takes the special meaning of the next.

    For `fullmatch` on text decoded with surrogateescape. Each `*` takes as little as it
    can and never gives back, so that no pattern makes matching explode.
    """
    first, *more = _glob_pieces(pattern.decode("utf-8", "surrogateescape"))
    if not more:
        return re.compile("".join(first), re.DOTALL)
    *middle, last = more
    return re.compile(
        "".join(first)
        + "".join(f"(?>.*?{''.join(piece)})" for piece in middle if piece)
        # The last piece has a fixed length: room for it, then all, then look back.
        + f"(?=.{{{len(last)}}}).*+(?<={''.join(last)})",
        re.DOTALL,
    )


def _glob_pieces(pattern: str) -> list[list[str]]:
    """Return what stands between the stars, one regular expression for each character."""
    pieces: list[list[str]] = [[]]
    literal = False
    for char in pattern:
        if literal or char not in "*?\\":
            pieces[-1].append(re.escape(char))
            literal = False
        elif char == "\\":
            literal = True
        elif char == "?":
            pieces[-1].append(".")
        else:
            pieces.append([])
    if literal:
        pieces[-1].append("(?!)")  # a backslash at the end matches nothing
    return pieces


def fits(query: Query, raw: bytes | None) -> bool:
    """Tell whether a value fits the query; one that does not exist never does.

    A value is compared as what it is: strings bytewise, numbers as numbers, booleans
    with the words; `null`, objects and arrays only for existence.
    """
    wanted = query.value
    if wanted[:1] == b"~":
        truth = _truth(wanted[1:], raw)
        if truth is None:
            return False
        raw, wanted = (b"true" if truth else b"false"), b"true"
    if raw is None:
        return False
    if not query.op:
        return True
    lead = raw[:1]
    if lead == b'"':
        return _string_fits(text_of(raw), query.op, wanted)
    if lead in (b"t", b"f"):
        return _boolean_fits(lead == b"t", query.op, wanted)
    if not _is_number(raw) or query.op not in _COMPARISONS:
        return False
    return _COMPARISONS[query.op](go_float(raw), go_float(wanted))


def _is_number(raw: bytes) -> bool:
    lead = raw[:1]
    if lead == b"n":
        return raw[1:2] != b"u"
    return lead not in (b"{", b"[")


def _string_fits(text: bytes, op: bytes, wanted: bytes) -> bool:
    if op in (b"%", b"!%"):
        matched = glob(wanted).fullmatch(text.decode("utf-8", "surrogateescape")) is not None
        return matched == (op == b"%")
    return op in _COMPARISONS and _COMPARISONS[op](text, wanted)


def _boolean_fits(value: bool, op: bytes, wanted: bytes) -> bool:  # noqa: FBT001  # the value itself
    same = wanted == (b"true" if value else b"false")
    if op == b"=":
        return same
    if op == b"!=":
        return not same
    # Only the other boolean is less or more; anything compares with "or equal".
    strict, loose = (b">", b">=") if value else (b"<", b"<=")
    return op == loose or (op == strict and wanted == (b"false" if value else b"true"))


def _truth(kind: bytes, raw: bytes | None) -> bool | None:
    """Answer `~true`, `~false`, `~null` and `~*`; None for any other word."""
    if kind == b"*":
        return raw is not None
    null = raw is None or (raw[:1] == b"n" and not _is_number(raw))
    if kind == b"null":
        return null
    if kind == b"true":
        return not null and raw is not None and _is_true(raw)
    if kind == b"false":
        return null or raw is None or _is_false(raw)
    return None


def _is_true(raw: bytes) -> bool:
    if raw[:1] == b'"':
        return text_of(raw).lower() in _TRUE_TEXTS
    if raw[:1] in (b"t", b"f"):
        return raw[:1] == b"t"
    return _is_number(raw) and go_float(raw) != 0


def _is_false(raw: bytes) -> bool:
    if raw[:1] == b'"':
        return text_of(raw).lower() in _FALSE_TEXTS
    if raw[:1] in (b"t", b"f"):
        return raw[:1] == b"f"
    return _is_number(raw) and go_float(raw) == 0
