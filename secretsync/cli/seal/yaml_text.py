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
from secretsync.cli.seal.yaml_words import BREAKS, INDENT, WORDS

__all__ = ["yaml_text"]

#: Longer keys are written behind a question mark (YAML allows 1024; the library 128).
_MAX_SIMPLE_KEY_BYTES = 128
#: Nothing in these strings can mean anything to a YAML reader.
_HARMLESS = re.compile(r"[A-Za-z_/][A-Za-z0-9_/+=.-]*", re.ASCII)
_INT64 = 1 << 63


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
        if _is_simple(key):
            text = _scalar(key, indent + INDENT)
            yield f"{text}:"
            yield from _node(value[key], indent, column=indent + len(text) + len(": "))
        else:
            text = _scalar(key, indent + INDENT, column=indent + len("? "))
            yield f"? {_ended(text)}{margin}:"
            yield from _node(value[key], indent, column=indent + len(": "))


def _is_simple(key: str) -> bool:
    short = len(key.encode("utf-8", "surrogatepass")) <= _MAX_SIMPLE_KEY_BYTES
    return short and not any(mark in key for mark in BREAKS)


def _node(value: Any, indent: int, *, column: int) -> Iterator[str]:
    """What follows a key: ` scalar` from `column` on, or a block on lines of its own."""
    if isinstance(value, Mapping) and value:
        yield "\n"
        yield from _mapping(value, indent + INDENT)
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        yield "\n"
        yield from _sequence(value, indent)
    else:
        yield _ended(f" {_flat(value, indent + INDENT, column)}")


def _sequence(value: Sequence[Any], indent: int, *, first: str = "") -> Iterator[str]:
    for item in value:
        lead = f"{first or ' ' * indent}- "
        first = ""
        if isinstance(item, Mapping) and item:
            yield from _mapping(item, indent + INDENT, first=lead)
        elif isinstance(item, Sequence) and not isinstance(item, str) and item:
            yield from _sequence(item, indent + INDENT, first=lead)
        else:
            yield _ended(f"{lead}{_flat(item, indent + INDENT, len(lead))}")


def _ended(text: str) -> str:
    """The text and a line break, which a block that ends in one has already."""
    return text if text[-1] in BREAKS else f"{text}\n"


def _flat(value: Any, indent: int, column: int) -> str:
    if isinstance(value, str):
        return _scalar(value, indent, column=column)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value, bits=64)
    if isinstance(value, int):
        return str(value)
    return "{}" if isinstance(value, Mapping) else "[]"


def _scalar(text: str, indent: int, *, column: int | None = None) -> str:
    """A string as it stands where nothing in it can mean anything, else in some style.

    Args:
        column: where it begins; None where it must stay on one line.
    """
    if _HARMLESS.fullmatch(text) and text not in WORDS:
        return text
    from secretsync.cli.seal.yaml_scalars import styled  # noqa: PLC0415 - its patterns are slow

    return styled(text, indent, column=column)


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
