"""The event stream between the two readers (YAML, JSON) and the composer."""

from __future__ import annotations

import enum
import re
from functools import cache
from typing import Any, NamedTuple

from secretsync.errors import InputError

__all__ = ["Event", "EventKind", "TextError", "number"]

_INTEGER = r"[-+]?(?:0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|0|[1-9][0-9]*)"
_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
_BASES = {"x": 16, "o": 8, "b": 2}
#: Longer runs of digits cannot be 64-bit integers; Python refuses very long ones.
_MAX_INTEGER_CHARS = 70
_MIN_INT64, _MAX_UINT64 = -(2**63), 2**64 - 1


class TextError(InputError):
    """A file cannot be understood.

    Args:
        line: 1-based line of the fault, 0 where unknown.
    """

    def __init__(self, message: str, *, line: int = 0, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.line = line


class EventKind(enum.Enum):
    """What begins, ends or stands at one place of the text."""

    SCALAR = enum.auto()
    MERGE = enum.auto()  # an unquoted `<<`
    OPEN_MAP = enum.auto()
    OPEN_LIST = enum.auto()
    CLOSE = enum.auto()
    ALIAS = enum.auto()
    END = enum.auto()  # of a document


class Event(NamedTuple):
    """One step through the text.

    `value` is the resolved scalar, or the name that an alias refers to; `line` is
    1-based; `anchor` names the node for later aliases.
    """

    kind: EventKind
    line: int
    value: Any = None
    anchor: str = ""


def number(text: str) -> int | float | None:
    """Return the number that Kubernetes' YAML reader sees, or None for a string.

    `0777` and `0o777` are octal; there is no base 60; an integer beyond 64 bits is a
    float, and what no float holds is a string.

    Source: sigs.k8s.io/yaml, goyaml.v2 resolve.go.
    """
    integer, real_number = _patterns()
    if len(text) <= _MAX_INTEGER_CHARS and integer.fullmatch(text):
        value = _integer(text)
        if _MIN_INT64 <= value <= _MAX_UINT64:
            return value
    if real_number.fullmatch(text):
        real = float(text)
        return real if abs(real) != float("inf") else None
    return None


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Of integers and floats; compiled when a number may be met, which is felt in `seal`."""
    return re.compile(_INTEGER, re.ASCII), re.compile(_FLOAT, re.ASCII)


def _integer(text: str) -> int:
    digits = text.lstrip("+-")
    sign = -1 if text.startswith("-") else 1
    if len(digits) > 1 and digits.startswith("0"):
        base = _BASES.get(digits[1].lower())
        return sign * (int(digits[2:], base) if base else int(digits, 8))
    return sign * int(digits)
