"""Sealing certificates: reading them, judging their time, making them.

Only public key and dates of a certificate are read: those that the controller makes
carry a key usage that strict parsers refuse. Clocks and serial numbers come in as
arguments.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from sealing.der import read_certificate, undress
from sealing.errors import CertificateExpired, InvalidCertificate, UnsupportedKey
from sealing.keys import PrivateKey, check_key_bits, fingerprint_of
from sealing.pem import first_block

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import rsa

__all__ = [
    "CERTIFICATE_TTL",
    "Certificate",
    "make_certificate",
    "parse_certificate",
    "require_aware",
    "require_valid",
]

#: How long a certificate of the controller's lasts (87600 h).
CERTIFICATE_TTL = timedelta(hours=87600)
SERIAL_NUMBER_BITS = 128
#: Go's RSA uses no greater one, so that no controller could open what it seals.
MAXIMUM_EXPONENT = 2**31 - 1

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
#: DER of a BIT STRING whose only bit is encipherOnly.
_ENCIPHER_ONLY = b"\x03\x02\x00\x01"
_KEY_USAGE_OID = "2.5.29.15"


class _Fields(NamedTuple):
    """The fields of Certificate; dataclasses take longer to load than to seal."""

    pem: bytes
    not_before: datetime
    not_after: datetime
    fingerprint: str
    public_key: rsa.RSAPublicKey


class Certificate(_Fields):
    """What sealing needs to know of a certificate.

    Args:
        pem: the certificate alone, without the rest of its chain.
        not_before, not_after: aware, UTC.
        fingerprint: of the public key, `SHA256:…`.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        start, end = self.not_before.isoformat(), self.not_after.isoformat()
        return f"Certificate({self.fingerprint}, {start} to {end})"


def parse_certificate(pem: bytes) -> Certificate:
    """Read the first certificate of a PEM text; what else is in it is skipped.

    An expired one is read as well: sealing refuses it, `require_valid` asks.

    Raises:
        InvalidCertificate: there is none, or it cannot be read.
        UnsupportedKey: its key is not RSA, has fewer than 2048 bits or more than 8192, or
            an exponent that the controller does not take.
    """
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - heavy

    block = first_block(pem, "CERTIFICATE")
    if block is None:
        raise InvalidCertificate("data does not contain any valid RSA or ECDSA certificates")
    parts = read_certificate(undress(block))
    check_key_bits(parts.modulus.bit_length())
    if parts.exponent > MAXIMUM_EXPONENT:
        raise UnsupportedKey("the RSA key's public exponent is too large")
    try:
        public_key = rsa.RSAPublicNumbers(parts.exponent, parts.modulus).public_key()
    except ValueError:
        # The library's own words change from version to version.
        raise InvalidCertificate("the certificate cannot be read: its key is no RSA key") from None
    fingerprint = fingerprint_of(public_key)
    return Certificate(block, parts.not_before, parts.not_after, fingerprint, public_key)


def require_valid(certificate: Certificate, now: datetime) -> None:
    """Refuse to seal for a certificate whose time is over.

    Its start is not looked at: a clock that is behind the controller's must not stop
    anybody from sealing.

    Args:
        now: aware.

    Raises:
        CertificateExpired: `now` is after its last second.
        ValueError: `now` has no time zone.
    """
    require_aware(now, "now")
    if now > certificate.not_after:
        end = certificate.not_after
        raise CertificateExpired(
            "failed to encrypt using an expired certificate on "
            f"{_MONTHS[end.month - 1]} {end.day}, {end.year}"
        )


def make_certificate(
    private_key: PrivateKey,
    *,
    not_before: datetime,
    not_after: datetime,
    serial_number: int,
    common_name: str = "",
) -> Certificate:
    """Make a self-signed sealing certificate, in all the controller's parameters.

    Args:
        not_before, not_after: aware; the controller's last CERTIFICATE_TTL.
        serial_number: random, positive, up to 128 bits.
        common_name: of subject and issuer; "" leaves both empty.

    Raises:
        ValueError: the times or the serial number are out of bounds.

    Source: sealed-secrets pkg/crypto SignKey.
    """
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - heavy

    require_aware(not_before, "not_before")
    require_aware(not_after, "not_after")
    if not_after <= not_before:
        raise ValueError("`not_after` must be later than `not_before`")
    if not 0 < serial_number < 1 << SERIAL_NUMBER_BITS:
        raise ValueError(f"the serial number must be from 1 to 2**{SERIAL_NUMBER_BITS} - 1")
    builder = _builder(private_key, common_name).serial_number(serial_number)
    builder = builder.not_valid_before(not_before).not_valid_after(not_after)
    signed = builder.sign(private_key._key, hashes.SHA256())  # noqa: SLF001 - one package
    return parse_certificate(signed.public_bytes(serialization.Encoding.PEM))


def _builder(private_key: PrivateKey, common_name: str) -> x509.CertificateBuilder:
    """Everything but serial number and times."""
    from cryptography import x509  # noqa: PLC0415 - heavy

    public_key = private_key.public_key
    attribute = x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name) if common_name else None
    subject = x509.Name([attribute] if attribute else [])
    # The library's own KeyUsage refuses encipherOnly without keyAgreement.
    key_usage = x509.UnrecognizedExtension(x509.ObjectIdentifier(_KEY_USAGE_OID), _ENCIPHER_ONLY)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public_key)
        .add_extension(key_usage, critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def require_aware(moment: datetime, argument: str) -> None:
    """Refuse a time without a zone: it means another moment on each machine.

    Raises:
        ValueError: `moment` is naive.
    """
    if moment.utcoffset() is None:
        raise ValueError(f"`{argument}` has no time zone; give an aware datetime")
