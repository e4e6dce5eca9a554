"""gjson's `@pretty`: JSON on many lines, short arrays without objects on one.

Neighbour: `gjson_modifiers`.

Source: behaviour of github.com/tidwall/pretty v1.2.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from secretsync.core.gjson_budget import Budget, check_depth
from secretsync.core.json_scan import elements, members, parse
from secretsync.core.json_text import go_float, text_of, unescape

__all__ = ["PrettyOptions", "pretty", "pretty_options"]

_BLANKS = frozenset(b" \t\r\n")
#: Less room than this is not tried for an array on one line.
_MIN_ROOM = 3


@dataclass(frozen=True, slots=True)
class PrettyOptions:
    """The argument of `@pretty`: `{"sortKeys":…,"indent":…,"prefix":…,"width":…}`.

    Args:
        width: columns up to which an array may stay on one line; 0 or less: never.
    """

    sort_keys: bool = False
    indent: bytes = b"  "
    prefix: bytes = b""
    width: int = 80


def pretty_options(
    argument: Mapping[bytes, bytes], truth: Callable[[bytes], bool]
) -> PrettyOptions:
    """Read the options from the members of the argument (raw values)."""
    default = PrettyOptions()
    width = argument.get(b"width")
    return PrettyOptions(
        sort_keys=truth(argument.get(b"sortKeys", b"false")),
        indent=_blanks(argument, b"indent", default.indent),
        prefix=_blanks(argument, b"prefix", default.prefix),
        width=default.width if width is None else _whole(width),
    )


def _blanks(argument: Mapping[bytes, bytes], name: bytes, default: bytes) -> bytes:
    raw = argument.get(name)
    return default if raw is None else bytes(c for c in text_of(raw) if c in _BLANKS)


def _whole(raw: bytes) -> int:
    number = go_float(text_of(raw))
    return int(number) if abs(number) < 2**53 else 0


def pretty(source: bytes, options: PrettyOptions, budget: Budget) -> bytes:
    """Return the first value of `source` on many lines, with a line break at the end."""
    document = parse(source)
    if document is None:
        return options.prefix + b"\n" if options.prefix else b""
    writer = _Writer(options, budget)
    writer.value(document, 0)
    return bytes(writer.out) + b"\n"


class _Writer:
    """Output so far, and where its last line begins."""

    __slots__ = ("_budget", "_line_at", "_options", "out")

    def __init__(self, options: PrettyOptions, budget: Budget) -> None:
        self._options = options
        self._budget = budget
        self._line_at = 0
        self.out = bytearray(options.prefix)

    def value(self, raw: bytes, depth: int) -> None:
        if raw[:1] == b"{":
            self._object(raw, depth)
        elif raw[:1] == b"[":
            self._array(raw, depth)
        else:
            self.out += raw

    def _object(self, raw: bytes, depth: int) -> None:
        check_depth(depth)
        self._budget.spend(len(raw))
        found = [(key, raw[start:stop]) for key, start, stop in members(raw, 1, len(raw))]
        if self._options.sort_keys:
            found.sort(key=lambda member: unescape(member[0]))
        self.out += b"{"
        for number, (key, value) in enumerate(found):
            if number:
                self.out += b","
            self._line_at = len(self.out)
            self._new_line(depth + 1)
            self.out += b'"%b": ' % key
            self.value(value, depth + 1)
        self._close(b"}", depth, filled=bool(found))

    def _array(self, raw: bytes, depth: int) -> None:
        check_depth(depth)
        room = self._options.width - (len(self.out) - self._line_at)
        if self._options.width > 0 and room > _MIN_ROOM:
            line = _one_line(raw, room, self._budget)
            if line is not None:
                self.out += line
                return
        self._budget.spend(len(raw))
        self.out += b"["
        filled = False
        for start, stop in elements(raw, 1, len(raw)):
            if filled:
                self.out += b","
            # gjson writes ", " and turns the blank into the line break: the column
            # counts from behind the break there, and from before it everywhere else.
            behind = filled and self._options.width != -1
            self._line_at = len(self.out) + (1 if behind else 0)
            self._new_line(depth + 1)
            self.value(raw[start:stop], depth + 1)
            filled = True
        self._close(b"]", depth, filled=filled)

    def _close(self, bracket: bytes, depth: int, *, filled: bool) -> None:
        if filled:
            self._line_at = len(self.out)
            self._new_line(depth)
        self.out += bracket

    def _new_line(self, depth: int) -> None:
        self._budget.spend(len(self._options.prefix) + depth * len(self._options.indent))
        self.out += b"\n"
        self.out += self._options.prefix
        self.out += self._options.indent * depth


def _one_line(raw: bytes, room: int, budget: Budget) -> bytes | None:
    """Return an array on one line, or None if it has an object or does not fit."""
    out = bytearray(b"[")
    # Written with a stack: what is left to write of each array that is open.
    open_arrays = [elements(raw, 1, len(raw))]
    sources = [raw]
    first = True
    while open_arrays:
        if len(out) > room:
            return None
        span = next(open_arrays[-1], None)
        if span is None:
            open_arrays.pop()
            sources.pop()
            out += b"]"
            first = False
            continue
        value = sources[-1][span[0] : span[1]]
        if value[:1] == b"{":
            return None
        out += b"" if first else b", "
        if value[:1] == b"[":
            budget.spend(len(value))
            out += b"["
            open_arrays.append(elements(value, 1, len(value)))
            sources.append(value)
            first = True
        else:
            out += value
            first = False
    return bytes(out) if len(out) <= room else None
