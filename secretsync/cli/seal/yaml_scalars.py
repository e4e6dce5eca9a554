"""Strings in YAML that cannot stand as they are: quoted, or as a block.

Neighbour: `yaml_text`, which writes what is around them.

Source: go.yaml.in/yaml/v2 encode.go (stringv), emitterc.go (analyze_scalar), resolve.go.
"""

from __future__ import annotations

import re

from secretsync.cli.seal.yaml_words import BREAKS, INDENT, WORDS
from secretsync.resources.text_events import number

__all__ = ["styled"]

_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", re.ASCII)
_DATE = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:(?:[Tt](?P<t>[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:[.,][0-9]+)?)(?:Z|[-+][0-9]{2}:[0-9]{2}))"
    r"| (?P<s>[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:[.,][0-9]+)?))?",
    re.ASCII,
)
#: What the library's writer calls printable; it knows no characters beyond 16 bits.
_UNPRINTABLE = re.compile("[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]")
_ESCAPED = re.compile('[^\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]|[\u2028\u2029"\\\\]')
_BREAK_SPACE = re.compile(f"[{BREAKS}] ")
_SPACE_BREAK = re.compile(f" [{BREAKS}]")
#: Where a line is long enough to be folded at the next blank.
_WIDTH = 80
_INDICATORS_FIRST = frozenset("#,[]{}&*!|>'\"%@`")
_BLOCK_INDICATOR = re.compile(r"^[-?:](?=[ \t\r\n\x85\u2028\u2029]|$)|:(?=[ \t]|$)|(?<=[ \t])#")
_SHORT_ESCAPES = dict(
    zip('\0\a\b\t\n\v\f\r\x1b"\\\x85\xa0\u2028\u2029', '0abtnvfre"\\N_LP', strict=True)
)
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def styled(text: str, indent: int, *, column: int | None) -> str:
    """Return a string in the first of the library's styles that can hold it.

    Args:
        indent: columns before each further line.
        column: where the string begins; lines are folded from there. None folds nothing.
    """
    special = bool(_UNPRINTABLE.search(text) or _SPACE_BREAK.search(text))
    if "\n" in text:
        if special or text.endswith(" "):
            return _double_quoted(text, indent, column)
        return _literal(text, indent)
    if _means_something_else(text):
        return _double_quoted(text, indent, column)
    if not special and _plain_allowed(text):
        return _folded(list(text), text, indent, column)
    if special or _BREAK_SPACE.search(text):
        return _double_quoted(text, indent, column)
    pieces = ["''" if char == "'" else char for char in text]
    return f"'{_folded(pieces, text, indent, _behind_quote(column))}'"


def _means_something_else(text: str) -> bool:
    """Whether a reader of plain text would see no string: a number, a word, a date."""
    if text in WORDS or _BASE_60.fullmatch(text) or _is_date(text):
        return True
    if text[0] not in "+-.0123456789":
        return False
    return number(text if text[0] == "." else text.replace("_", "")) is not None


def _is_date(text: str) -> bool:
    found = _DATE.fullmatch(text)
    if found is None:
        return False
    year, month, day = (int(found[part]) for part in (1, 2, 3))
    if not 1 <= month <= 12 or not 1 <= day <= _MONTH_DAYS[month - 1]:
        return False
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if month == 2 and day == 29 and not leap:
        return False
    clock = found["t"] or found["s"]
    if not clock:
        return True
    hour, minute, second = re.split(r"[:.,]", clock)[:3]
    return int(hour) < 24 and int(minute) < 60 and int(second) < 60


def _plain_allowed(text: str) -> bool:
    if text[0] in _INDICATORS_FIRST or text.startswith(("---", "...")):
        return False
    if text[0] == " " or text[-1] == " " or any(mark in text for mark in BREAKS):
        return False
    return not _BLOCK_INDICATOR.search(text)


def _literal(text: str, indent: int) -> str:
    hint = str(INDENT) if text[0] == " " or text[0] in BREAKS else ""
    chomp = "-"
    if text[-1] in BREAKS:
        chomp = "+" if len(text) == 1 or text[-2] in BREAKS else ""
    body = _indented(text, indent)
    return f"|{hint}{chomp}\n{body}"


def _indented(text: str, indent: int) -> str:
    """The text with a margin at the start of each line that holds something."""
    parts, at_start = [], True
    for char in text:
        if char in BREAKS:
            at_start = True
        elif at_start:
            parts.append(" " * indent)
            at_start = False
        parts.append(char)
    return "".join(parts)


def _double_quoted(text: str, indent: int, column: int | None) -> str:
    pieces = [_ESCAPED.sub(_escape, char) for char in text]
    return f'"{_folded(pieces, text, indent, _behind_quote(column), escaped=True)}"'


def _behind_quote(column: int | None) -> int | None:
    return None if column is None else column + 1


def _folded(
    pieces: list[str], text: str, indent: int, column: int | None, *, escaped: bool = False
) -> str:
    """The written characters, with single blanks beyond the margin turned into line ends.

    Args:
        pieces: what is written for each character of `text`.
        escaped: in double quotes, where a backslash keeps a blank at a line's start.
    """
    written, at, previous = [], column, ""
    for index, (char, piece) in enumerate(zip(text, pieces, strict=True)):
        following = text[index + 1 : index + 2]
        fold = char == " " != previous and 0 < index < len(text) - 1 and (at or 0) > _WIDTH
        if fold and (escaped or following != " "):
            written.append("\n" + " " * indent)
            at = indent
            if following == " ":
                written.append("\\")
                at += 1
        elif char in BREAKS and not escaped:
            written.append(piece)
            at = None if column is None else 0
        else:
            if previous in BREAKS and previous and not escaped:
                written.append(" " * indent)
                at = None if column is None else indent
            written.append(piece)
            at = None if at is None else at + len(piece)
        previous = char
    return "".join(written)


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    if char in _SHORT_ESCAPES:
        return f"\\{_SHORT_ESCAPES[char]}"
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
