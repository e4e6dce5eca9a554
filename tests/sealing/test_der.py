"""The small reader of certificates, held against the library's full one."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from sealing import InvalidCertificate, SealingError, UnsupportedKey, make_certificate
from sealing.der import read_certificate, undress
from tests.sealing.kit import NOW, YEAR, certificate, vector_key

DER = undress(certificate().pem)
SECONDS = st.integers(int(datetime(1950, 1, 2, tzinfo=UTC).timestamp()), 253402214400)


def by_the_library(der):
    """What the full reader finds: key numbers and dates; None where it refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read = x509.load_der_x509_certificate(der)
            key = read.public_key()
            dates = (read.not_valid_before_utc, read.not_valid_after_utc)
        except Exception:  # noqa: BLE001 - the library has many, and which is not the subject
            return None
    if not isinstance(key, rsa.RSAPublicKey):
        return None
    numbers = key.public_numbers()
    return (*dates, numbers.n, numbers.e)


def by_us(der):
    try:
        return tuple(read_certificate(der))
    except SealingError:
        return None


def signed(key, *, subject, start, end, extensions=()):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)] if subject else [])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.serial_number(x509.random_serial_number()).public_key(key.public_key())
    builder = builder.not_valid_before(start).not_valid_after(end)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("bits", [2048, 3072])
@pytest.mark.parametrize("exponent", [3, 65537])
def test_key_of_any_size_is_read_as_the_library_reads_it(bits, exponent):
    key = rsa.generate_private_key(exponent, bits)
    der = signed(key, subject="x", start=NOW, end=NOW + YEAR)
    assert by_us(der) == by_the_library(der) is not None


@settings(max_examples=60, deadline=None)
# A common name is 64 bytes at most.
@given(SECONDS, SECONDS, st.text(st.characters(codec="utf-8"), max_size=16))
def test_dates_and_names_of_any_kind_are_read_as_the_library_reads_them(first, second, subject):
    start, end = (datetime.fromtimestamp(at, UTC) for at in sorted((first, second + 1)))
    names = x509.SubjectAlternativeName([x509.DNSName("a.test")])
    der = signed(vector_key()._key, subject=subject, start=start, end=end, extensions=[names])
    assert by_us(der) == by_the_library(der) is not None


def test_certificate_of_the_controllers_form_is_read_as_the_library_reads_it():
    made = make_certificate(
        vector_key(), not_before=NOW, not_after=NOW + timedelta(hours=87600), serial_number=1
    )
    der = undress(made.pem)
    assert by_us(der) == by_the_library(der) is not None


@pytest.mark.parametrize("bit", range(8))
def test_flipped_bit_is_never_read_as_something_else_than_the_library_reads(bit):
    agreed = 0
    for at in range(len(DER)):
        altered = bytearray(DER)
        altered[at] ^= 1 << bit
        theirs, ours = by_the_library(bytes(altered)), by_us(bytes(altered))
        if ours is not None and theirs is not None:
            assert ours == theirs
            agreed += 1
    assert agreed > 100


@given(st.binary(max_size=400))
def test_any_bytes_give_a_certificate_or_its_own_error(junk):
    assert by_us(junk) is None
    assert by_us(DER[: len(junk)]) is None or len(junk) >= len(DER)


@given(st.integers(0, len(DER) - 1), st.binary(min_size=1, max_size=6))
def test_bytes_put_in_anywhere_never_change_key_or_dates_unseen(at, junk):
    altered = DER[:at] + junk + DER[at:]
    theirs, ours = by_the_library(altered), by_us(altered)
    assert theirs is None or ours in (None, theirs)


@pytest.mark.parametrize(
    ("der", "says"),
    [
        pytest.param(b"", "the certificate is not there", id="empty"),
        pytest.param(DER + b"\0", "something follows its end", id="longer"),
        pytest.param(DER[:-1], "the certificate is cut", id="shorter"),
        pytest.param(b"\x30\x80" + DER[4:], "a length in it is malformed", id="no-length"),
        pytest.param(b"\x30\x85" + DER[2:], "a length in it is malformed", id="huge-length"),
        pytest.param(b"\x30\x83\0" + DER[2:], "a length in it is malformed", id="padded-length"),
    ],
)
def test_what_is_no_certificate_is_refused_by_what_is_wrong(der, says):
    with pytest.raises(InvalidCertificate, match=says):
        read_certificate(der)


def test_key_that_is_not_rsa_is_named():
    key = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(UnsupportedKey, match="expected RSA public key but found ECPublicKey"):
        read_certificate(signed(key, subject="", start=NOW, end=NOW + YEAR))
