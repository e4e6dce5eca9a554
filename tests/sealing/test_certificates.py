"""Certificates: read, judged by time, made."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from sealing import (
    CERTIFICATE_TTL,
    CertificateExpired,
    InvalidCertificate,
    SealingError,
    UnsupportedKey,
    make_certificate,
    parse_certificate,
    require_valid,
)
from tests.sealing.kit import (
    NOW,
    VECTOR_FINGERPRINT,
    YEAR,
    certificate,
    other_key,
    vector_key,
)

SECOND = timedelta(seconds=1)


def foreign(key):
    """A certificate that the library did not make."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ca")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(9)
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + YEAR)
    signed = builder.public_key(key.public_key()).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


PEM = certificate().pem


def test_certificate_is_read_with_its_dates_and_fingerprint():
    read = parse_certificate(foreign(vector_key()._key))
    assert (read.not_before, read.not_after) == (NOW, NOW + YEAR)
    assert read.fingerprint == VECTOR_FINGERPRINT


def test_certificate_of_a_chain_is_the_first():
    chain = b"text\n" + PEM + foreign(ec.generate_private_key(ec.SECP256R1()))
    assert parse_certificate(chain) == certificate()


@pytest.mark.parametrize(
    ("pem", "error", "says"),
    [
        pytest.param(b"", InvalidCertificate, "does not contain any valid RSA", id="empty"),
        pytest.param(b"\xff\0", InvalidCertificate, "does not contain any", id="binary"),
        pytest.param(
            vector_key().reveal_pem(), InvalidCertificate, "does not contain any", id="key"
        ),
        pytest.param(PEM[:400], InvalidCertificate, "does not contain any", id="cut"),
        pytest.param(
            PEM.replace(b"M", b"N", 3), InvalidCertificate, "cannot be read", id="altered"
        ),
        pytest.param(
            foreign(ec.generate_private_key(ec.SECP256R1())),
            UnsupportedKey,
            "expected RSA public key but found",
            id="EC",
        ),
        pytest.param(
            foreign(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - what must be refused
            UnsupportedKey,
            "has 1024 bits; at least 2048",
            id="short",
        ),
    ],
)
def test_certificate_that_cannot_serve_is_refused_with_the_cause(pem, error, says):
    with pytest.raises(error, match=says):
        parse_certificate(pem)


def wrapped(der):
    return b"-----BEGIN CERTIFICATE-----\n%b\n-----END CERTIFICATE-----" % base64.b64encode(der)


DER = base64.b64decode(b"".join(PEM.splitlines()[1:-1]))
# The library's warning about a serial number that a changed byte has made negative.
ignore_serial_number = pytest.mark.filterwarnings("ignore:Parsed a serial number")


@ignore_serial_number
@pytest.mark.parametrize("change", [0x01, 0x10, 0x80, 0xFF])
def test_parse_with_any_byte_changed_gives_a_certificate_or_its_own_error(change):
    refused = 0
    for position in range(len(DER)):
        altered = bytearray(DER)
        altered[position] ^= change
        try:
            read = parse_certificate(wrapped(bytes(altered)))
        except (InvalidCertificate, UnsupportedKey):
            refused += 1
        else:
            assert read.not_before.tzinfo is UTC
    assert refused > 50


@ignore_serial_number
@settings(deadline=None)  # RSA on a busy machine
@given(st.binary(max_size=60), st.integers(0, len(PEM)))
def test_parse_of_damaged_text_gives_a_certificate_or_its_own_error(junk, at):
    text = PEM[:at] + junk + PEM[at + len(junk) :]
    try:
        read = parse_certificate(text)
    except SealingError:
        assert text != PEM
    else:
        assert read.fingerprint.startswith("SHA256:")


@pytest.mark.parametrize(
    ("now", "valid"),
    [
        pytest.param(NOW - 2 * YEAR, True, id="before its start: a slow clock seals"),
        pytest.param(NOW, True, id="in its time"),
        pytest.param(NOW + YEAR, True, id="last second"),
        pytest.param(NOW + YEAR + SECOND, False, id="over"),
    ],
)
def test_certificate_is_judged_by_the_time_given(now, valid):
    if valid:
        require_valid(certificate(), now)
    else:
        with pytest.raises(CertificateExpired, match="expired certificate on May 4, 2027"):
            require_valid(certificate(), now)


def test_certificate_made_has_the_controllers_parameters():
    """Conformance row 2, and what the controller's own certificates carry."""
    start = NOW
    made = make_certificate(
        vector_key(),
        not_before=start,
        not_after=start + CERTIFICATE_TTL,
        serial_number=2**128 - 1,
        common_name="mine",
    )
    read = x509.load_pem_x509_certificate(made.pem)
    assert made.fingerprint == vector_key().fingerprint
    assert read.serial_number == 2**128 - 1
    assert read.subject == read.issuer
    assert read.subject.rfc4514_string() == "CN=mine"
    assert read.signature_algorithm_oid == x509.SignatureAlgorithmOID.RSA_WITH_SHA256
    assert made.not_after - made.not_before == timedelta(hours=87600)
    # The key usage that the library refuses to read: critical, encipherOnly alone.
    der = read.public_bytes(serialization.Encoding.DER)
    assert bytes.fromhex("0603551d0f0101ff0404030200 01") in der
    assert bytes.fromhex("0603551d130101ff040530030101ff") in der
    assert bytes.fromhex("0603551d0e0416") in der


def test_certificate_made_without_a_name_has_none():
    read = x509.load_pem_x509_certificate(certificate().pem)
    assert list(read.subject) == list(read.issuer) == []
    read.verify_directly_issued_by(read)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"serial_number": 0}, "serial number must be from 1"),
        ({"serial_number": 2**128}, "serial number must be from 1"),
        ({"not_after": NOW}, "`not_after` must be later"),
        ({"not_before": datetime(2026, 1, 1)}, "`not_before` has no time zone"),  # noqa: DTZ001 - the mistake
        ({"not_after": datetime(2027, 1, 1)}, "`not_after` has no time zone"),  # noqa: DTZ001 - the mistake
    ],
)  # fmt: skip
def test_certificate_of_a_callers_mistake_is_refused(change, says):
    arguments = {"not_before": NOW, "not_after": NOW + YEAR, "serial_number": 1} | change
    with pytest.raises(ValueError, match=says):
        make_certificate(vector_key(), **arguments)


def test_certificate_shows_no_key_and_differs_by_key():
    assert "BEGIN" not in repr(certificate())
    assert certificate() != certificate(other_key())
    assert certificate().not_before.tzinfo is UTC
