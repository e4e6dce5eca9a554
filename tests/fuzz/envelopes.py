"""Targets: base64, the envelope, and opening it."""

from __future__ import annotations

import base64
import binascii
import zlib

from sealing import (
    MalformedEnvelope,
    MalformedValue,
    UnsealFailed,
    seal_with,
    unseal_value,
    unseal_with,
)
from sealing.encoding import decode_base64, encode_base64
from sealing.envelope import parse_envelope
from tests.fuzz.properties import CANARY, refused
from tests.fuzz.table_key import sealed_for_table, table_key
from tests.fuzz.target import Target
from tests.sealing.kit import certificate, vector_key
from tests.sealing.vectors import CLUSTER_WIDE, NAMESPACE_WIDE, STRICT

__all__ = ["BASE64", "ENVELOPE", "UNSEAL"]

LABEL = b"myns/mysecret"
PLACE = {"namespace": "myns", "name": "mysecret"}
#: One input in so many goes through a real private-key operation.
RSA_SHARE = 64
PLAINTEXTS = (CANARY.encode(), b"")

VALUES = [base64.b64decode(text) for text in (STRICT, NAMESPACE_WIDE, CLUSTER_WIDE)]


def check_base64(data: bytes) -> None:
    """Decoding agrees with a decoder that was written apart, and names a place otherwise."""
    text = data.decode("utf-8", "surrogateescape")
    letters = text.replace("\r", "").replace("\n", "")
    try:
        raw = letters.encode("ascii")
        expected = base64.b64decode(raw, validate=True) if _padded(raw) else None
    except (ValueError, binascii.Error):
        expected = None
    try:
        decoded = decode_base64(text)
    except MalformedValue as exc:
        assert expected is None, "base64 is refused"
        at = int(str(exc).removeprefix("illegal base64 data at input byte "))
        assert 0 <= at <= len(text.encode("utf-8", "surrogatepass"))
    else:
        assert decoded == expected
        assert decode_base64(encode_base64(decoded)) == decoded


def _padded(raw: bytes) -> bool:
    """The library's decoder takes `=` in the middle and surplus at the end."""
    body = raw.rstrip(b"=")
    return b"=" not in body and len(raw) % 4 == 0 and len(raw) - len(body) <= 2


def check_envelope(data: bytes) -> None:
    """The parts are the whole, or the bytes are too few."""
    try:
        parts = parse_envelope(data)
    except MalformedEnvelope:
        assert len(data) < 2 + int.from_bytes(data[:2], "big") + 16
    else:
        length = len(parts.wrapped_key).to_bytes(2, "big")
        assert length + parts.wrapped_key + parts.ciphertext == data


def check_unseal(data: bytes) -> None:
    """Bytes open as what was sealed, or fail in the one way; altered ones never open."""
    genuine = {sealed_for_table(plaintext, LABEL): plaintext for plaintext in PLAINTEXTS}
    try:
        plaintext = unseal_with(data, [table_key()], LABEL)
    except UnsealFailed as exc:
        assert data not in genuine
        shown = (str(exc), exc.__cause__, exc.__context__)
        assert shown == ("no key could decrypt secret", None, None)
    else:
        assert genuine[data] == plaintext
    if zlib.crc32(data) % RSA_SHARE == 0:
        failed = refused(lambda: unseal_with(data, [vector_key()], LABEL), UnsealFailed)
        assert failed == (data not in genuine and data != VALUES[0])
    text = data.decode("utf-8", "surrogateescape")
    refused(lambda: unseal_value(text, [table_key()], **PLACE), UnsealFailed, MalformedValue)


def _texts() -> list[bytes]:
    wrapped = "\r\n".join(STRICT[at : at + 64] for at in range(0, len(STRICT), 64))
    return [text.encode() for text in (STRICT, CLUSTER_WIDE, wrapped, "", "AA==", "AA=\n=", "é")]


def _envelopes() -> list[bytes]:
    short = seal_with(b"v", certificate().public_key, b"", session_key=bytes(32))
    own = [sealed_for_table(plaintext, LABEL) for plaintext in PLAINTEXTS]
    return [*VALUES, *own, short, b"", b"\0\0" + bytes(16), b"\xff\xff" + bytes(300)]


BASE64 = Target("base64", check_base64, _texts, (b"=", b"==", b"\r\n", b"-_", b"AA=="), 600)
ENVELOPE = Target("envelope", check_envelope, _envelopes, (b"\1\0", b"\2\0", b"\0\0"), 600)
UNSEAL = Target("unseal", check_unseal, lambda: _envelopes() + _texts(), (b"\1\0", b"\0\0"), 800)
