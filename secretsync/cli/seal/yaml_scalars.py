"""Strings in YAML that cannot stand as they are: quoted, or as a block.

Neighbour: `yaml_text`, which writes what is around them.

Source: go.yaml.in/yaml/v2 encode.go (stringv), emitterc.go (analyze_scalar), resolve.go.
"""

from __future__ import annotations

import re

from secretsync.cli.seal.yaml_text import BREAKS, INDENT, WORDS
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
_INDICATORS_FIRST = frozenset("#,[]{}&*!|>'\"%@`")
_BLOCK_INDICATOR = re.compile(r"^[-?:](?=[ \t\r\n\x85\u2028\u2029]|$)|:(?=[ \t]|$)|(?<=[ \t])#")
_SHORT_ESCAPES = dict(
    zip('\0\a\b\t\n\v\f\r\x1b"\\\x85\xa0\u2028\u2029', '0abtnvfre"\\N_LP', strict=True)
)
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def styled(text: str, indent: int) -> str:
    """Return a string in the first of the library's styles that can hold it.

    Args:
        indent: columns before each further line.
    """
    special = bool(_UNPRINTABLE.search(text) or _SPACE_BREAK.search(text))
    if "\n" in text:
        if special or text.endswith(" "):
            return _double_quoted(text)
        return _literal(text, indent)
    if _means_something_else(text):
        return _double_quoted(text)
    if not special and _plain_allowed(text):
        return text
    if special or _BREAK_SPACE.search(text):
        return _double_quoted(text)
    return "'" + _indented(text.replace("'", "''"), indent) + "'"


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
    body = _indented(text, indent, start=True)
    return f"|{hint}{chomp}\n{body}"


def _indented(text: str, indent: int, *, start: bool = False) -> str:
    """The text with a margin at the start of each line that holds something."""
    parts, at_start = [], start
    for char in text:
        if char in BREAKS:
            at_start = True
        elif at_start:
            parts.append(" " * indent)
            at_start = False
        parts.append(char)
    return "".join(parts)


def _double_quoted(text: str) -> str:
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    if char in _SHORT_ESCAPES:
        return f"\\{_SHORT_ESCAPES[char]}"
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
