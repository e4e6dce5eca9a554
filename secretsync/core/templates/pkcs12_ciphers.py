"""How PKCS #12 files are encrypted and sealed: key derivation, ciphers, paid for.

Whoever makes a file says how often a password is hashed, so that each round is paid for
before it is done. Neighbour: `templates.pkcs12` knows the file.

Source: RFC 7292 (appendix B and C), RFC 8018 (PBES2).
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from secretsync.core.templates.der import (
    NULL,
    OCTETS,
    OID,
    Node,
    children,
    expect,
    integer,
    oid,
    read_integer,
    sequence,
    tagged,
)
from secretsync.core.templates.errors import FunctionProblem
from secretsync.core.templates.limits import CURRENT
from secretsync.core.templates.rc2 import decrypt_rc2_cbc

__all__ = ["HASHES", "decrypt", "encrypt", "mac_of"]

ROUNDS = 2048
_KEY, _IV, _MAC = 1, 2, 3
#: Steps of the budget for a round, in Python and in native code.
_ROUND_STEPS = 3
_NATIVE_ROUND_STEPS = 2
_BLOCK_STEPS = 80
HASHES = {
    oid("1.3.14.3.2.26"): "sha1",
    oid("2.16.840.1.101.3.4.2.1"): "sha256",
    oid("2.16.840.1.101.3.4.2.2"): "sha384",
    oid("2.16.840.1.101.3.4.2.3"): "sha512",
}
_PRFS = {
    oid("1.2.840.113549.2.7"): "sha1",
    oid("1.2.840.113549.2.9"): "sha256",
    oid("1.2.840.113549.2.10"): "sha384",
    oid("1.2.840.113549.2.11"): "sha512",
}
_PBES2 = oid("1.2.840.113549.1.5.13")
_PBKDF2 = oid("1.2.840.113549.1.5.12")
_HMAC_SHA256 = oid("1.2.840.113549.2.9")
_AES_256 = oid("2.16.840.1.101.3.4.1.42")
_AES = {oid("2.16.840.1.101.3.4.1.2"): 16, oid("2.16.840.1.101.3.4.1.22"): 24, _AES_256: 32}
_TRIPLE_DES = oid("1.2.840.113549.1.12.1.3")
#: Old ciphers by their key's length in bytes.
_OLD = {
    _TRIPLE_DES: 24,
    oid("1.2.840.113549.1.12.1.5"): 16,
    oid("1.2.840.113549.1.12.1.6"): 5,
}
_SHA1_PRF = sequence(oid("1.2.840.113549.2.7"), tagged(NULL))


def mac_of(digest: str, password: bytes, salt: bytes, rounds: int, content: bytes) -> bytes:
    """Return the MAC that proves password and content.

    Args:
        digest: name of the hash.
        password: as `bmp_string` gives it.
    """
    key = _derived(digest, password, salt, rounds, _MAC, hashlib.new(digest).digest_size)
    return hmac.digest(key, content, digest)


def decrypt(algorithm: Node, password: str, bmp: bytes, data: bytes) -> bytes:
    """Decrypt content.

    Args:
        algorithm: AlgorithmIdentifier.
        password: as text, for PBES2.
        bmp: as the older way takes it.
        data: the ciphertext.

    Raises:
        FunctionProblem: an unknown algorithm, or not the password.
    """
    name, parameters = _two(algorithm)
    if name.whole == _PBES2:
        key, iv, rest = *_pbes2(parameters, password), data
        opened = _cbc(AES(key), iv, rest)
    elif name.whole in _OLD:
        opened = _decrypt_old(name.whole, parameters, bmp, data)
    else:
        raise FunctionProblem("the PKCS #12 data is encrypted in a way that is not supported")
    return _unpadded(opened, 16 if name.whole == _PBES2 else 8)


def encrypt(password: str, salt: bytes, iv: bytes, data: bytes) -> tuple[bytes, bytes]:
    """Encrypt with AES-256 and PBKDF2; returns algorithm and ciphertext.

    Args:
        salt: 16 bytes.
        iv: 16 bytes.
    """
    _pay(ROUNDS * _NATIVE_ROUND_STEPS)
    key = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ROUNDS, 32)
    pad = 16 - len(data) % 16
    encryptor = Cipher(AES(key), CBC(iv)).encryptor()
    sealed = encryptor.update(data + bytes((pad,)) * pad) + encryptor.finalize()
    prf = sequence(_HMAC_SHA256, tagged(NULL))
    kdf = sequence(_PBKDF2, sequence(tagged(OCTETS, salt), integer(ROUNDS), prf))
    cipher = sequence(_AES_256, tagged(OCTETS, iv))
    return sequence(_PBES2, sequence(kdf, cipher)), sealed


def _pbes2(parameters: Node, password: str) -> tuple[bytes, bytes]:
    """Key and IV."""
    kdf, cipher = _two(parameters)
    kdf_name, kdf_parameters = _two(kdf)
    cipher_name, iv = _two(cipher)
    size = _AES.get(cipher_name.whole)
    if kdf_name.whole != _PBKDF2 or size is None:
        raise FunctionProblem("the PKCS #12 data is encrypted in a way that is not supported")
    salt, rounds, *others = children(kdf_parameters)
    prf = next((each for each in others if each.tag == 0x30), None)
    name = _PRFS.get(children(prf)[0].whole if prf is not None else _two_of(_SHA1_PRF))
    if name is None:
        raise FunctionProblem("the PKCS #12 data is encrypted in a way that is not supported")
    count = _count(rounds)
    blocks = -(-size // hashlib.new(name).digest_size)
    _pay(count * blocks * _NATIVE_ROUND_STEPS)
    text = password.encode("utf-8", "surrogateescape")
    key = hashlib.pbkdf2_hmac(name, text, expect(salt, OCTETS).body, count, size)
    return key, expect(iv, OCTETS).body


def _two_of(algorithm: bytes) -> bytes:
    from secretsync.core.templates.der import parsed  # noqa: PLC0415 - only here

    return children(parsed(algorithm)[0])[0].whole


def _decrypt_old(name: bytes, parameters: Node, bmp: bytes, data: bytes) -> bytes:
    salt, rounds = _two(parameters)
    count = _count(rounds)
    size = _OLD[name]
    key = _derived("sha1", bmp, salt.body, count, _KEY, size)
    iv = _derived("sha1", bmp, salt.body, count, _IV, 8)
    if name == _TRIPLE_DES:
        return _cbc(TripleDES(key), iv, data)
    if len(data) % 8:
        raise FunctionProblem("the PKCS #12 data is cut off")
    _pay(len(data) // 8 * _BLOCK_STEPS)
    return decrypt_rc2_cbc(key, iv, data)


def _cbc(algorithm: AES | TripleDES, iv: bytes, data: bytes) -> bytes:
    decryptor = Cipher(algorithm, CBC(iv)).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def _unpadded(data: bytes, block: int) -> bytes:
    pad = data[-1] if data else 0
    if not 0 < pad <= block or data[-pad:] != bytes((pad,)) * pad:
        raise FunctionProblem("the password does not fit the PKCS #12 data")
    return data[:-pad]


def _two(node: Node) -> tuple[Node, Node]:
    found = children(expect(node, 0x30))
    if len(found) < 2 or (node.tag == 0x30 and found[0].tag not in (OID, OCTETS, 0x30)):
        raise FunctionProblem("the PKCS #12 data is not valid DER")
    return found[0], found[1]


def _count(node: Node) -> int:
    count = read_integer(node)
    if count < 1:
        raise FunctionProblem("the PKCS #12 data hashes its password less than once")
    return count


def _derived(
    digest: str, password: bytes, salt: bytes, rounds: int, purpose: int, size: int
) -> bytes:
    """RFC 7292, appendix B.2."""
    hashed = getattr(hashlib, digest)
    block = hashed().block_size
    _pay(rounds * _ROUND_STEPS * -(-size // hashed().digest_size))
    start = bytes((purpose,)) * block
    mixed = _filled(salt, block) + _filled(password, block)
    made = b""
    while len(made) < size:
        part = start + mixed
        for _ in range(rounds):
            part = hashed(part).digest()
        made += part
        added = int.from_bytes(_filled(part, block)[:block], "big") + 1
        mixed = b"".join(
            ((int.from_bytes(mixed[at : at + block], "big") + added) % (1 << 8 * block)).to_bytes(
                block, "big"
            )
            for at in range(0, len(mixed), block)
        )
    return made[:size]


def _filled(text: bytes, block: int) -> bytes:
    """The text again and again, up to a whole number of blocks."""
    if not text:
        return b""
    size = -(-len(text) // block) * block
    return (text * (size // len(text) + 1))[:size]


def _pay(steps: int) -> None:
    CURRENT.get().step(steps)
