"""PKCS #12 in templates: keystores from PEM, and keys and certificates out of keystores.

Neighbours: `templates.pkcs12` opens and makes files, `templates.certs` reads certificates
and keys, `templates.eso` offers the functions.

Source: External Secrets Operator 2.9, template engine v2 (what each function gives).
"""

from __future__ import annotations

import base64

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from secretsync.core.templates.bytes import to_bytes
from secretsync.core.templates.certs import chain, pem_of, private_key
from secretsync.core.templates.errors import FunctionProblem
from secretsync.core.templates.limits import CURRENT
from secretsync.core.templates.pem import block_of, encode, first_block
from secretsync.core.templates.pkcs12 import Opened, made, opened

__all__ = ["certificates_of", "key_of", "keystore", "truststore"]


def keystore(certificates: str, key: str, password: str, *, chain: bool) -> str:
    """Make a keystore; in base64.

    Args:
        certificates: in PEM; the first one belongs to the key.
        key: in PEM.
        password: may be empty.
        chain: take the other certificates as well.

    Raises:
        FunctionProblem: a part is missing.
        ValueError: a part cannot be read.
    """
    block, rest = first_block(certificates)
    found = [x509.load_der_x509_certificate(block.data)]
    if chain:
        found += _all_certificates(rest)
    private = private_key(first_block(key)[0].data)
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return base64.b64encode(made(_ders(found), password, key=der)).decode()


def truststore(certificates: str, password: str) -> str:
    """Make a keystore of certificates that are trusted; in base64.

    Raises:
        FunctionProblem: a part is missing.
        ValueError: a part cannot be read.
    """
    found = _all_certificates(to_bytes(certificates))
    if not found:
        raise FunctionProblem("there is no certificate to trust")
    names = [each.subject.rfc4514_string() for each in found]
    return base64.b64encode(made(_ders(found), password, names=names)).decode()


def certificates_of(pkcs12: str, password: str) -> str:
    """Return the certificates of a keystore in PEM, the leaf first where that can be told.

    Raises:
        FunctionProblem: it does not open, or lacks a key or a certificate.
    """
    found = [x509.load_der_x509_certificate(each) for each in _whole(pkcs12, password).certificates]
    try:
        return pem_of(chain(found))
    except FunctionProblem:
        return pem_of(found)


def key_of(pkcs12: str, password: str) -> str:
    """Return the private key of a keystore in PEM.

    Raises:
        FunctionProblem: it does not open, or lacks a key or a certificate.
    """
    key = private_key(_whole(pkcs12, password).keys[0])
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return encode("PRIVATE KEY", der)


def _whole(pkcs12: str, password: str) -> Opened:
    known = CURRENT.get().opened
    found = known.get((pkcs12, password))
    if not isinstance(found, Opened):
        found = known[pkcs12, password] = opened(to_bytes(pkcs12), password)
    if len(found.keys) != 1 or not found.certificates:
        raise FunctionProblem("the PKCS #12 data does not hold one key and its certificate")
    return found


def _all_certificates(data: bytes) -> list[x509.Certificate]:
    """Read PEM that holds certificates and nothing else."""
    found: list[x509.Certificate] = []
    while data:
        block, data = block_of(data)
        if block is None:
            raise FunctionProblem("found junk instead of a certificate in PEM")
        found.append(x509.load_der_x509_certificate(block.data))
    return found


def _ders(certificates: list[x509.Certificate]) -> list[bytes]:
    return [each.public_bytes(Encoding.DER) for each in certificates]
