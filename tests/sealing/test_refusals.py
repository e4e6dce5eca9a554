"""Certificates and keys that cannot serve: what exactly is said of each."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from sealing import (
    SealingError,
    load_key_ring,
    parse_certificate,
    parse_private_key,
    seal_value,
)
from tests.sealing.kit import NOW, YEAR, certificate, key_object, other_key, vector_key

SECOND = timedelta(seconds=1)
NO_CERTIFICATE = "data does not contain any valid RSA or ECDSA certificates"
NO_KEY = "data does not contain a private key in PEM form"
DAMAGED = "the private key is damaged or of an unknown form"
KEY = vector_key()._key
KEY_PEM = vector_key().reveal_pem()
PEM = certificate().pem


def signed(public_key, signer=KEY, hash_=None):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ca")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(9)
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + YEAR).public_key(public_key)
    made = builder.sign(signer, hash_ or hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


def public_pem(public_key):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return public_key.public_bytes(serialization.Encoding.PEM, form)


def private_pem(key, form=serialization.PrivateFormat.PKCS8, lock=None):
    lock = lock or serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, lock)


def der(pem):
    return base64.b64decode(b"".join(pem.splitlines()[1:-1]))


CURVE = ec.generate_private_key(ec.SECP256R1())
EDWARDS = ed25519.Ed25519PrivateKey.generate()
SHORT = rsa.generate_private_key(65537, 1024)  # noqa: S505 - what must be refused
LONG = rsa.RSAPublicNumbers(65537, 2**16384 - 1).public_key()
EXPIRED = certificate(end=NOW - SECOND).pem
LOCK = serialization.BestAvailableEncryption(b"password")


@pytest.mark.parametrize(
    ("pem", "says"),
    [
        pytest.param(b"", NO_CERTIFICATE, id="empty"),
        pytest.param(b"\n\n", NO_CERTIFICATE, id="blank"),
        pytest.param(der(PEM), NO_CERTIFICATE, id="DER instead of PEM"),
        pytest.param(public_pem(KEY.public_key()), NO_CERTIFICATE, id="public key"),
        pytest.param(KEY_PEM, NO_CERTIFICATE, id="private key"),
        pytest.param(PEM[:-30], NO_CERTIFICATE, id="cut"),
        pytest.param(PEM.replace(b"CERTIFICATE", b"X509 CRL"), NO_CERTIFICATE, id="revocations"),
        pytest.param(
            signed(CURVE.public_key()),
            "expected RSA public key but found ECPublicKey",
            id="elliptic curve",
        ),
        pytest.param(
            signed(EDWARDS.public_key()),
            "expected RSA public key but found Ed25519PublicKey",
            id="Edwards curve",
        ),
        pytest.param(
            signed(SHORT.public_key()),
            "the RSA key has 1024 bits; at least 2048 are needed",
            id="too short",
        ),
        pytest.param(
            signed(LONG), "the RSA key has 16384 bits; at most 8192 are supported", id="too long"
        ),
        pytest.param(
            signed(
                rsa.RSAPublicNumbers(2**31 + 1, KEY.public_key().public_numbers().n).public_key()
            ),
            "the RSA key's public exponent is too large",
            id="exponent that no controller takes",
        ),
        pytest.param(
            EXPIRED,
            "failed to encrypt using an expired certificate on May 4, 2026",
            id="expired",
        ),
        pytest.param(
            EXPIRED + PEM,
            "failed to encrypt using an expired certificate on May 4, 2026",
            id="chain whose first is expired",
        ),
        pytest.param(
            signed(CURVE.public_key()) + PEM,
            "expected RSA public key but found ECPublicKey",
            id="chain whose first is not RSA",
        ),
    ],
)
def test_certificate_that_cannot_seal_is_refused_in_these_words(pem, says):
    with pytest.raises(SealingError) as caught:
        seal_value(b"v", parse_certificate(pem), now=NOW, namespace="a", name="n")
    assert str(caught.value) == says


@pytest.mark.parametrize(
    "pem",
    [
        pytest.param(PEM, id="alone"),
        pytest.param(PEM + signed(CURVE.public_key()), id="chain"),
        pytest.param(PEM + EXPIRED, id="chain whose second is expired"),
        pytest.param(b"subject=CN\r\n" + PEM.replace(b"\n", b"\r\n"), id="text before, CRLF"),
        pytest.param(PEM + PEM[:100], id="cut one after it"),
        pytest.param(KEY_PEM + PEM, id="private key before it"),
        pytest.param(certificate(start=NOW + SECOND).pem, id="not valid yet"),
        pytest.param(signed(KEY.public_key(), CURVE), id="signed by another kind of key"),
    ],
)
def test_certificate_that_can_seal_is_taken(pem):
    read = parse_certificate(pem)
    assert read.fingerprint == vector_key().fingerprint
    assert seal_value(b"v", read, now=NOW, namespace="a", name="n")


KEYS = [
    pytest.param(b"", NO_KEY, id="empty"),
    pytest.param(der(KEY_PEM), NO_KEY, id="DER instead of PEM"),
    pytest.param(PEM, NO_KEY, id="certificate"),
    pytest.param(public_pem(KEY.public_key()), NO_KEY, id="public key"),
    pytest.param(KEY_PEM[:-40], NO_KEY, id="cut"),
    pytest.param(private_pem(KEY, serialization.PrivateFormat.OpenSSH), NO_KEY, id="OpenSSH"),
    pytest.param(KEY_PEM.replace(b"a", b"b"), DAMAGED, id="altered"),
    pytest.param(KEY_PEM.replace(b"RSA ", b""), DAMAGED, id="PKCS#1 said to be PKCS#8"),
    pytest.param(
        b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", DAMAGED, id="nothing in it"
    ),
    pytest.param(private_pem(CURVE), "private key is not an RSA key", id="elliptic curve"),
    pytest.param(private_pem(EDWARDS), "private key is not an RSA key", id="Edwards curve"),
    pytest.param(
        private_pem(SHORT), "the RSA key has 1024 bits; at least 2048 are needed", id="too short"
    ),
    pytest.param(
        private_pem(KEY, lock=LOCK),
        "the private key is encrypted; decrypt it first",
        id="encrypted, PKCS#8",
    ),
    pytest.param(
        private_pem(KEY, serialization.PrivateFormat.TraditionalOpenSSL, LOCK),
        "the private key is encrypted; decrypt it first",
        id="encrypted, PKCS#1",
    ),
]


@pytest.mark.parametrize(("pem", "says"), KEYS)
def test_private_key_that_cannot_open_is_refused_in_these_words(pem, says):
    with pytest.raises(SealingError) as caught:
        parse_private_key(pem)
    assert str(caught.value) == says


@pytest.mark.parametrize(("pem", "says"), KEYS[1:])
def test_key_secret_with_such_a_key_is_broken_beside_a_good_one(pem, says):
    secret = key_object("old")
    secret["data"]["tls.key"] = base64.b64encode(pem).decode()
    ring = load_key_ring([secret, key_object("good", other_key())])
    assert [key.name for key in ring.keys] == ["good"]
    assert [(one.name, str(one.error)) for one in ring.broken] == [("old", says)]
