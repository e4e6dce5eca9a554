"""RSA keys: the private one that never shows itself, and fingerprints of both.

Neighbours: `certificates` reads public keys, `envelope` uses both kinds, `keyring`
keeps many.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from sealing.encoding import encode_base64
from sealing.errors import InvalidKey, UnsupportedKey
from sealing.pem import first_block

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.asymmetric.padding import OAEP

__all__ = [
    "KEY_BITS",
    "MAXIMUM_KEY_BITS",
    "MINIMUM_KEY_BITS",
    "PrivateKey",
    "check_key_bits",
    "fingerprint_of",
    "generate_private_key",
    "parse_private_key",
]

#: What the controller makes.
KEY_BITS = 4096
#: Shorter RSA keys are within reach of attackers (NIST SP 800-131A).
MINIMUM_KEY_BITS = 2048
#: Checking a longer private key takes minutes (a minute and a half at 20,000 bits); Go's
#: TLS draws the line at the same length.
MAXIMUM_KEY_BITS = 8192

_PUBLIC_EXPONENT = 65537
_PEM_LABELS = ("RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY")


class PrivateKey:
    """An RSA private key that refuses to be shown, stored or copied by accident.

    `reveal_pem()` is the only way to the key material, so that a search for it finds
    every place where it leaves. repr, str and format show the fingerprint; pickle,
    copy and JSON fail.

    Args:
        key: 2048 to 8192 bits.
        used: called before each private-key operation, from any thread: for those who
            count what keys are used for.

    Raises:
        UnsupportedKey: it is shorter or longer.
    """

    __slots__ = ("_key", "_used", "fingerprint")

    def __init__(self, key: rsa.RSAPrivateKey, *, used: Callable[[], None] | None = None) -> None:
        check_key_bits(key.key_size)
        self._key = key
        self._used = used
        self.fingerprint = fingerprint_of(self.public_key)

    def observed(self, used: Callable[[], None]) -> PrivateKey:
        """Return the same key, which calls `used` before each private-key operation.

        Who observed the key before is called after it. What `used` raises stops the
        opening: that is how a caller bounds what one request may cost.
        """
        before = self._used

        def both() -> None:
            used()
            if before is not None:
                before()

        return PrivateKey(self._key, used=both)

    def decrypt(self, wrapped_key: bytes, padding: OAEP) -> bytes:
        """Unwrap a session key; whoever wants a value uses `unseal_value`.

        Raises:
            ValueError: it was not wrapped for this key, or with other padding.
        """
        if self._used is not None:
            self._used()
        return self._key.decrypt(wrapped_key, padding)

    @property
    def key_bits(self) -> int:
        """The length of the modulus."""
        return self._key.key_size

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        """The half that may be shown."""
        return self._key.public_key()

    def reveal_pem(self) -> bytes:
        """Return the key as unencrypted PKCS#1 PEM, the form of a key Secret's `tls.key`."""
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - heavy

        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )

    def __repr__(self) -> str:
        return f"PrivateKey(*** {self.fingerprint})"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a PrivateKey is never copied or pickled; pass the object itself")

    def __iter__(self) -> NoReturn:
        raise TypeError("a PrivateKey is not iterable; pass a list of keys")


def generate_private_key(key_bits: int = KEY_BITS) -> PrivateKey:
    """Make a new key with exponent 65537; takes a second or so.

    Raises:
        UnsupportedKey: `key_bits` is below 2048 or above 8192.
    """
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - heavy

    check_key_bits(key_bits)
    return PrivateKey(rsa.generate_private_key(_PUBLIC_EXPONENT, key_bits))


def parse_private_key(pem: bytes) -> PrivateKey:
    """Read the first private key of a PEM text, PKCS#1 or PKCS#8, unencrypted.

    Raises:
        InvalidKey: there is none, it is encrypted, damaged or inconsistent.
        UnsupportedKey: it is not RSA, shorter than 2048 bits or longer than 8192.
    """
    block = first_block(pem, *_PEM_LABELS)
    if block is None:
        raise InvalidKey("data does not contain a private key in PEM form")
    # The length first, and nothing else: the check of the numbers grows with its cube.
    check_key_bits(_load(block, checked=False).key_size)
    return PrivateKey(_load(block, checked=True))


def _load(block: bytes, *, checked: bool) -> rsa.RSAPrivateKey:
    """The key in a PEM block, whose numbers are checked or not."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - heavy
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - heavy
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - heavy

    try:
        key = serialization.load_pem_private_key(
            block, password=None, unsafe_skip_rsa_key_validation=not checked
        )
    except TypeError:
        # The cause says no more than this, and the parser's context stays out of logs.
        raise InvalidKey("the private key is encrypted; decrypt it first") from None
    except (ValueError, UnsupportedAlgorithm):
        # The parser's own text may quote what it met: key material.
        raise InvalidKey("the private key is damaged or of an unknown form") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise UnsupportedKey("private key is not an RSA key")
    return key


def check_key_bits(key_bits: int) -> None:
    """Refuse a length that protects nothing, and one that takes minutes to check.

    Raises:
        UnsupportedKey: `key_bits` is below 2048 or above 8192.
    """
    if key_bits < MINIMUM_KEY_BITS:
        raise UnsupportedKey(
            f"the RSA key has {key_bits} bits; at least {MINIMUM_KEY_BITS} are needed"
        )
    if key_bits > MAXIMUM_KEY_BITS:
        raise UnsupportedKey(
            f"the RSA key has {key_bits} bits; at most {MAXIMUM_KEY_BITS} are supported"
        )


def fingerprint_of(key: rsa.RSAPublicKey) -> str:
    """Return `SHA256:` and the unpadded base64 hash of the key, as OpenSSH shows it.

    Source: RFC 4253 §6.6 (the hashed form); `ssh-keygen -l`.
    """
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - heavy

    numbers = key.public_numbers()
    # A multiple-precision integer begins with a zero byte where its highest bit is set.
    parts = [b"ssh-rsa"] + [
        number.to_bytes(number.bit_length() // 8 + 1, "big") for number in (numbers.e, numbers.n)
    ]
    digest = hashes.Hash(hashes.SHA256())
    for part in parts:
        digest.update(len(part).to_bytes(4, "big") + part)
    return "SHA256:" + encode_base64(digest.finalize()).rstrip("=")
