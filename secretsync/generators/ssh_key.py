"""SSHKey: a new key pair in OpenSSH's formats.

Source: `generators.external-secrets.io/v1alpha1` SSHKey (ESO 2.9).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from providers import defaults
from providers.base import CallObserver, Credentials, InvalidRef
from providers.spec import wire
from secretsync.generators.chance import Entropy

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey

__all__ = ["CONFIG", "SSHKeySpec", "audiences", "generate"]

_RSA_BITS = (2048, 8192)
_CURVE_BITS = (256, 384, 521)


@dataclass(frozen=True, slots=True)
class SSHKeySpec:
    """`spec`.

    Args:
        key_size: bits; None: 2048 for rsa, 256 for ecdsa. An ed25519 key has one size.
        comment: put behind the public key.
    """

    key_type: str = field(default="rsa", metadata=wire(choices=("rsa", "ecdsa", "ed25519")))
    key_size: int | None = field(default=None, metadata=wire(minimum=256, maximum=8192))
    comment: str = ""


CONFIG = SSHKeySpec
audiences = defaults.no_audiences


def generate(
    config: SSHKeySpec,
    credentials: Credentials,
    *,
    observe: CallObserver,
    entropy: Entropy,
    now: datetime,
) -> dict[str, bytes]:
    """Make a key pair; see `registry.GeneratorModule`. OpenSSL brings its own randomness.

    Raises:
        InvalidRef: the type has no key of that size, or the comment is not one line.
    """
    if not config.comment.isprintable():
        raise InvalidRef("spec.comment is not one line of text", remedy="remove line breaks")
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - heavy

    key = _key(config)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    if config.comment:
        public += b" " + config.comment.encode()
    return {"privateKey": private, "publicKey": public}


def _key(config: SSHKeySpec) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415 - heavy

    if config.key_type == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if config.key_type == "ecdsa":
        bits = config.key_size or _CURVE_BITS[0]
        curves = dict(
            zip(_CURVE_BITS, (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()), strict=True)
        )
        if bits not in curves:
            raise InvalidRef(
                f"spec.keySize: there is no ecdsa key of {bits} bits",
                remedy=f"use one of {', '.join(map(str, _CURVE_BITS))}",
            )
        return ec.generate_private_key(curves[bits])
    bits = config.key_size or _RSA_BITS[0]
    if not _RSA_BITS[0] <= bits <= _RSA_BITS[1]:
        raise InvalidRef(
            f"spec.keySize: an rsa key of {bits} bits is not made here",
            remedy=f"use {_RSA_BITS[0]} to {_RSA_BITS[1]}",
        )
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)
