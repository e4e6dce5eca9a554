"""What templates call most, made quick for what they call it with: texts, and plain JSON.

gotpl asks each value for its Go type first. Whatever is not plain goes to its function.
Neighbours: `templates.calls` registers these, `templates.mended` those that are put right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring

from gotpl.funcs.sprig.defaults import _go_json_float

__all__ = ["shortcuts"]

_ESCAPED = {
    "&": r"\u0026",
    "<": r"\u003c",
    ">": r"\u003e",
    "\u2028": r"\u2028",
    "\u2029": r"\u2029",
}
_TO_ESCAPE = re.compile("[&<>\u2028\u2029]")


class _NotPlain(Exception):
    """It is for gotpl."""


def shortcuts(theirs: Mapping[str, Callable[..., object]]) -> dict[str, Callable[..., object]]:
    """Return the functions to use instead, by name.

    Args:
        theirs: gotpl's functions, built-ins included.
    """
    return {
        "dict": _dict(theirs["dict"]),
        "join": _join(theirs["join"]),
        "printf": _printf(theirs["printf"]),
        "toJson": _to_json(theirs["toJson"]),
        **{
            name: _replace_all(theirs[name], theirs[f"{name}Literal"])
            for name in ("regexReplaceAll", "mustRegexReplaceAll")
        },
    }


def _replace_all(
    expanding: Callable[..., object], literal: Callable[..., object]
) -> Callable[..., object]:
    """Without a `$` there is nothing to expand, a character at a time, for each match."""

    def call(pattern: str, value: str, replacement: str) -> object:
        plain = type(replacement) is str and "$" not in replacement
        return (literal if plain else expanding)(pattern, value, replacement)

    return call


def _dict(make: Callable[..., object]) -> Callable[..., object]:
    """Texts are keys as they are; gotpl prints each one."""

    def call(*values: object) -> object:
        keys = values[::2]
        if len(values) % 2 == 0 and all(type(key) is str for key in keys):
            return dict(zip(keys, values[1::2], strict=True))
        return make(*values)

    return call


def _printf(printf: Callable[..., object]) -> Callable[..., object]:
    def call(format_string: object, *values: object) -> object:
        if type(format_string) is str and all(type(value) is str for value in values):
            directives = format_string.count("%")
            if directives == format_string.count("%s") == len(values):
                return format_string % values
        return printf(format_string, *values)

    return call


def _join(join: Callable[..., object]) -> Callable[..., object]:
    def call(separator: str, values: object) -> object:
        if isinstance(values, list) and all(type(value) is str for value in values):
            return separator.join(values)
        return join(separator, values)

    return call


def _to_json(to_json: Callable[..., object]) -> Callable[..., object]:
    def call(value: object) -> object:
        """The caller has seen to it that the value does not contain itself."""
        try:
            return _encoded(value)
        except (_NotPlain, ValueError):
            return to_json(value)

    return call


def _encoded(value: object) -> str:
    if isinstance(value, str):
        return _text(value)
    if type(value) is float:
        return _go_json_float(value)
    if type(value) is dict:
        return (
            "{" + ",".join([f"{_text(key)}:{_encoded(value[key])}" for key in _keys(value)]) + "}"
        )
    if type(value) is list:
        return "[" + ",".join([_encoded(item) for item in value]) + "]"
    if type(value) is int:
        return str(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    raise _NotPlain


def _keys(value: dict[object, object]) -> list[str]:
    keys = [key for key in value if type(key) is str]
    if len(keys) != len(value):
        raise _NotPlain
    return sorted(keys)


def _text(text: str) -> str:
    encoded = encode_basestring(text)
    if _TO_ESCAPE.search(encoded) is None:
        return encoded
    return _TO_ESCAPE.sub(lambda found: _ESCAPED[found[0]], encoded)
