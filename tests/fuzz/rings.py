"""Targets: key rings, private keys, certificates."""

from __future__ import annotations

import base64
import re
import zlib
from functools import lru_cache
from unittest import mock

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sealing import (
    InvalidCertificate,
    InvalidKey,
    UnsupportedKey,
    keyring,
    load_key_ring,
    parse_certificate,
    parse_private_key,
    require_valid,
)
from sealing.pem import first_block
from tests.fuzz import samples
from tests.fuzz.edits import apply_edits
from tests.fuzz.properties import assert_tells_nothing
from tests.fuzz.target import Target
from tests.sealing.kit import NOW, certificate, other_key, vector_key

__all__ = ["CERTIFICATE", "KEY_RING", "PEM", "PRIVATE_KEY"]

#: One input in so many is given to the checks of a private key's numbers.
KEY_SHARE = 128
#: Reading the same key again teaches nothing, and takes longer than a thousand inputs.
_read_once = lru_cache(maxsize=64)(parse_private_key)
_certificate_once = lru_cache(maxsize=64)(parse_certificate)
LABELS = ("CERTIFICATE", "RSA PRIVATE KEY", "PRIVATE KEY")
_BEGIN = re.compile(rb"-----BEGIN (CERTIFICATE|(?:RSA )?PRIVATE KEY)-----")
BORDERS = tuple(
    f"-----{side} {label}-----".encode() for side in ("BEGIN", "END") for label in LABELS
)


def check_key_ring(data: bytes) -> None:
    """Every Secret is a key, broken or inactive, and the good one stays."""
    good = samples.key_objects()[1]
    base = samples.key_objects()[data[0] % 4] if data else good
    edited = apply_edits(base, data[1:], keys=samples.KEYS, values=samples.values())
    with (
        mock.patch.object(keyring, "parse_private_key", _read_once),
        mock.patch.object(keyring, "parse_certificate", _certificate_once),
    ):
        ring = load_key_ring([edited, good])
    assert len(ring.keys) + len(ring.broken) + len(ring.inactive) == 2
    assert "two" in {key.name for key in ring.keys}
    assert ring.sealing_key(NOW).private_key in tuple(ring)
    for broken in ring.broken:
        assert_tells_nothing(broken.error)
    assert_tells_nothing(ValueError(repr(ring)))


def check_private_key(data: bytes) -> None:
    """Text or DER holds one of the keys that went in, or is refused without being quoted."""
    text = data if b"-----" in data else _as_pem(data, "RSA PRIVATE KEY")
    if b"-----END" in text and zlib.crc32(data) % KEY_SHARE:
        return
    try:
        key = parse_private_key(text)
    except (InvalidKey, UnsupportedKey) as exc:
        assert_tells_nothing(exc)
    else:
        assert key.fingerprint in (vector_key().fingerprint, other_key().fingerprint)
        assert _read_once(key.reveal_pem()).fingerprint == key.fingerprint


def check_certificate(data: bytes) -> None:
    """Text or DER holds a certificate that reads the same again, or it is refused."""
    text = data if b"-----" in data else _as_pem(data, "CERTIFICATE")
    try:
        read = parse_certificate(text)
    except (InvalidCertificate, UnsupportedKey) as exc:
        assert_tells_nothing(exc)
    else:
        assert parse_certificate(read.pem) == read
        assert read.public_key.key_size >= 2048
        require_valid(read, read.not_after)


def _as_pem(der: bytes, label: str) -> bytes:
    begin, end = (f"-----{side} {label}-----\n".encode() for side in ("BEGIN", "END"))
    return begin + base64.encodebytes(der) + end


def check_pem(data: bytes) -> None:
    """The block is what a pattern finds that was written apart."""
    begin = _BEGIN.search(data)
    block = first_block(data, *LABELS)
    if begin is None:
        assert block is None
        return
    end = data.find(b"-----END %b-----" % begin[1], begin.end())
    if end < 0:
        assert block is None
    else:
        expected = data[begin.start() : end + len(begin[0]) - len("BEGIN") + len("END")]
        assert block == expected + b"\n"
        assert first_block(block, *LABELS) == block


def _ring_seeds() -> list[bytes]:
    edits = [bytes([what, where, where * 3, where * 5]) for what in range(6) for where in range(9)]
    return [b"", *(bytes([base]) + edit * 2 for base in range(4) for edit in edits)]


def _der(pem: bytes) -> bytes:
    return base64.b64decode(b"".join(pem.splitlines()[1:-1]))


def _key_seeds() -> list[bytes]:
    keys = [vector_key().reveal_pem(), other_key().reveal_pem()]
    pkcs8 = [
        vector_key()._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock
        )
        for lock in (serialization.NoEncryption(), serialization.BestAvailableEncryption(b"x"))
    ]
    curve = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return [*keys, *pkcs8, curve, *(_der(key) for key in keys), b"", keys[0][:900]]


def _certificate_seeds() -> list[bytes]:
    pems = [certificate().pem, certificate(other_key(), common_name="é").pem]
    return [*pems, pems[0] + pems[1], *(_der(pem) for pem in pems), pems[0][:400], b""]


KEY_RING = Target("key-ring", check_key_ring, _ring_seeds, max_bytes=128)
PRIVATE_KEY = Target("private-key", check_private_key, _key_seeds, BORDERS)
CERTIFICATE = Target("certificate", check_certificate, _certificate_seeds, BORDERS)
PEM = Target("pem", check_pem, lambda: [*_key_seeds()[:3], *_certificate_seeds()], BORDERS)
