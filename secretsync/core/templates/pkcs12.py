"""PKCS #12 files: opened and made, with the limits that templates need.

Salts and vectors are made from what is encrypted: the same certificates, key and password
give the same bytes, so that rendering again changes no Secret.

Neighbours: `templates.keystores` gives the functions, `templates.pkcs12_ciphers` encrypts.

Source: RFC 7292; which files are taken, and how new ones are encrypted:
software.sslmate.com/src/go-pkcs12 (Decode, Modern).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from secretsync.core.templates.der import (
    NULL,
    OCTETS,
    SEQUENCE,
    SET,
    Node,
    children,
    expect,
    integer,
    oid,
    parsed,
    read_integer,
    sequence,
    tagged,
)
from secretsync.core.templates.errors import FunctionProblem
from secretsync.core.templates.pkcs12_ciphers import HASHES, ROUNDS, decrypt, encrypt, mac_of

__all__ = ["Opened", "made", "opened"]

_DATA = oid("1.2.840.113549.1.7.1")
_ENCRYPTED = oid("1.2.840.113549.1.7.6")
_BAGS = "1.2.840.113549.1.12.10.1"
_KEY_BAG = oid(f"{_BAGS}.1")
_SHROUDED_BAG = oid(f"{_BAGS}.2")
_CERTIFICATE_BAG = oid(f"{_BAGS}.3")
_X509 = oid("1.2.840.113549.1.9.22.1")
_FRIENDLY_NAME = oid("1.2.840.113549.1.9.20")
_LOCAL_KEY_ID = oid("1.2.840.113549.1.9.21")
_JAVA_TRUST = oid("2.16.840.1.113894.746875.1.1")
_ANY_EXTENDED_USAGE = oid("2.5.29.37.0")
_SHA256 = oid("2.16.840.1.101.3.4.2.1")
_EXPLICIT = 0xA0
_BMP_STRING = 0x1E
_IMPLICIT_OCTETS = 0x80
_PARTS = 2


@dataclass(slots=True)
class Opened:
    """What a file holds.

    Args:
        keys: private keys, PKCS #8.
        certificates: X.509, in the order of the file.
    """

    keys: list[bytes] = field(default_factory=list, repr=False)
    certificates: list[bytes] = field(default_factory=list)


def opened(data: bytes, password: str) -> Opened:
    """Open a file.

    Raises:
        FunctionProblem: it is none, or not the password.
    """
    pfx, end = parsed(data)
    if end != len(data):
        raise FunctionProblem("something follows the PKCS #12 data")
    version, safe, *mac = children(expect(pfx, SEQUENCE))
    if read_integer(version) != 3:
        raise FunctionProblem("the PKCS #12 data is not of version 3")
    content = _explicit_data(safe)
    bmp = _verified(mac, content, password)
    found = Opened()
    parts = children(expect(parsed(content)[0], SEQUENCE))
    if not 0 < len(parts) <= _PARTS:
        raise FunctionProblem("the PKCS #12 data does not have one or two parts")
    for part in parts:
        for bag in _bags(part, password, bmp):
            _take(bag, password, bmp, found)
    return found


def _explicit_data(info: Node) -> bytes:
    kind, content = children(expect(info, SEQUENCE))
    if kind.whole != _DATA:
        raise FunctionProblem("the PKCS #12 data is signed, not protected by a password")
    return expect(parsed(expect(content, _EXPLICIT).body)[0], OCTETS).body


def _verified(mac: Sequence[Node], content: bytes, password: str) -> bytes:
    """Check the MAC; returns the password in the form that fits."""
    bmp = _bmp(password)
    if not mac:
        if password:
            raise FunctionProblem("the PKCS #12 data has no MAC")
        return bmp
    info, salt, *rounds = children(expect(mac[0], SEQUENCE))
    algorithm, digest = children(expect(info, SEQUENCE))
    name = HASHES.get(children(algorithm)[0].whole)
    if name is None:
        raise FunctionProblem("the MAC of the PKCS #12 data is of a kind that is not supported")
    count = read_integer(rounds[0]) if rounds else 1
    if count < 1:
        raise FunctionProblem("the PKCS #12 data hashes its password less than once")
    # Without a password, some programs take no bytes for it, and some the end of a text.
    for form in (bmp, b"") if not password else (bmp,):
        if hmac.compare_digest(mac_of(name, form, salt.body, count, content), digest.body):
            return form
    raise FunctionProblem("the password does not fit the PKCS #12 data")


def _bags(info: Node, password: str, bmp: bytes) -> Iterator[Node]:
    kind, content = children(expect(info, SEQUENCE))
    if kind.whole == _DATA:
        safe = expect(parsed(expect(content, _EXPLICIT).body)[0], OCTETS).body
    elif kind.whole == _ENCRYPTED:
        _, encrypted = children(parsed(expect(content, _EXPLICIT).body)[0])
        _, algorithm, ciphertext = children(encrypted)
        safe = decrypt(algorithm, password, bmp, ciphertext.body)
    else:
        raise FunctionProblem("a part of the PKCS #12 data is of a kind that is not supported")
    yield from children(expect(parsed(safe)[0], SEQUENCE))


def _take(bag: Node, password: str, bmp: bytes, found: Opened) -> None:
    kind, value, *_ = children(expect(bag, SEQUENCE))
    inner, _ = parsed(expect(value, _EXPLICIT).body)
    if kind.whole == _CERTIFICATE_BAG:
        form, certificate = children(inner)
        if form.whole != _X509:
            raise FunctionProblem("a certificate of the PKCS #12 data is not X.509")
        found.certificates.append(parsed(certificate.body)[0].body)
    elif kind.whole == _KEY_BAG:
        found.keys.append(inner.whole)
    elif kind.whole == _SHROUDED_BAG:
        algorithm, ciphertext = children(inner)
        found.keys.append(decrypt(algorithm, password, bmp, ciphertext.body))


def made(
    certificates: Sequence[bytes], password: str, *, key: bytes = b"", names: Sequence[str] = ()
) -> bytes:
    """Make a file.

    Args:
        certificates: X.509; the first one belongs to the key.
        password: may be empty; the file is encrypted all the same.
        key: PKCS #8; without one the certificates are trusted ones, as Java marks them.
        names: of the certificates, where they are trusted ones.
    """
    source = _Source(password, [key, *certificates])
    local_id = hashlib.sha1(certificates[0], usedforsecurity=False).digest() if key else b""
    bags = [
        _certificate_bag(
            each,
            _attributes(
                local_id if index == 0 else b"", names[index] if not key else "", trusted=not key
            ),
        )
        for index, each in enumerate(certificates)
    ]
    algorithm, sealed = encrypt(password, source.draw(16), source.draw(16), sequence(*bags))
    content = sequence(_DATA, algorithm, tagged(_IMPLICIT_OCTETS, sealed))
    parts = [sequence(_ENCRYPTED, tagged(_EXPLICIT, sequence(integer(0), content)))]
    if key:
        algorithm, sealed = encrypt(password, source.draw(16), source.draw(16), key)
        shrouded = sequence(algorithm, tagged(OCTETS, sealed))
        bag = sequence(_SHROUDED_BAG, tagged(_EXPLICIT, shrouded), _attributes(local_id, ""))
        parts.append(_data(sequence(bag)))
    safe = sequence(*parts)
    salt = source.draw(8)
    digest = mac_of("sha256", _bmp(password), salt, ROUNDS, safe)
    info = sequence(sequence(_SHA256, tagged(NULL)), tagged(OCTETS, digest))
    mac = sequence(info, tagged(OCTETS, salt), integer(ROUNDS))
    return sequence(integer(3), _data(safe), mac)


class _Source:
    """Salts and vectors that differ wherever anything does, and tell nothing of it."""

    def __init__(self, password: str, parts: Sequence[bytes]) -> None:
        key = hashlib.sha256(b"secretsync PKCS #12").digest()
        for part in (password.encode("utf-8", "surrogateescape"), *parts):
            key = hmac.digest(key, part, "sha256")
        self._key = key
        self._drawn = 0

    def draw(self, size: int) -> bytes:
        """Return up to 32 bytes."""
        self._drawn += 1
        return hmac.digest(self._key, bytes((self._drawn,)), "sha256")[:size]


def _data(content: bytes) -> bytes:
    return sequence(_DATA, tagged(_EXPLICIT, tagged(OCTETS, content)))


def _certificate_bag(certificate: bytes, attributes: bytes) -> bytes:
    inner = sequence(_X509, tagged(_EXPLICIT, tagged(OCTETS, certificate)))
    return sequence(_CERTIFICATE_BAG, tagged(_EXPLICIT, inner), attributes)


def _attributes(local_id: bytes, name: str, *, trusted: bool = False) -> bytes:
    found = []
    if name:
        text = name.encode("utf-16-be", "replace")
        found.append(sequence(_FRIENDLY_NAME, tagged(SET, tagged(_BMP_STRING, text))))
    if trusted:
        found.append(sequence(_JAVA_TRUST, tagged(SET, _ANY_EXTENDED_USAGE)))
    if local_id:
        found.append(sequence(_LOCAL_KEY_ID, tagged(SET, tagged(OCTETS, local_id))))
    return tagged(SET, *sorted(found)) if found else b""


def _bmp(password: str) -> bytes:
    """UTF-16 with its end; what lies beyond the first plane has no place in it."""
    if any(ord(char) > 0xFFFF or 0xD800 <= ord(char) <= 0xDFFF for char in password):
        raise FunctionProblem("a character of the password has no place in PKCS #12")
    return password.encode("utf-16-be") + b"\0\0"
