"""JSON Web Keys of RFC 7517 → PEM: `jwkPublicKeyPem` and `jwkPrivateKeyPem`.

Neighbours: `templates.certs` says which keys are taken; `templates.pem` writes PEM.

Source: RFC 7518 (EC, RSA), RFC 8037 (OKP).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from secretsync.core.templates.errors import FunctionProblem
from secretsync.core.templates.pem import encode

__all__ = ["jwk_private_key_pem", "jwk_public_key_pem", "pkcs8"]

_CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
#: Of an RSA key of 8192 bits.
_MAX_PART_CHARS = 1400


def jwk_public_key_pem(jwk: str) -> str:
    """Return a public key as `PUBLIC KEY`.

    Raises:
        FunctionProblem: it is no public key.
    """
    fields = _fields(jwk, private=False)
    kind = fields.get("kty")
    key: PublicKeyTypes
    if kind == "RSA":
        key = _rsa_numbers(fields).public_key()
    elif kind == "EC":
        key = _ec_numbers(fields).public_key()
    else:
        key = _okp(fields)[1].from_public_bytes(_bytes(fields, "x"))
    spki = PublicFormat.SubjectPublicKeyInfo
    return encode("PUBLIC KEY", key.public_bytes(Encoding.DER, spki))


def jwk_private_key_pem(jwk: str) -> str:
    """Return a private key as `PRIVATE KEY`.

    Raises:
        FunctionProblem: it is no private key.
    """
    fields = _fields(jwk, private=True)
    kind = fields.get("kty")
    key: PrivateKeyTypes
    if kind == "RSA":
        key = _rsa_private(fields)
    elif kind == "EC":
        scalar, public = _int(fields, "d"), _ec_numbers(fields)
        key = ec.EllipticCurvePrivateNumbers(scalar, public).private_key()
    else:
        key = _okp(fields)[0].from_private_bytes(_bytes(fields, "d"))
    return encode("PRIVATE KEY", pkcs8(key))


def pkcs8(key: PrivateKeyTypes) -> bytes:
    """Return a private key as PKCS #8, not encrypted."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _fields(text: str, *, private: bool) -> Mapping[str, Any]:
    try:
        jwk = json.loads(text)
    except ValueError:
        raise FunctionProblem("the key is not JSON") from None
    if not isinstance(jwk, dict) or ("d" in jwk) is not private:
        raise FunctionProblem(f"the key is no {'private' if private else 'public'} key")
    return jwk


def _rsa_numbers(jwk: Mapping[str, Any]) -> rsa.RSAPublicNumbers:
    return rsa.RSAPublicNumbers(_int(jwk, "e"), _int(jwk, "n"))


def _rsa_private(jwk: Mapping[str, Any]) -> rsa.RSAPrivateKey:
    d, p, q = (_int(jwk, name) for name in ("d", "p", "q"))
    numbers = rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=rsa.rsa_crt_dmp1(d, p),
        dmq1=rsa.rsa_crt_dmq1(d, q),
        iqmp=rsa.rsa_crt_iqmp(p, q),
        public_numbers=_rsa_numbers(jwk),
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def _ec_numbers(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicNumbers:
    curve = _CURVES.get(str(jwk.get("crv")))
    if curve is None:
        raise FunctionProblem("the curve of the key is not supported")
    return ec.EllipticCurvePublicNumbers(_int(jwk, "x"), _int(jwk, "y"), curve)


def _okp(
    jwk: Mapping[str, Any],
) -> tuple[
    type[ed25519.Ed25519PrivateKey | x25519.X25519PrivateKey],
    type[ed25519.Ed25519PublicKey | x25519.X25519PublicKey],
]:
    if jwk.get("kty") != "OKP":
        raise FunctionProblem("the type of the key is not supported")
    if jwk.get("crv") == "Ed25519":
        return ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey
    if jwk.get("crv") == "X25519":
        return x25519.X25519PrivateKey, x25519.X25519PublicKey
    raise FunctionProblem("the curve of the key is not supported")


def _int(jwk: Mapping[str, Any], name: str) -> int:
    return int.from_bytes(_bytes(jwk, name), "big")


def _bytes(jwk: Mapping[str, Any], name: str) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str) or not value:
        raise FunctionProblem("a part of the key is missing")
    if len(value) > _MAX_PART_CHARS:
        raise FunctionProblem("a part of the key is too large")
    try:
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except binascii.Error:
        raise FunctionProblem("a part of the key is not base64") from None
