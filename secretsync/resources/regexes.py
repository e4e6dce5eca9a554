"""Go (RE2) regular expressions, as manifests hold them: matched in linear time.

Python's engine backtracks, so one careless pattern could hold a worker for hours, and
it takes syntax that RE2 refuses. RE2 itself does the work, here and nowhere else; what
its Python binding does otherwise than Go (replacements, and when they are made) is
done here.

Source: Go's regexp, ReplaceAllString and Expand.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]  # it ships no types

__all__ = ["Regex", "RegexError", "compile_regex"]

_MAX_PATTERN_CHARS = 1000
#: For a pattern's program and its states; Go's own limit on patterns is of this order.
_MAX_MEMORY_BYTES = 1 << 20
#: A replacement may multiply: keys have 253 characters at most, so that more is a mistake.
_MAX_RESULT_BYTES = 64 * 1024
#: Go reads a group's number no further than this.
_MAX_GROUP_NUMBER = 100_000_000

_Spans = Sequence[tuple[int, int]]


class RegexError(ValueError):
    """The pattern or its result cannot be used; the message says why, without the pattern."""


@lru_cache(maxsize=256)
def compile_regex(pattern: str) -> Regex:
    """Compile a Go pattern.

    Raises:
        RegexError: RE2 does not take it.
    """
    if len(pattern) > _MAX_PATTERN_CHARS:
        raise RegexError(f"it is longer than {_MAX_PATTERN_CHARS} characters")
    try:
        return Regex(re2.compile(_checked(pattern).encode(), _options()))
    except UnicodeEncodeError:
        raise RegexError("it is not Unicode") from None
    except re2.error as exc:
        raise RegexError(_reason(exc)) from None


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False  # it would write patterns to standard error
    options.max_mem = _MAX_MEMORY_BYTES
    return options


def _checked(pattern: str) -> str:
    r"""Refuse the one thing that RE2 takes and Go does not: a single byte, `\C`."""
    escaped = False
    for char in pattern:
        if escaped and char == "C":
            raise RegexError("invalid escape sequence")
        escaped = char == "\\" and not escaped
    return pattern


def _reason(error: re2.error) -> str:
    """RE2's text up to the part of the pattern that it quotes."""
    text = error.args[0] if error.args else b""
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return said.partition(":")[0] or "RE2 does not take it"


class Regex:
    """A compiled pattern. Immutable."""

    __slots__ = ("_compiled", "_names")

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._names: dict[str, int] = {
            name.decode(): index for name, index in compiled.groupindex.items()
        }

    def search(self, text: str) -> bool:
        """Return whether the pattern matches anywhere, as Go's MatchString does."""
        return self._compiled.search(_bytes(text)) is not None

    def replace_all(self, text: str, template: str) -> str:
        """Return the text with each match replaced, as Go's ReplaceAllString does.

        Args:
            template: `$1`, `${1}`, `$name` and `${name}` stand for groups, `$$` for `$`;
                a group that there is not, or that matched nothing, for nothing.

        Raises:
            RegexError: the result would be out of all proportion.
        """
        source = _bytes(text)
        parts = _template_parts(template)
        result = bytearray()
        end = 0
        for spans in self._matches(source):
            start, stop = spans[0]
            result += source[end:start]
            if stop > end or start == 0:  # no empty match right after another one
                result += self._expand(parts, source, spans)
            end = stop
            if len(result) > _MAX_RESULT_BYTES:
                raise RegexError("what it makes is too long")
        result += source[end:]
        return bytes(result).decode("utf-8", "surrogatepass")

    def _matches(self, source: bytes) -> Iterator[_Spans]:
        """Yield the groups' spans of each match that Go looks at."""
        position = 0
        while position <= len(source):
            match = self._compiled.search(source, position)
            if match is None:
                return
            yield [match.span(group) for group in range(self._compiled.groups + 1)]
            position = max(position + _width(source, position), match.end())

    def _expand(self, parts: Sequence[str | bytes], source: bytes, spans: _Spans) -> bytes:
        pieces = []
        for part in parts:
            if isinstance(part, bytes):
                pieces.append(part)
                continue
            index = _number(part)
            if index is None:
                index = self._names.get(part, -1)
            if 0 <= index < len(spans) and spans[index][0] >= 0:
                pieces.append(source[slice(*spans[index])])
        return b"".join(pieces)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _width(source: bytes, position: int) -> int:
    """Return how many bytes the character at a position has; 1 beyond the end."""
    lead = source[position] if position < len(source) else 0
    return 1 if lead < 0xC0 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4


@lru_cache(maxsize=256)
def _template_parts(template: str) -> tuple[str | bytes, ...]:
    """Split a replacement into literal text (bytes) and names of groups (str)."""
    parts: list[str | bytes] = []
    rest = template
    while True:
        before, dollar, rest = rest.partition("$")
        parts.append(_bytes(before))
        if not dollar:
            return tuple(parts)
        if rest.startswith("$"):
            parts.append(b"$")
            rest = rest[1:]
            continue
        name, length = _name(rest)
        parts.append(name or b"$")  # malformed: the dollar stands for itself
        rest = rest[length:]


def _name(rest: str) -> tuple[str, int]:
    """Return the name after a dollar and how much text it takes; "" and 0 for none."""
    braced = rest.startswith("{")
    name = ""
    for char in rest[braced:]:
        if char != "_" and unicodedata.category(char)[0] != "L" and not _is_digit(char):
            break
        name += char
    if not name or not braced:
        return name, len(name)
    return (name, len(name) + 2) if rest[len(name) + 1 : len(name) + 2] == "}" else ("", 0)


def _is_digit(char: str) -> bool:
    return unicodedata.category(char) == "Nd"


def _number(name: str) -> int | None:
    """Return the number that a name is; one with leading zeros is a name."""
    if not (name.isascii() and name.isdigit()) or (name[0] == "0" and len(name) > 1):
        return None
    number = int(name[:10])
    return number if number < _MAX_GROUP_NUMBER * 10 else None
