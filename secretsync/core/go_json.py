"""JSON as Go writes it again after reading it: sorted keys, no spaces, Go's numbers.

What External Secrets Operator marshals anew before it writes it must come out with the
same bytes here, or a takeover would rewrite every Secret. Neighbours: `property_path`
for stores whose values are maps, `rewrite` for merges.

Source: Go encoding/json; strconv.FormatFloat; External Secrets Operator 2.9.
"""

from __future__ import annotations

import json
import re
from typing import Any

from secretsync.core.json_strict import valid
from secretsync.core.json_text import go_float, go_float_text, quote

__all__ = ["Number", "marshal", "member_text", "unmarshal"]

_SURROGATE = re.compile("[\ud800-\udfff]")
#: What quote() writes for these, undone where Go's encoder is told not to escape HTML.
_HTML = {b"\\u003c": b"<", b"\\u003e": b">", b"\\u0026": b"&"}
_HTML_ESCAPE = re.compile(rb"\\\\|\\u003[ce]|\\u0026")
#: Go's encoder writes an exponent outside of these.
_SMALLEST_PLAIN, _LARGEST_PLAIN = 1e-6, 1e21


class Number(str):
    """A number as the source has it: precision is the writer's affair."""

    __slots__ = ()


def unmarshal(raw: bytes) -> Any:
    """Read JSON into dict, list, str, Number, bool and None; of equal keys the last counts.

    Raises:
        ValueError: it is not valid JSON, or nested too deep; nothing of it is quoted.
    """
    if not valid(raw):
        raise ValueError("the value is not valid JSON")
    # surrogateescape marks bad bytes one by one, as Go counts them.
    text = raw.decode("utf-8", "surrogateescape")
    try:
        return json.loads(text, parse_int=Number, parse_float=Number)
    except RecursionError:
        raise ValueError("the value is nested too deep") from None


def marshal(value: Any, *, floats: bool = False, html: bool = True) -> bytes:
    """Write what `unmarshal` read, as Go's json.Marshal does.

    Args:
        floats: numbers went through float64; otherwise they stay as the source had them.
        html: `<`, `>` and `&` are escaped.

    Raises:
        ValueError: it is nested too deep, or a number is beyond float64.
    """
    try:
        written = _written(value, floats=floats)
    except RecursionError:
        raise ValueError("the value is nested too deep") from None
    if html:
        return written
    return _HTML_ESCAPE.sub(lambda match: _HTML.get(match[0], match[0]), written)


def _written(value: Any, *, floats: bool) -> bytes:
    if isinstance(value, dict):
        members = sorted((_text(key), item) for key, item in value.items())
        return b"{%b}" % b",".join(
            quote(key) + b":" + _written(item, floats=floats) for key, item in _last(members)
        )
    if isinstance(value, list):
        return b"[%b]" % b",".join(_written(item, floats=floats) for item in value)
    if isinstance(value, Number):
        return _float(value).encode() if floats else value.encode()
    if isinstance(value, str):
        return quote(_text(value))
    return {True: b"true", False: b"false", None: b"null"}[value]


def _last(members: list[tuple[bytes, Any]]) -> list[tuple[bytes, Any]]:
    """Of keys that became equal, because they were not UTF-8, keep one."""
    return list(dict(members).items())


def _text(text: str) -> bytes:
    return _SURROGATE.sub("\ufffd", text).encode()


def _float(number: Number) -> str:
    """Write a float as Go's json encoder does."""
    value = _float64(number)
    if value != 0 and not _SMALLEST_PLAIN <= abs(value) < _LARGEST_PLAIN:
        mantissa, _, exponent = repr(value).partition("e")
        power = int(exponent)
        sign = "-" if power < 0 else "+"
        # As in Go: 1e-9 and 1e+21.
        return f"{mantissa.removesuffix('.0')}e{sign}{abs(power)}"
    return go_float_text(value)


def _float64(number: Number) -> float:
    value = go_float(number.encode())
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number is beyond what 64 bits hold")
    return value


def member_text(value: Any, *, floats: bool) -> bytes:
    """Return one member of a map as the value of a key, as ESO's GetByteValue does.

    A string as it is, null as nothing, a number plain, anything else as JSON.

    Args:
        floats: numbers went through float64 (and never have an exponent then).

    Raises:
        ValueError: as `marshal`.
    """
    if isinstance(value, Number):
        return go_float_text(_float64(value)).encode() if floats else value.encode()
    if isinstance(value, str):
        return _text(value)
    return b"" if value is None else marshal(value, floats=floats)
