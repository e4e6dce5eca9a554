"""The two things that sealing needs of a certificate, read from its DER: key and dates.

A general reader of certificates costs more time to load than sealing takes, and it
refuses those that the controller makes once their key usage is looked at. This one is
strict in what it reads and total: any bytes give the parts or InvalidCertificate.
Neighbour: `certificates`.
"""

from __future__ import annotations

import binascii
from datetime import UTC, datetime
from typing import NamedTuple

from sealing.errors import InvalidCertificate, UnsupportedKey

__all__ = ["CertificateParts", "read_certificate", "undress"]

_INTEGER, _BIT_STRING, _NULL, _OID, _SEQUENCE = 0x02, 0x03, 0x05, 0x06, 0x30
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_VERSION = 0xA0
#: Up to here a length is one byte; above, the low bits say how many bytes it has.
_LONG_FORM = 0x80
#: Four bytes of length are 4 GB.
_MAX_LENGTH_BYTES = 4
#: Two digits of a year below this are of the 21st century (RFC 5280 §4.1.2.5.1).
_CENTURY_TURNS_AT = 50
_TIME_DIGITS = {_UTC_TIME: 12, _GENERALIZED_TIME: 14}

_RSA_ENCRYPTION = bytes.fromhex("2a864886f70d010101")
_KEY_KINDS = {
    bytes.fromhex("2a8648ce3d0201"): "ECPublicKey",
    bytes.fromhex("2a864886f70d01010a"): "an RSA key for signatures only",
    bytes.fromhex("2b6570"): "Ed25519PublicKey",
    bytes.fromhex("2b6571"): "Ed448PublicKey",
    bytes.fromhex("2a8648ce380401"): "DSAPublicKey",
}
_BLANKS = b" \t\r\n"


class CertificateParts(NamedTuple):
    """What is read of a certificate.

    Args:
        not_before, not_after: aware, UTC.
        modulus, exponent: of the RSA public key, both positive.
    """

    not_before: datetime
    not_after: datetime
    modulus: int
    exponent: int


def undress(block: bytes) -> bytes:
    """Return the bytes that a PEM block stands for.

    Raises:
        InvalidCertificate: its body is not base64.

    Source: RFC 7468 §3.
    """
    body = b"".join(block.strip(_BLANKS).splitlines()[1:-1]).translate(None, _BLANKS)
    try:
        return binascii.a2b_base64(body, strict_mode=True)
    except binascii.Error:
        raise InvalidCertificate("the certificate cannot be read: it is not base64") from None


def read_certificate(der: bytes) -> CertificateParts:
    """Read key and dates.

    Raises:
        InvalidCertificate: the bytes are no certificate.
        UnsupportedKey: its key is not RSA.

    Source: RFC 5280 §4.1; ITU-T X.690 §8 and §10.
    """
    whole = _Reader(der)
    outer = whole.enter(_SEQUENCE, "the certificate")
    whole.end()
    body = outer.enter(_SEQUENCE, "its body")
    outer.enter(_SEQUENCE, "its signature algorithm")
    outer.take(_BIT_STRING, "its signature")
    outer.end()
    body.skip_optional(_VERSION)
    body.take(_INTEGER, "its serial number")
    body.enter(_SEQUENCE, "its signature algorithm")
    body.enter(_SEQUENCE, "its issuer")
    validity = body.enter(_SEQUENCE, "its validity")
    not_before, not_after = _time(validity), _time(validity)
    validity.end()
    body.enter(_SEQUENCE, "its subject")
    modulus, exponent = _rsa_key(body.enter(_SEQUENCE, "its public key"))
    return CertificateParts(not_before, not_after, modulus, exponent)


def _rsa_key(info: _Reader) -> tuple[int, int]:
    """The numbers of a SubjectPublicKeyInfo (RFC 8017 §A.1.1)."""
    algorithm = info.enter(_SEQUENCE, "its key's algorithm")
    kind = algorithm.take(_OID, "its key's algorithm")
    if kind != _RSA_ENCRYPTION:
        found = _KEY_KINDS.get(kind, "a key of another kind")
        raise UnsupportedKey(f"expected RSA public key but found {found}")
    algorithm.take(_NULL, "its key's parameters")
    bits = info.take(_BIT_STRING, "its key")
    info.end()
    if bits[:1] != b"\0":
        raise _unreadable("its key does not end on a byte")
    wrapped = _Reader(bits[1:])
    key = wrapped.enter(_SEQUENCE, "its key")
    wrapped.end()
    modulus, exponent = key.positive("its modulus"), key.positive("its exponent")
    key.end()
    return modulus, exponent


def _time(validity: _Reader) -> datetime:
    """A UTCTime or GeneralizedTime, in the one form that certificates may use."""
    tag = _UTC_TIME if validity.next_tag() == _UTC_TIME else _GENERALIZED_TIME
    text = validity.take(tag, "one of its dates")
    digits = text[:-1]
    if len(digits) != _TIME_DIGITS[tag] or not digits.isdigit() or text[-1:] != b"Z":
        raise _unreadable("one of its dates is malformed")
    if tag == _UTC_TIME:
        digits = (b"20" if int(digits[:2]) < _CENTURY_TURNS_AT else b"19") + digits
    year, *rest = int(digits[:4]), *(int(digits[at : at + 2]) for at in range(4, 14, 2))
    month, day, hour, minute, second = rest
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise _unreadable("one of its dates does not exist") from None


class _Reader:
    """A run of DER elements, taken one after the other."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def next_tag(self) -> int:
        """The next element's tag, -1 at the end."""
        return self._content[self._at] if self._at < len(self._content) else -1

    def enter(self, tag: int, what: str) -> _Reader:
        return _Reader(self.take(tag, what))

    def take(self, tag: int, what: str) -> bytes:
        """The next element's content.

        Raises:
            InvalidCertificate: it is something else, or cut.
        """
        if self.next_tag() != tag:
            raise _unreadable(f"{what} is not there")
        start, length = self._length(self._at + 1)
        if start + length > len(self._content):
            raise _unreadable(f"{what} is cut")
        self._at = start + length
        return self._content[start : self._at]

    def _length(self, at: int) -> tuple[int, int]:
        """Where the content starts, and its length; the shortest form is the only one."""
        first = self._content[at] if at < len(self._content) else _LONG_FORM
        if first < _LONG_FORM:
            return at + 1, first
        count = first - _LONG_FORM
        digits = self._content[at + 1 : at + 1 + count]
        length = int.from_bytes(digits, "big")
        shortest = length >= _LONG_FORM and digits[:1] != b"\0"
        if not 0 < count <= _MAX_LENGTH_BYTES or len(digits) != count or not shortest:
            raise _unreadable("a length in it is malformed")
        return at + 1 + count, length

    def positive(self, what: str) -> int:
        """The next element, an integer above 0 in its shortest form."""
        digits = self.take(_INTEGER, what)
        # One zero byte comes first where the next would look like a sign, and only there.
        magnitude = digits[1:] if digits[:1] == b"\0" else digits
        signed = magnitude[:1] >= b"\x80"
        if not magnitude or signed != (len(magnitude) < len(digits)):
            raise _unreadable(f"{what} is malformed")
        return int.from_bytes(digits, "big")

    def skip_optional(self, tag: int) -> None:
        if self.next_tag() == tag:
            self.take(tag, "its version")

    def end(self) -> None:
        """Refuse whatever follows.

        Raises:
            InvalidCertificate: something does.
        """
        if self._at != len(self._content):
            raise _unreadable("something follows its end")


def _unreadable(what: str) -> InvalidCertificate:
    return InvalidCertificate(f"the certificate cannot be read: {what}")
