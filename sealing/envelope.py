"""One sealed value: its layout, sealing it and opening it.

    uint16 BE length of wrapped key ‖ RSA-OAEP(session key) ‖ AES-256-GCM(plaintext)

No part of it says which key or label it needs. Neighbours: `scopes` makes labels,
`manifest_seal` and `manifest_unseal` handle whole objects.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sealing.certificates import Certificate, require_valid
from sealing.encoding import decode_base64, encode_base64
from sealing.errors import MalformedEnvelope, UnsealFailed, UnsupportedKey
from sealing.keys import PrivateKey
from sealing.scopes import Scope, encryption_label

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

__all__ = [
    "Envelope",
    "open_with",
    "parse_envelope",
    "seal_value",
    "seal_with",
    "unseal_value",
    "unseal_with",
]

SESSION_KEY_BYTES = 32
LENGTH_BYTES = 2
TAG_BYTES = 16
#: Safe only because each session key encrypts a single value.
_NONCE = bytes(12)


class Envelope(NamedTuple):
    """The two parts of a sealed value.

    Args:
        wrapped_key: the session key under RSA-OAEP, as long as the modulus.
        ciphertext: the value under AES-256-GCM, its 16-byte tag last.
    """

    wrapped_key: bytes
    ciphertext: bytes


def parse_envelope(sealed: bytes) -> Envelope:
    """Split a sealed value into its parts; nothing is decrypted.

    Raises:
        MalformedEnvelope: the bytes end before the parts do.
    """
    start = LENGTH_BYTES + int.from_bytes(sealed[:LENGTH_BYTES], "big")
    if len(sealed) < start + TAG_BYTES:
        raise MalformedEnvelope("SealedSecret data is too short")
    return Envelope(sealed[LENGTH_BYTES:start], sealed[start:])


def seal_value(
    plaintext: bytes,
    certificate: Certificate,
    *,
    now: datetime,
    scope: Scope = Scope.STRICT,
    namespace: str = "",
    name: str = "",
) -> str:
    """Seal one value under a fresh session key, as `kubeseal --raw` does.

    Args:
        plaintext: raw bytes, may be empty. Their number can be seen in the result.
        now: aware; what the certificate's end is compared with.
        namespace: needed unless the scope is cluster-wide.
        name: of the Secret; needed if the scope is strict.

    Returns:
        Base64, to be put under any key of `spec.encryptedData`.

    Raises:
        CertificateExpired: the certificate's time is over.
        UnsupportedKey: the certificate's key cannot encrypt.
        ValueError: the scope needs a namespace or a name that is not given.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - heavy

    _check_place(scope, namespace=namespace, name=name)
    require_valid(certificate, now)
    label = encryption_label(scope, namespace=namespace, name=name)
    session_key = AESGCM.generate_key(8 * SESSION_KEY_BYTES)
    sealed = seal_with(plaintext, certificate.public_key, label, session_key=session_key)
    return encode_base64(sealed)


def _check_place(scope: Scope, *, namespace: str, name: str) -> None:
    """Refuse a place that is less than the scope binds to.

    Raises:
        ValueError: a namespace or a name is missing.
    """
    if scope is not Scope.CLUSTER_WIDE and not namespace:
        raise ValueError(f"a value of scope {scope} is bound to a namespace; give `namespace`")
    if scope is Scope.STRICT and not name:
        raise ValueError("a value of scope strict is bound to the Secret's name; give `name`")


def seal_with(
    plaintext: bytes, public_key: rsa.RSAPublicKey, label: bytes, *, session_key: bytes
) -> bytes:
    """Seal one value under a given session key.

    The same arguments give the same bytes after the wrapped key; RSA-OAEP itself draws
    a seed, so that the wrapped key differs each time.

    Args:
        plaintext: raw bytes, may be empty.
        label: from `encryption_label`.
        session_key: 32 random bytes, used for this value and never again.

    Returns:
        2 + modulus bytes + len(plaintext) + 16 bytes.

    Raises:
        UnsupportedKey: the key's numbers make no RSA key.
        ValueError: the session key has another length.
        TypeError: the plaintext is text.

    Source: sealed-secrets pkg/crypto HybridEncrypt; RFC 8017 §7.1; NIST SP 800-38D.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - heavy

    if not isinstance(plaintext, bytes):
        raise TypeError("the plaintext must be bytes; encode text first")
    if len(session_key) != SESSION_KEY_BYTES:
        raise ValueError(f"the session key must have {SESSION_KEY_BYTES} bytes")
    try:
        wrapped_key = public_key.encrypt(session_key, _oaep(label))
    except ValueError as exc:
        raise UnsupportedKey("the RSA key cannot encrypt; is the certificate damaged?") from exc
    length = len(wrapped_key).to_bytes(LENGTH_BYTES, "big")
    return length + wrapped_key + AESGCM(session_key).encrypt(_NONCE, plaintext, None)


def unseal_value(
    text: str,
    keys: Iterable[PrivateKey],
    *,
    scope: Scope = Scope.STRICT,
    namespace: str = "",
    name: str = "",
) -> bytes:
    """Open one value of `spec.encryptedData`.

    Args:
        text: base64.
        keys: tried in this order.
        scope, namespace, name: of the SealedSecret that holds the value.

    Raises:
        MalformedValue: the text is not base64.
        UnsealFailed: no key opens it.
    """
    label = encryption_label(scope, namespace=namespace, name=name)
    return unseal_with(decode_base64(text), keys, label)


def unseal_with(sealed: bytes, keys: Iterable[PrivateKey], label: bytes) -> bytes:
    """Open a sealed value with the first key that can.

    Raises:
        UnsealFailed: no key opens it, whatever the cause.
    """
    return open_with(sealed, keys, label)[0]


def open_with(sealed: bytes, keys: Iterable[PrivateKey], label: bytes) -> tuple[bytes, PrivateKey]:
    """Open a sealed value, and say with which key: it is the one to try first next time.

    Raises:
        UnsealFailed: no key opens it, whatever the cause.
    """
    tried = set()
    envelope = _parse_or_blank(sealed)
    for key in keys:
        if (plaintext := _open(envelope, key, label)) is not None:
            return plaintext, key
        tried.add(key.fingerprint)
    raise UnsealFailed(tried)


def _parse_or_blank(sealed: bytes) -> Envelope:
    """The parts, or parts that open with no key: cut data takes the way of any other."""
    try:
        return parse_envelope(sealed)
    except MalformedEnvelope:
        return Envelope(b"", bytes(TAG_BYTES))


def _open(envelope: Envelope, key: PrivateKey, label: bytes) -> bytes | None:
    """The plaintext, or None after the same work whichever step failed."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - heavy
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - heavy

    modulus_bytes = (key.key_bits + 7) // 8
    fits = len(envelope.wrapped_key) == modulus_bytes
    wrapped_key = envelope.wrapped_key if fits else bytes(modulus_bytes)
    # A random stand-in, not a fixed one: anybody could encrypt under a known key.
    session_key = AESGCM.generate_key(8 * SESSION_KEY_BYTES)
    try:
        unwrapped = key.decrypt(wrapped_key, _oaep(label))
        if len(unwrapped) == SESSION_KEY_BYTES:
            session_key = unwrapped
    except ValueError:
        # Which step failed is nobody's business; the stand-in fails below.
        pass
    try:
        return AESGCM(session_key).decrypt(_NONCE, envelope.ciphertext, None)
    except InvalidTag:
        return None


def _oaep(label: bytes) -> padding.OAEP:
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - heavy
    from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415 - heavy

    return padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), label)
