"""Functions in which gotpl 0.1.0 differs from Go, put right around its own.

Each stands on gotpl's function of the same name. Neighbours: `templates.calls` registers
them, `templates.bytes` has those that must not lose a byte, `templates.shortcuts` those that
are only quicker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gotpl.runtime.values import INVALID, UNTYPED_NIL

from secretsync.core.templates.bytes import quoted

__all__ = ["is_nothing", "mended"]

_DECIMAL_FUNCTIONS = ("add1f", "addf", "divf", "mulf", "subf")


def is_nothing(value: object) -> bool:
    """Say whether a value is nil to Go: a key that is missing, or the word `nil`."""
    return value is None or value is INVALID or value is UNTYPED_NIL


def mended(theirs: Mapping[str, Callable[..., object]]) -> dict[str, Callable[..., object]]:
    """Return the functions to use instead, by name.

    Args:
        theirs: gotpl's functions, built-ins included.
    """
    return {
        "ceil": _ceil(theirs["ceil"]),
        "eq": _equal(theirs["eq"]),
        "ne": _not_equal(theirs["ne"]),
        "quote": _quote(theirs["toString"]),
        "urlParse": _url_parse(theirs["urlParse"]),
        **{name: _unsigned(theirs[name]) for name in _DECIMAL_FUNCTIONS},
    }


def _ceil(ceil: Callable[..., object]) -> Callable[..., object]:
    """Go keeps the sign of a zero: `ceil -0.5` is -0."""

    def call(value: object) -> object:
        result = ceil(value)
        negative = isinstance(value, float) and -1 < value < 0
        return -0.0 if negative and result == 0 else result

    return call


def _unsigned(function: Callable[..., object]) -> Callable[..., object]:
    """Go's decimals have one zero."""

    def call(*values: object) -> object:
        result = function(*values)
        return 0.0 if result == 0 else result

    return call


def _equal(equal: Callable[..., object]) -> Callable[..., object]:
    """Go compares anything with nil, and finds it different."""

    def call(first: object, *others: object) -> object:
        if not others:
            raise TypeError("wrong number of args for eq: want at least 2 got 1")
        return any(_same(equal, first, other) for other in others)

    return call


def _not_equal(different: Callable[..., object]) -> Callable[..., object]:
    def call(left: object, right: object) -> object:
        if is_nothing(left) or is_nothing(right):
            return is_nothing(left) != is_nothing(right)
        return different(left, right)

    return call


def _same(equal: Callable[..., object], left: object, right: object) -> bool:
    if is_nothing(left) or is_nothing(right):
        return is_nothing(left) and is_nothing(right)
    return bool(equal(left, right))


def _quote(to_string: Callable[..., object]) -> Callable[..., object]:
    """Replaces gotpl's own, which builds a table for each character."""

    def call(*values: object) -> object:
        present = (value for value in values if not is_nothing(value))
        texts = (value if isinstance(value, str) else str(to_string(value)) for value in present)
        return " ".join(quoted(text) for text in texts)

    return call


def _url_parse(parse: Callable[..., object]) -> Callable[..., object]:
    """Go refuses an address that starts with a colon: its scheme is missing."""

    def call(value: str) -> object:
        if value.startswith(":"):
            raise ValueError("missing protocol scheme")
        return parse(value)

    return call
