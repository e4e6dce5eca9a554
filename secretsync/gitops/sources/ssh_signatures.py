"""Signatures of SSH keys over commits and tags, verified. Pure.

The key is within the signature: whether it is one that counts is for whoever asks.
Neighbours: `signed_objects` has what was signed, `integrity` says whose signature counts.

Source: OpenSSH, PROTOCOL.sshsig and PROTOCOL.u2f; RFC 8332 and 5656 for the signatures in it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from collections.abc import Iterator

__all__ = ["SSH_ARMOUR", "ssh_fingerprint"]

SSH_ARMOUR = b"-----BEGIN SSH SIGNATURE-----"
_END = b"-----END SSH SIGNATURE-----"
_MAGIC = b"SSHSIG"
_NAMESPACE = b"git"
_HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}
#: Their private half is in a device, which signs a digest and what it knows itself.
_SECURITY_KEYS = {b"sk-ssh-ed25519@openssh.com", b"sk-ecdsa-sha2-nistp256@openssh.com"}
_TOUCHED = 1
_CURVES = {b"ecdsa-sha2-nistp256", b"ecdsa-sha2-nistp384", b"ecdsa-sha2-nistp521"}


class _BadSignature(Exception):
    """The signature is not one, or not of this text."""


def ssh_fingerprint(payload: bytes, armoured: bytes) -> str | None:
    """Return the fingerprint of the key that signed a text, None where none did.

    Args:
        payload: what should have been signed.
        armoured: the signature as Git has it.

    Returns:
        `SHA256:…`, as ssh-keygen -l prints it.
    """
    try:
        key, signed_hash, signature = _read(armoured)
        digest = _HASHES[signed_hash](payload).digest()
        message = _MAGIC + b"".join(map(_string, (_NAMESPACE, b"", signed_hash, digest)))
        _verify(key, signature, message)
    except (_BadSignature, ValueError, struct.error, StopIteration):
        return None
    digest = hashlib.sha256(key).digest()
    return f"SHA256:{base64.b64encode(digest).rstrip(b'=').decode()}"


def _read(armoured: bytes) -> tuple[bytes, bytes, bytes]:
    """Return key, name of the hash, and signature."""
    lines = armoured.strip().splitlines()
    if len(lines) < 3 or lines[0] != SSH_ARMOUR or lines[-1] != _END:
        raise _BadSignature
    try:
        blob = base64.b64decode(b"".join(lines[1:-1]), validate=True)
    except binascii.Error as exc:
        raise _BadSignature from exc
    if blob[:6] != _MAGIC or struct.unpack(">I", blob[6:10]) != (1,):
        raise _BadSignature
    key, namespace, _, signed_hash, signature = _exactly(blob[10:], 5)
    if namespace != _NAMESPACE or signed_hash not in _HASHES:
        raise _BadSignature
    return key, signed_hash, signature


def _verify(key: bytes, signature: bytes, message: bytes) -> None:
    """Raise _BadSignature unless a key has made a signature of a message."""
    # Loads slowly, and only projects that demand signatures need it.
    from cryptography.exceptions import (  # noqa: PLC0415 - see above
        InvalidSignature,
        UnsupportedAlgorithm,
    )
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - see above
        load_ssh_public_key,
    )

    kind = next(_strings(key))
    try:
        if kind in _SECURITY_KEYS:
            key, signature, message = _unwrapped(key, signature, message)
            kind = next(_strings(key))
        algorithm, value = _exactly(signature, 2)
        loaded = load_ssh_public_key(kind + b" " + base64.b64encode(key))
        _verified(loaded, algorithm, value, message)
    except (InvalidSignature, UnsupportedAlgorithm) as exc:
        raise _BadSignature from exc


def _unwrapped(key: bytes, signature: bytes, message: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the plain key in one of a security key, its signature, and what it signed.

    Somebody must have touched it.
    """
    *parts, application = _strings(key)
    plain = parts[0].removeprefix(b"sk-").removesuffix(b"@openssh.com")
    algorithm, value = _exactly(signature[:-5], 2)
    flags, counter = signature[-5:-4], signature[-4:]
    if algorithm != parts[0] or not flags[0] & _TOUCHED:
        raise _BadSignature
    digests = (hashlib.sha256(each).digest() for each in (application, message))
    signed = next(digests) + flags + counter + next(digests)
    made = b"".join(map(_string, (plain, *parts[1:])))
    return made, _string(plain) + _string(value), signed


def _verified(loaded: object, algorithm: bytes, value: bytes, message: bytes) -> None:
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - see _verify
    from cryptography.hazmat.primitives.asymmetric import (  # noqa: PLC0415 - see _verify
        ec,
        ed25519,
        padding,
        rsa,
        utils,
    )

    if isinstance(loaded, ed25519.Ed25519PublicKey) and algorithm == b"ssh-ed25519":
        loaded.verify(value, message)
    elif isinstance(loaded, rsa.RSAPublicKey) and loaded.key_size >= 2048:
        # SHA-1 (ssh-rsa) is refused, as OpenSSH does.
        chosen = {b"rsa-sha2-256": hashes.SHA256(), b"rsa-sha2-512": hashes.SHA512()}
        if algorithm not in chosen:
            raise _BadSignature
        loaded.verify(value, message, padding.PKCS1v15(), chosen[algorithm])
    elif isinstance(loaded, ec.EllipticCurvePublicKey) and algorithm in _CURVES:
        by_size = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}
        r, s = (int.from_bytes(each, "big", signed=True) for each in _exactly(value, 2))
        der = utils.encode_dss_signature(r, s)
        loaded.verify(der, message, ec.ECDSA(by_size[loaded.key_size]))
    else:
        raise _BadSignature


def _string(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def _exactly(blob: bytes, count: int) -> list[bytes]:
    """Return the strings of a blob, exactly so many and nothing else."""
    found = list(_strings(blob))
    if len(found) != count:
        raise _BadSignature
    return found


def _strings(blob: bytes) -> Iterator[bytes]:
    """Yield the strings of a blob."""
    at = 0
    while at < len(blob):
        (size,) = struct.unpack(">I", blob[at : at + 4])
        value = blob[at + 4 : at + 4 + size]
        if len(value) != size:
            raise _BadSignature
        yield value
        at += 4 + size
