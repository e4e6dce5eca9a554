"""JSON values as YAML, written as Kubernetes' own tools write it.

Which keys come first, which strings are quoted and how: all as Go's YAML library, so
that a file that kubeseal wrote and one that `seal` wrote differ in what is encrypted
only. Strings that a YAML 1.1 reader would take for something else are always quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cmp_to_key
from typing import Any

from secretsync.cli.seal.go_numbers import float_text
from secretsync.resources.text_events import number

__all__ = ["yaml_text"]

#: Longer keys are written behind a question mark (YAML allows 1024; the library 128).
_MAX_SIMPLE_KEY_BYTES = 128
_INDENT = 2

_WORDS = frozenset(
    form
    for word in (
        *("y", "yes", "true", "on", "n", "no", "false", "off", "null"),
        *(".nan", ".inf", "+.inf", "-.inf"),
    )
    for form in (word, word.capitalize(), word.upper())
) | {"", "~", "<<", ".NaN", ".Inf", "+.Inf", "-.Inf"}
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", re.ASCII)
_DATE = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:(?:[Tt](?P<t>[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:[.,][0-9]+)?)(?:Z|[-+][0-9]{2}:[0-9]{2}))"
    r"| (?P<s>[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:[.,][0-9]+)?))?",
    re.ASCII,
)
#: Nothing in these strings can mean anything to a YAML reader.
_HARMLESS = re.compile(r"[A-Za-z_/][A-Za-z0-9_/+=.-]*", re.ASCII)
_BREAKS = "\r\n\x85\u2028\u2029"
#: What the library's writer calls printable; it knows no characters beyond 16 bits.
_UNPRINTABLE = re.compile("[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]")
_ESCAPED = re.compile('[^\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]|[\u2028\u2029"\\\\]')
_BREAK_SPACE = re.compile(f"[{_BREAKS}] ")
_SPACE_BREAK = re.compile(f" [{_BREAKS}]")
_INDICATORS_FIRST = frozenset("#,[]{}&*!|>'\"%@`")
_BLOCK_INDICATOR = re.compile(r"^[-?:](?=[ \t\r\n\x85\u2028\u2029]|$)|:(?=[ \t]|$)|(?<=[ \t])#")
_SHORT_ESCAPES = dict(
    zip('\0\a\b\t\n\v\f\r\x1b"\\\x85\xa0\u2028\u2029', '0abtnvfre"\\N_LP', strict=True)
)
_INT64 = 1 << 63
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def yaml_text(value: Mapping[str, Any]) -> str:
    """Return a mapping of JSON values as a YAML document, newline at its end.

    Source: go.yaml.in/yaml/v2 encode.go, emitterc.go, sorter.go.
    """
    return "".join(_mapping(value, 0)) if value else "{}\n"


def _mapping(value: Mapping[str, Any], indent: int, *, first: str = "") -> Iterator[str]:
    """The lines of a block mapping; `first` is what stands before the first key."""
    margin = " " * indent
    for key in sorted(value, key=_BY_KEY):
        yield first or margin
        first = ""
        text = _scalar(key, indent + _INDENT)
        yield f"{text}:" if _is_simple(key) else f"? {_ended(text)}{margin}:"
        yield from _node(value[key], indent)


def _is_simple(key: str) -> bool:
    short = len(key.encode("utf-8", "surrogatepass")) <= _MAX_SIMPLE_KEY_BYTES
    return short and not any(mark in key for mark in _BREAKS)


def _node(value: Any, indent: int) -> Iterator[str]:
    """What follows a key: ` scalar`, or a block on lines of its own."""
    if isinstance(value, Mapping) and value:
        yield "\n"
        yield from _mapping(value, indent + _INDENT)
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        yield "\n"
        yield from _sequence(value, indent)
    else:
        yield _ended(f" {_flat(value, indent + _INDENT)}")


def _sequence(value: Sequence[Any], indent: int, *, first: str = "") -> Iterator[str]:
    for item in value:
        lead = f"{first or ' ' * indent}- "
        first = ""
        if isinstance(item, Mapping) and item:
            yield from _mapping(item, indent + _INDENT, first=lead)
        elif isinstance(item, Sequence) and not isinstance(item, str) and item:
            yield from _sequence(item, indent + _INDENT, first=lead)
        else:
            yield _ended(f"{lead}{_flat(item, indent + _INDENT)}")


def _ended(text: str) -> str:
    """The text and a line break, which a block that ends in one has already."""
    return text if text[-1] in _BREAKS else f"{text}\n"


def _flat(value: Any, indent: int) -> str:
    if isinstance(value, str):
        return _scalar(value, indent)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value, bits=64)
    if isinstance(value, int):
        return str(value)
    return "{}" if isinstance(value, Mapping) else "[]"


def _scalar(text: str, indent: int) -> str:
    """A string in the first of the library's styles that can hold it."""
    if _HARMLESS.fullmatch(text) and text not in _WORDS:
        return text
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
    if text in _WORDS or _BASE_60.fullmatch(text) or _is_date(text):
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
    if text[0] == " " or text[-1] == " " or any(mark in text for mark in _BREAKS):
        return False
    return not _BLOCK_INDICATOR.search(text)


def _literal(text: str, indent: int) -> str:
    hint = str(_INDENT) if text[0] == " " or text[0] in _BREAKS else ""
    chomp = "-"
    if text[-1] in _BREAKS:
        chomp = "+" if len(text) == 1 or text[-2] in _BREAKS else ""
    body = _indented(text, indent, start=True)
    return f"|{hint}{chomp}\n{body}"


def _indented(text: str, indent: int, *, start: bool = False) -> str:
    """The text with a margin at the start of each line that holds something."""
    parts, at_start = [], start
    for char in text:
        if char in _BREAKS:
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


def _compare(left: str, right: str) -> int:
    """Order of keys: letters after all else, and digits by the number they make."""
    for at, (one, other) in enumerate(zip(left, right, strict=False)):
        if one == other:
            continue
        if one.isalpha() and other.isalpha():
            return -1 if one < other else 1
        if one.isalpha() or other.isalpha():
            return -1 if other.isalpha() else 1
        return _compare_digits(left, right, at)
    return len(left) - len(right)


def _compare_digits(left: str, right: str, at: int) -> int:
    base = 0
    if "0" in (left[at], right[at]):
        before = re.search(r"\d*$", left[:at])
        base = 1 if before and before[0].strip("0") else 0
    numbers = [_digits(text, at, base) for text in (left, right)]
    if numbers[0] != numbers[1]:
        return -1 if numbers[0] < numbers[1] else 1
    return -1 if left[at] < right[at] else 1


def _digits(text: str, at: int, base: int) -> tuple[int, int]:
    """The number that the digits from `at` on make, and how many they are."""
    run = re.match(r"\d*", text[at:])
    digits = run[0] if run else ""
    made = base
    for digit in digits:
        made = made * 10 + ord(digit) - ord("0")
    # The library counts in 64 bits, and longer numbers wrap round.
    return (made + _INT64) % (2 * _INT64) - _INT64, len(digits)


_BY_KEY = cmp_to_key(_compare)
