"""PEM as Go reads and writes it: what is not a whole block is passed over.

Neighbours: `templates.certs`, `templates.jwk` and `templates.keystores` take keys and
certificates from here; `filterPEM` is a template function.

Source: Go's encoding/pem.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import NamedTuple

from secretsync.core.templates.bytes import to_bytes
from secretsync.core.templates.errors import FunctionProblem

__all__ = ["PemBlock", "block_of", "encode", "filter_pem", "first_block", "from_first_begin"]

_BEGIN = b"-----BEGIN "
_DASHES = b"-----"
_LINE_CHARS = 64
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


class PemBlock(NamedTuple):
    """One block: its type, its headers, its content."""

    kind: bytes
    headers: dict[bytes, bytes]
    data: bytes


def filter_pem(kind: str, text: str) -> str:
    """Return the blocks of one type, written anew.

    Raises:
        FunctionProblem: there is none, and something that is no PEM.
    """
    rest = from_first_begin(to_bytes(text))
    wanted = to_bytes(kind).lower()
    found = b""
    while True:
        block, rest = block_of(rest)
        if block is None:
            break
        if block.kind.lower() == wanted:
            found += _encoded(block)
    if not found and rest:
        raise FunctionProblem("found junk instead of PEM")
    return found.decode("utf-8", "surrogateescape")


def from_first_begin(data: bytes) -> bytes:
    """Return the data from its first block on: what stands before may share its line."""
    at = data.find(_BEGIN[:-1])
    return data[at:] if at >= 0 else data


def first_block(text: str) -> tuple[PemBlock, bytes]:
    """Return the first block of a text, and what follows it.

    Raises:
        FunctionProblem: there is none.
    """
    block, rest = block_of(to_bytes(text))
    if block is None:
        raise FunctionProblem("no PEM block")
    return block, rest


def block_of(data: bytes) -> tuple[PemBlock | None, bytes]:
    """Return the next block and what follows it; None and the data if there is none."""
    at = 0
    while True:
        start = _begin(data, at)
        if start < 0:
            return None, data
        at = start + len(_BEGIN)
        kind, body = _line(data, at)
        if not kind.endswith(_DASHES):
            at = body
            continue
        found = _body(data, body, kind[: -len(_DASHES)])
        if isinstance(found, int):
            if found < 0:
                return None, data
            at = found
            continue
        return found


def encode(kind: str, data: bytes) -> str:
    """Return a block without headers."""
    return _encoded(PemBlock(kind.encode(), {}, data)).decode()


def _begin(data: bytes, at: int) -> int:
    """Where the next block begins: at the start of a line."""
    if data.startswith(_BEGIN, at):
        return at
    found = data.find(b"\n" + _BEGIN, at)
    return found + 1 if found >= 0 else -1


def _line(data: bytes, at: int) -> tuple[bytes, int]:
    """The line without the white space at its end, and where the next one starts."""
    end = data.find(b"\n", at)
    stop = len(data) if end < 0 else end
    return data[at:stop].rstrip(b" \t\r\n"), stop if end < 0 else end + 1


def _body(data: bytes, at: int, kind: bytes) -> tuple[PemBlock, bytes] | int:
    """The block; or where to look on if it is not whole, -1 for nowhere."""
    headers: dict[bytes, bytes] = {}
    while True:
        if at >= len(data):
            return -1
        line, following = _line(data, at)
        key, colon, value = line.partition(b":")
        if not colon:
            break
        headers[key.strip()] = value.strip()
        at = following
    end_mark = b"-----END "
    if not headers and data.startswith(end_mark, at):
        end, trailer = at, at + len(end_mark)
    else:
        newline = data.find(b"\n" + end_mark, at)
        if newline < 0:
            return -1
        end, trailer = newline, newline + 1 + len(end_mark)
    closing = kind + _DASHES
    after = trailer + len(closing)
    if data[trailer:after] != closing or _line(data, after)[0]:
        return at
    content = _decoded(data[at:end])
    if content is None:
        return at
    return PemBlock(kind, headers, content), data[_line(data, trailer)[1] :]


def _decoded(body: bytes) -> bytes | None:
    text = body.translate(None, b" \t\r\n")
    return binascii.a2b_base64(text) if _BASE64.fullmatch(text) else None


def _encoded(block: PemBlock) -> bytes:
    first = b"Proc-Type"
    if any(b":" in key for key in block.headers):
        raise FunctionProblem("a PEM header holds a colon")
    names = sorted(block.headers, key=lambda key: (key != first, key))
    headers = b"".join(key + b": " + block.headers[key] + b"\n" for key in names)
    text = base64.b64encode(block.data)
    lines = b"".join(text[at : at + _LINE_CHARS] + b"\n" for at in range(0, len(text), _LINE_CHARS))
    blank = b"\n" if headers else b""
    kind = block.kind + _DASHES + b"\n"
    return _BEGIN + kind + headers + blank + lines + b"-----END " + kind
