"""JSON text and plain text: unescaping, quoting, numbers as Go prints them.

Neighbours: `property_path` and `gjson_*` show values with this, `extract_map` decodes
keys and strings. All functions are total over any bytes.

Source: behaviour of github.com/tidwall/gjson v1.18.0, Go strconv and encoding/json.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal

__all__ = ["go_float", "go_float_text", "go_string", "quote", "text_of", "unescape"]

_REPLACEMENT = "\ufffd".encode()

_SIMPLE = {
    b'"': b'"',
    b"\\": b"\\",
    b"/": b"/",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
}
#: As far as the text can be unescaped: up to a control character or a bad escape.
_UNESCAPABLE = re.compile(
    rb'[^\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u.{4})[^\\\x00-\x1f]*+)*+', re.DOTALL
)
_ESCAPE = re.compile(rb"\\u([dD][89a-fA-F][0-9a-fA-F]{2})\\u(.{4})|\\u(.{4})|\\(.)", re.DOTALL)
_HEX = re.compile(rb"[0-9a-fA-F]{4}")
_INTEGER = re.compile(rb"-?[0-9]*+")
_FLOAT = re.compile(
    rb"[+-]?(?:(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:e[+-]?[0-9]++)?|inf|infinity)|nan",
    re.IGNORECASE,
)
_SURROGATE = re.compile("[\ud800-\udfff]")

_TO_QUOTE = re.compile('[\\x00-\\x1f<>&\\\\"\u2028\u2029\udc80-\udcff]')
_QUOTED = {
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\\": "\\\\",
    '"': '\\"',
}


def unescape(inner: bytes) -> bytes:
    """Undo the escapes of a JSON string without its quotes.

    Stops before a raw control character and before an escape that JSON does not have.
    A lone surrogate becomes U+FFFD; a byte that is not UTF-8 stays.
    """
    if b"\\" not in inner:
        return inner
    good = _UNESCAPABLE.match(inner).group()  # type: ignore[union-attr]  # it matches ""
    return _ESCAPE.sub(_unescaped, good)


def _unescaped(match: re.Match[bytes]) -> bytes:
    if match[4] is not None:
        return _SIMPLE[match[4]]
    if match[3] is not None:
        return _rune(_code(match[3]))
    high, low = _code(match[1]), _code(match[2])
    if high < 0xDC00 <= low < 0xE000:
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)).encode()
    return _REPLACEMENT


def _code(digits: bytes) -> int:
    return int(digits, 16) if _HEX.fullmatch(digits) else 0


def _rune(code: int) -> bytes:
    return _REPLACEMENT if 0xD800 <= code < 0xE000 else chr(code).encode()


def text_of(raw: bytes) -> bytes:
    """Return the text of a raw value, as gjson's `String()` does.

    A string without quotes and escapes; a container as it is; an integer as it is,
    any other number in shortest decimal form; `null` as nothing.
    """
    lead = raw[:1]
    if lead in (b"{", b"["):
        return raw
    if lead == b'"':
        closed = raw[-1:] == b'"' and len(raw) > 1
        return unescape(raw[1:-1] if closed else raw[1:])
    if lead == b"t":
        return b"true"
    if lead == b"f":
        return b"false"
    if raw[:2] == b"nu":
        return b""
    if _INTEGER.fullmatch(raw):
        return raw
    return go_float_text(go_float(raw)).encode()


def go_float(text: bytes) -> float:
    """Return the number that `text` is in Go's eyes; 0 if it is none."""
    return float(text) if _FLOAT.fullmatch(text) else 0.0


def go_float_text(number: float) -> str:
    """Print a float as Go's FormatFloat(number, 'f', -1, 64): shortest, no exponent."""
    if number != number:  # noqa: PLR0124  # the test for NaN that needs no import
        return "NaN"
    if number in (float("inf"), float("-inf")):
        return "+Inf" if number > 0 else "-Inf"
    plain = format(Decimal(repr(number)), "f")
    return plain.removesuffix(".0")


def quote(text: bytes) -> bytes:
    """Return `text` as a JSON string, escaped as Go does for HTML.

    `<`, `>`, `&`, U+2028 and U+2029 are escaped, a byte that is not UTF-8 becomes U+FFFD.
    """
    decoded = text.decode("utf-8", "surrogateescape")
    return b'"%b"' % _TO_QUOTE.sub(_quoted, decoded).encode()


def _quoted(match: re.Match[str]) -> str:
    char = match.group()
    if char in _QUOTED:
        return _QUOTED[char]
    # What is left of the surrogates are bytes that could not be decoded.
    return "\\ufffd" if "\udc80" <= char <= "\udcff" else f"\\u{ord(char):04x}"


def go_string(inner: bytes) -> str:
    """Decode a valid JSON string without its quotes as Go's encoding/json does.

    Unlike `unescape`, each byte that is not UTF-8 becomes U+FFFD, and so does each
    half of a surrogate pair that stands alone.
    """
    # surrogateescape marks bad bytes one by one, as Go counts them.
    decoded = inner.decode("utf-8", "surrogateescape")
    if "\\" in decoded:
        decoded = json.loads(f'"{decoded}"')
    return _SURROGATE.sub("\ufffd", decoded)
