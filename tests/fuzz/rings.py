"""Targets: key rings, private keys, certificates."""

from __future__ import annotations

import base64
import json
import re
import zlib
from datetime import datetime
from functools import lru_cache
from unittest import mock

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

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
from sealing.keyring import KEY_PREFIX
from sealing.keys import fingerprint_of
from sealing.pem import first_block, pem_blocks
from secretsync.cli.seal import private_keys
from secretsync.errors import InputError
from secretsync.sealed.key_backup import plan_restore, read_ring, write_ring
from tests.fuzz import samples
from tests.fuzz.edits import apply_edits
from tests.fuzz.properties import assert_tells_nothing
from tests.fuzz.target import Target
from tests.sealing.kit import NOW, certificate, other_key, vector_key

__all__ = ["BACKUP", "CERTIFICATE", "KEY_FILE", "KEY_RING", "PEM", "PRIVATE_KEY"]

#: One input in so many is given to the checks of a private key's numbers.
KEY_SHARE = 128
#: Reading the same key again teaches nothing, and takes longer than a thousand inputs.
_read_once = lru_cache(maxsize=64)(parse_private_key)
_certificate_once = lru_cache(maxsize=64)(parse_certificate)
LABELS = ("CERTIFICATE", "RSA PRIVATE KEY", "PRIVATE KEY")
_BLOCK = re.compile(
    rb"-----BEGIN (CERTIFICATE|(?:RSA )?PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL
)
FINGERPRINTS = {vector_key().fingerprint, other_key().fingerprint}
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
        assert key.fingerprint in FINGERPRINTS
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
        assert _by_the_library(read.pem) in (None, read[1:4])
        assert read.public_key.key_size >= 2048
        require_valid(read, read.not_after)


def _by_the_library(pem: bytes) -> tuple[datetime, datetime, str] | None:
    """Dates and key as the full reader finds them; None where it refuses."""
    try:
        read = x509.load_pem_x509_certificate(pem)
        key = read.public_key()
        dates = (read.not_valid_before_utc, read.not_valid_after_utc)
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm):
        return None
    return (*dates, fingerprint_of(key)) if isinstance(key, rsa.RSAPublicKey) else None


def _as_pem(der: bytes, label: str) -> bytes:
    begin, end = (f"-----{side} {label}-----\n".encode() for side in ("BEGIN", "END"))
    return begin + base64.encodebytes(der) + end


def check_pem(data: bytes) -> None:
    """The blocks are what a pattern finds that was written apart."""
    expected = [match[0] + b"\n" for match in _BLOCK.finditer(data)]
    assert list(pem_blocks(data, *LABELS)) == expected
    assert first_block(data, *LABELS) == next(iter(expected), None)
    for block in expected:
        assert first_block(block, *LABELS) == block


def check_key_file(data: bytes) -> None:
    """What `--sealing-key` names holds keys that went in, or is refused without a quote."""
    text = data
    if data[:1] == b"\xff":
        base = samples.key_objects()[data[1] % 4] if len(data) > 1 else samples.secret()
        edited = apply_edits(base, data[2:], keys=samples.KEYS, values=samples.values())
        text = json.dumps(edited).encode()
    with mock.patch.object(private_keys, "parse_private_key", _read_once):
        try:
            keys = private_keys.keys_in(text, path="f")
        except InputError as exc:
            assert_tells_nothing(exc)
        else:
            assert keys
            assert {key.fingerprint for key in keys} <= FINGERPRINTS


def check_backup(data: bytes) -> None:
    """A backup that was opened holds a ring that can be planned, or is refused."""
    ring = {"apiVersion": "v1", "kind": "List", "items": samples.small_key_objects()}
    if data[:1] in (b"{", b"-", b"a"):
        text = data
    else:
        edited = apply_edits(ring, data, keys=samples.KEYS, values=samples.values())
        text = json.dumps(edited).encode()
    try:
        secrets = read_ring(text, key_prefix=KEY_PREFIX)
    except InputError as exc:
        assert_tells_nothing(exc)
        return
    steps = plan_restore(
        secrets, samples.small_key_objects()[:1], namespace="kube-system", key_prefix=KEY_PREFIX
    )
    assert len(steps) == len(secrets)
    assert {step.secret["metadata"]["namespace"] for step in steps} <= {"kube-system"}
    assert_tells_nothing(ValueError(repr(steps)))
    assert read_ring(write_ring(secrets), key_prefix=KEY_PREFIX) == secrets


def _ring_seeds() -> list[bytes]:
    edits = [bytes([what, where, where * 3, where * 5]) for what in range(6) for where in range(9)]
    return [b"", *(bytes([base]) + edit * 2 for base in range(4) for edit in edits)]


def _file_seeds() -> list[bytes]:
    ring = {"apiVersion": "v1", "kind": "List", "items": samples.key_objects()[:2]}
    edits = [b"\xff" + seed for seed in _ring_seeds()]
    return [*edits, *_key_seeds()[:3], json.dumps(ring).encode(), b"a: b\n"]


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
KEY_FILE = Target("key-file", check_key_file, _file_seeds, BORDERS, 16384)
BACKUP = Target("backup", check_backup, _ring_seeds, max_bytes=128)
PEM = Target("pem", check_pem, lambda: [*_key_seeds()[:3], *_certificate_seeds()], BORDERS)
