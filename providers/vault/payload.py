"""JSON as Vault's maps go through it: read with the text of numbers, written as Go does.

External Secrets Operator takes a KV map apart and marshals it again; the same bytes must
come out here: sorted keys, no blanks, HTML characters escaped, numbers as the server wrote
them. Neighbour: `providers.metadata` writes what holds no numbers of others.
"""

from __future__ import annotations

import json
import re
from typing import Any

from providers.base import MalformedSecret

__all__ = ["Number", "marshal", "plain", "same", "unmarshal"]

_SURROGATE = re.compile("[\ud800-\udfff]")
_HTML = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


class Number(str):
    """A number as the source has it."""

    __slots__ = ()


def unmarshal(raw: bytes) -> Any:
    """Read JSON.

    Returns:
        dict, list, str, Number, bool and None.

    Raises:
        MalformedSecret: it is not JSON, or nested too deep; its text is not in the error.
    """
    try:
        return json.loads(raw, parse_int=Number, parse_float=Number, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        pass
    # Outside of the handler: the parser's error holds the text.
    raise MalformedSecret("the answer is not JSON")


def marshal(value: Any) -> bytes:
    """Write what `unmarshal` read, as Go's encoding/json does.

    Raises:
        MalformedSecret: it is nested too deep.
    """
    try:
        return _SURROGATE.sub("\ufffd", _written(value)).encode()
    except RecursionError:
        pass
    raise MalformedSecret("the value is nested too deep")


def same(one: Any, other: Any) -> bool:
    """Return whether two values are the same to a server that rewrites numbers."""
    return bool(_floated(one) == _floated(other))


def plain(value: Any) -> Any:
    """Return the value with numbers that json.dumps writes as numbers."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return json.loads(value) if isinstance(value, Number) else value


def _floated(value: Any) -> Any:
    """Tell numbers from text and from booleans, and compare them as the server does."""
    if isinstance(value, dict):
        return {key: _floated(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_floated(item) for item in value]
    if isinstance(value, Number):
        return ("number", float(value))
    return (type(value), value)


def _written(value: Any) -> str:
    if isinstance(value, dict):
        members = (f"{_quoted(key)}:{_written(value[key])}" for key in sorted(value))
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return _quoted(value)
    return {True: "true", False: "false", None: "null"}[value]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).translate(_HTML)


def _no_constant(name: str) -> Any:
    raise ValueError(name)
