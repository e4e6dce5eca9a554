"""The template functions that must not lose a byte: Go's strings are any bytes.

A value that is not UTF-8 travels through templates as `surrogateescape` text, so that
what comes out is what went in. The functions here count and cut in bytes, as Go does.

Source: Go's text/template and strconv; github.com/Masterminds/sprig/v3 strings.go, crypto.go.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping

__all__ = ["BYTE_FUNCTIONS", "from_bytes", "quoted", "to_bytes"]

_PADDING = b"="
#: Possessive: a long value must not be remembered group by group.
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_QUOTED = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
    '"': r"\"",
}
#: Space to Python and not to Go.
_NO_GO_SPACE = "\x1c\x1d\x1e\x1f"
_FIRST_ESCAPED = 0xDC80
_LAST_ESCAPED = 0xDCFF


def to_bytes(text: str) -> bytes:
    """Return the bytes that a template's text stands for."""
    return text.encode("utf-8", "surrogateescape")


def from_bytes(data: bytes) -> str:
    """Return bytes as the text that templates work on."""
    return data.decode("utf-8", "surrogateescape")


def quoted(text: str) -> str:
    """Return Go's `%q` of a text."""
    if text.isascii() and text.isprintable():
        return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'
    return '"' + "".join(_QUOTED.get(char) or _escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    if _FIRST_ESCAPED <= code <= _LAST_ESCAPED:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _b64enc(value: str) -> str:
    return base64.b64encode(to_bytes(value)).decode()


def _b64dec(value: str) -> str:
    """Sprig gives the error as the result."""
    data = to_bytes(value)
    compact = data.replace(b"\r", b"").replace(b"\n", b"")
    if _BASE64.fullmatch(compact):
        return from_bytes(binascii.a2b_base64(compact))
    return f"illegal base64 data at input byte {_base64_error(data)}"


def _base64_error(data: bytes) -> int:
    """Where Go's decoder stops: at the first wrong byte, or before the cut group."""
    wrong = re.search(rb"[^A-Za-z0-9+/\r\n]", data)
    good = data if wrong is None else data[: wrong.start()]
    count = len(good) - good.count(b"\r") - good.count(b"\n")
    if wrong is None:
        return len(data) - count % 4
    if wrong.group() != _PADDING or count % 4 < 2:
        return wrong.start()
    rest = data[wrong.end() :].lstrip(b"\r\n")
    at = len(data) - len(rest)
    if count % 4 == 2:
        if not rest:
            return len(data)
        if not rest.startswith(_PADDING):
            return at
        rest = rest[1:].lstrip(b"\r\n")
        at = len(data) - len(rest)
    return at


def _b32enc(value: str) -> str:
    return base64.b32encode(to_bytes(value)).decode()


def _sha1sum(value: str) -> str:
    return hashlib.sha1(to_bytes(value), usedforsecurity=False).hexdigest()


def _sha256sum(value: str) -> str:
    return hashlib.sha256(to_bytes(value)).hexdigest()


def _sha512sum(value: str) -> str:
    return hashlib.sha512(to_bytes(value)).hexdigest()


def _adler32sum(value: str) -> str:
    return str(zlib.adler32(to_bytes(value)))


def _trunc(count: int, value: str) -> str:
    data = to_bytes(value)
    if count < 0 and len(data) + count > 0:
        return from_bytes(data[count:])
    return from_bytes(data[:count]) if 0 <= count < len(data) else value


def _substr(start: int, end: int, value: str) -> str:
    data = to_bytes(value)
    if start < 0:
        start = 0
    elif end < 0 or end > len(data):
        end = len(data)
    if not 0 <= start <= end <= len(data):
        raise IndexError("slice bounds out of range")
    return from_bytes(data[start:end])


def _abbrev(width: int, value: str) -> str:
    data = to_bytes(value)
    return value if width < 4 or len(data) <= width else from_bytes(data[: width - 3]) + "..."


def _nospace(value: str) -> str:
    """As sprig does: with a blank in it, a text is read byte by byte as Latin-1."""
    each = to_bytes(value).decode("latin-1")
    kept = "".join(char for char in each if not char.isspace() or char in _NO_GO_SPACE)
    return value if len(kept) == len(each) else kept


def _len(value: object) -> int:
    if isinstance(value, str):
        return len(to_bytes(value))
    if isinstance(value, list | tuple | bytes | Mapping):
        return len(value)
    raise TypeError("the value has no length")


#: name → function; they stand in for the engine's own, which replace what is not UTF-8.
BYTE_FUNCTIONS: Mapping[str, Callable[..., object]] = {
    "abbrev": _abbrev,
    "adler32sum": _adler32sum,
    "b32enc": _b32enc,
    "b64dec": _b64dec,
    "b64enc": _b64enc,
    "len": _len,
    "nospace": _nospace,
    "sha1sum": _sha1sum,
    "sha256sum": _sha256sum,
    "sha512sum": _sha512sum,
    "substr": _substr,
    "trunc": _trunc,
}
