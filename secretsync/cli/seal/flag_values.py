"""How the text of a flag becomes its value; ValueError says why not, as Go says it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # `collections` and `typing` cost a tenth of what `--help` takes
    from collections.abc import Callable

__all__ = [
    "comma_separated",
    "integer",
    "item",
    "levels_by_module",
    "one_of",
    "severity",
    "switch",
    "text",
    "trace_location",
    "unsigned",
]

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_SEVERITIES = frozenset({"INFO", "WARNING", "ERROR", "FATAL"})
_INT64_MAX = 2**63 - 1
_UINT64_MAX = 2**64 - 1


def text(_before: object, given: str) -> str:
    """Take it as it is."""
    return given


def switch(_before: object, given: str) -> bool:
    """Take the words for true and false."""
    if given in _TRUE:
        return True
    if given in _FALSE:
        return False
    raise ValueError(f'strconv.ParseBool: parsing "{given}": invalid syntax')


def item(before: object, given: str) -> list[str]:
    """Add one text to those before."""
    return [*(before if isinstance(before, list) else []), given]


def comma_separated(before: object, given: str) -> list[str]:
    """Add the texts between commas to those before; quotes keep a comma."""
    parts = given.split(",") if given else []
    if '"' in given:
        import csv  # noqa: PLC0415 - hardly anybody quotes

        parts = next(csv.reader([given]), [])
    return [*(before if isinstance(before, list) else []), *parts]


def one_of(*words: str) -> Callable[[object, str], str]:
    """Take one of the words; the empty text is the first."""

    def read(_before: object, given: str) -> str:
        if given and given not in words:
            raise ValueError(f"must be one of: {', '.join(words)}")
        return given or words[0]

    return read


def integer(_before: object, given: str) -> int:
    """Take a whole number."""
    digits = given.removeprefix("-").removeprefix("+")
    if not (digits.isascii() and digits.isdigit()) or int(digits) > _INT64_MAX:
        raise ValueError(f'strconv.ParseInt: parsing "{given}": invalid syntax')
    return int(given)


def unsigned(_before: object, given: str) -> int:
    """Take a whole number that is not negative."""
    if not (given.isascii() and given.isdigit()) or int(given) > _UINT64_MAX:
        raise ValueError("parse error")
    return int(given)


def severity(before: object, given: str) -> object:
    """Take the name of a severity, or its number."""
    return given if given.upper() in _SEVERITIES else integer(before, given)


def trace_location(_before: object, given: str) -> str:
    """Take `file.go:234`."""
    file, colon, line = given.rpartition(":")
    if given and not (colon and file.find(".") >= 0 and line.isdigit()):
        raise ValueError("syntax error: expect file.go:234")
    return given


def levels_by_module(_before: object, given: str) -> str:
    """Take `name=N,name=N`."""
    for pair in filter(None, given.split(",")):
        name, equals, level = pair.partition("=")
        if not (name and equals and level):
            raise ValueError("syntax error: expect comma-separated list of filename=N")
        integer(None, level)
    return given
