"""Base64 as the controller reads it: strict, but for line breaks anywhere.

Python's decoder forgives what Go's refuses (blanks, surplus padding), and a value
that opens here must open there. Errors name the byte that Go names.
"""

from __future__ import annotations

import binascii
import re

from sealing.errors import MalformedValue

__all__ = ["decode_base64", "encode_base64"]

# No group is repeated: for each repetition the matcher would keep some hundred bytes.
_STANDARD = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
_QUANTUM = 4
_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_LINE_BREAKS = b"\r\n"
_PAD = ord("=")


def encode_base64(data: bytes) -> str:
    """Return standard base64 on one line."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Return what standard base64 stands for; CR and LF inside are ignored.

    Raises:
        MalformedValue: another blank, another alphabet, wrong padding.

    Source: RFC 4648 §4; Go encoding/base64 StdEncoding.
    """
    raw = text.encode("utf-8", "surrogatepass")
    letters = raw.translate(None, _LINE_BREAKS)
    if len(letters) % _QUANTUM or not _STANDARD.fullmatch(letters):
        raise MalformedValue(f"illegal base64 data at input byte {_corrupt_at(raw)}")
    return binascii.a2b_base64(letters)


def _corrupt_at(raw: bytes) -> int:
    """The offset that Go's decoder reports for this text."""
    filled = 0
    for at, byte in enumerate(raw):
        if byte in _LINE_BREAKS:
            continue
        if byte == _PAD and filled >= 2:
            return _corrupt_after_padding(raw, at, missing=3 - filled)
        if byte not in _LETTERS:
            return at
        filled = (filled + 1) % 4
    return len(raw) - filled


def _corrupt_after_padding(raw: bytes, at: int, *, missing: int) -> int:
    """The offset once the first padding byte is at `at` and `missing` more must follow."""
    rest = [index for index in range(at + 1, len(raw)) if raw[index] not in _LINE_BREAKS]
    if missing:
        if not rest:
            return len(raw)
        if raw[rest[0]] != _PAD:
            # Go names the byte before the one that should have been padding.
            return rest[0] - 1
        rest = rest[1:]
    return rest[0]
