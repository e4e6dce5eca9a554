"""The functions that External Secrets Operator gives templates beside sprig's.

Those that read keys and certificates load a library of cryptography, each when it is first
called: a template with `toYaml` in it needs none. gotpl checks arguments against the
annotations here.

Neighbours: `templates.calls` registers them, `templates.yaml`, `templates.pem`,
`templates.certs`, `templates.jwk` and `templates.pkcs12` do the work.

Source: External Secrets Operator 2.9, template engine v2 (names, arguments, results).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping

from secretsync.core.templates.bytes import from_bytes, to_bytes
from secretsync.core.templates.yaml import from_yaml, to_yaml

__all__ = ["eso_functions"]

_NOT_HEX = re.compile("[^0-9A-Fa-f]")


def eso_functions(
    bcrypt: Callable[..., object],
) -> dict[str, Callable[..., object]]:
    """Return the functions by name.

    Args:
        bcrypt: hashes a password, as sprig's `bcrypt` does.
    """
    return {**_FUNCTIONS, "htpasswd": _htpasswd(bcrypt)}


def _htpasswd(bcrypt: Callable[..., object]) -> Callable[..., object]:
    def call(username: str, password: str, algorithm: str) -> str:
        if ":" in username:
            return f"invalid username: {username}"
        if algorithm == "sha":
            digest = hashlib.sha1(to_bytes(password), usedforsecurity=False).digest()
            return f"{username}:{{SHA}}{base64.b64encode(digest).decode()}"
        return f"{username}:{bcrypt(password)}"

    return call


def _hexdec(value: str) -> str:
    """Decode; Go's error is the result, as with sprig's decoders."""
    wrong = _NOT_HEX.search(value)
    if wrong is None and len(value) % 2 == 0:
        return from_bytes(bytes.fromhex(value))
    if wrong is None:
        return "encoding/hex: odd length hex string"
    # Go reads bytes; the first of a character is named as if it were one itself.
    first = chr(to_bytes(wrong[0])[0])
    shown = f" '{first}'" if first.isprintable() else ""
    return f"encoding/hex: invalid byte: U+{ord(first):04X}{shown}"


def _cert_sans(certificate: str) -> list[str]:
    from secretsync.core.templates.certs import cert_sans  # noqa: PLC0415 - loads cryptography

    return cert_sans(certificate)


def _filter_cert_chain(kind: str, certificates: str) -> str:
    from secretsync.core.templates.certs import filter_cert_chain  # noqa: PLC0415 - as above

    return filter_cert_chain(kind, certificates)


def _filter_pem(kind: str, text: str) -> str:
    from secretsync.core.templates.pem import filter_pem  # noqa: PLC0415 - most need no PEM

    return filter_pem(kind, text)


def _rsa_decrypt(scheme: str, digest: str, ciphertext: str, key: str) -> str:
    from secretsync.core.templates.certs import rsa_decrypt  # noqa: PLC0415 - as above

    return rsa_decrypt(scheme, digest, ciphertext, key)


def _jwk_public_key_pem(jwk: str) -> str:
    from secretsync.core.templates.jwk import jwk_public_key_pem  # noqa: PLC0415 - as above

    return jwk_public_key_pem(jwk)


def _jwk_private_key_pem(jwk: str) -> str:
    from secretsync.core.templates.jwk import jwk_private_key_pem  # noqa: PLC0415 - as above

    return jwk_private_key_pem(jwk)


def _pem_to_pkcs12(certificate: str, key: str) -> str:
    return _pem_to_pkcs12_pass(certificate, key, "")


def _pem_to_pkcs12_pass(certificate: str, key: str, password: str) -> str:
    from secretsync.core.templates.keystores import keystore  # noqa: PLC0415 - as above

    return keystore(certificate, key, password, chain=False)


def _full_pem_to_pkcs12(certificates: str, key: str) -> str:
    return _full_pem_to_pkcs12_pass(certificates, key, "")


def _full_pem_to_pkcs12_pass(certificates: str, key: str, password: str) -> str:
    from secretsync.core.templates.keystores import keystore  # noqa: PLC0415 - as above

    return keystore(certificates, key, password, chain=True)


def _truststore(certificates: str) -> str:
    return _truststore_pass(certificates, "")


def _truststore_pass(certificates: str, password: str) -> str:
    from secretsync.core.templates.keystores import truststore  # noqa: PLC0415 - as above

    return truststore(certificates, password)


def _pkcs12_cert(pkcs12: str) -> str:
    return _pkcs12_cert_pass("", pkcs12)


def _pkcs12_cert_pass(password: str, pkcs12: str) -> str:
    from secretsync.core.templates.keystores import certificates_of  # noqa: PLC0415 - as above

    return certificates_of(pkcs12, password)


def _pkcs12_key(pkcs12: str) -> str:
    return _pkcs12_key_pass("", pkcs12)


def _pkcs12_key_pass(password: str, pkcs12: str) -> str:
    from secretsync.core.templates.keystores import key_of  # noqa: PLC0415 - as above

    return key_of(pkcs12, password)


_FUNCTIONS: Mapping[str, Callable[..., object]] = {
    "certSANs": _cert_sans,
    "filterCertChain": _filter_cert_chain,
    "filterPEM": _filter_pem,
    "fromYaml": from_yaml,
    "fullPemToPkcs12": _full_pem_to_pkcs12,
    "fullPemToPkcs12Pass": _full_pem_to_pkcs12_pass,
    "hexdec": _hexdec,
    "jwkPrivateKeyPem": _jwk_private_key_pem,
    "jwkPublicKeyPem": _jwk_public_key_pem,
    "pemToPkcs12": _pem_to_pkcs12,
    "pemToPkcs12Pass": _pem_to_pkcs12_pass,
    "pemTruststoreToPKCS12": _truststore,
    "pemTruststoreToPKCS12Pass": _truststore_pass,
    "pkcs12cert": _pkcs12_cert,
    "pkcs12certPass": _pkcs12_cert_pass,
    "pkcs12key": _pkcs12_key,
    "pkcs12keyPass": _pkcs12_key_pass,
    "rsaDecrypt": _rsa_decrypt,
    "toYaml": to_yaml,
}
