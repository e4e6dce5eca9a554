"""The values that templates of ExternalSecrets are tried on: texts, and keys made once."""

from __future__ import annotations

import base64
import datetime as dt
import functools
import ipaddress
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from tests.core.template_cases import DATA

__all__ = ["data", "keystore", "text_data"]

Key = ec.EllipticCurvePrivateKey


def text_data() -> dict[str, bytes]:
    """Return the values that are no keys."""
    yaml = b"a: 1\nb1: [x, {y: 'true'}]\nc: {d: null, e: 1.5e3}\nyes: no\n1: int\nt: |\n  x\n  y\n"
    return {
        **DATA,
        "yaml": yaml,
        "hex": b"68656c6c6f",
        "name": b'{"first":"Ada","last":"Lovelace"}',
        "registryName": b"Reg",
        "registryHost": b"example.org",
        "username": b"bob",
        "dburl": b"postgres://u:p@db/x",
        "proxy_endpoint": b"https://1.dkr.example.org",
        "best-pokemon-src": b"https://pokemon.example",
        "uri": b"oci://charts/x",
        "secret": b"eyJmb28iOiAiYmFyIn0=",
        "object": b'{"foo": {"a": [1, 2]}}',
        "token": b"tok",
    }


@functools.cache
def data() -> dict[str, bytes]:
    """Return all values; the keys are new in each process and the same within one."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    root = _certificate("root", "root", keys[0], keys[0])
    upper = _certificate("intermediate", "root", keys[1], keys[0])
    leaf = _certificate("leaf", "intermediate", keys[2], keys[1], names=_names())
    bare = _certificate("bare", "bare", keys[0], keys[0], identified=False)
    texts = {
        "chain": _pem(leaf, upper, root),
        "reversed": _pem(root, upper, leaf),
        "leaf": _pem(leaf),
        "root": _pem(root),
        "two": _pem(leaf, bare),
        "bare": _pem(bare),
        "mixed": _key_pem(keys[2]) + "junk\n" + _pem(leaf) + "tail",
        "inline": "before " + _pem(leaf),
        "windows": _pem(leaf).replace("\n", "\r\n"),
        "spaced": _pem(leaf) + "\n\n",
        "headers": "-----BEGIN X-----\nB: c\nProc-Type: 4,ENCRYPTED\n\naGk=\n-----END X-----\n",
        "broken": "-----BEGIN X-----\naGk\n-----END X-----\n" + _pem(leaf),
        "key": _key_pem(keys[2]),
        "sec1": _key_pem(keys[0], PrivateFormat.TraditionalOpenSSL),
    }
    found = text_data() | {name: text.encode() for name, text in texts.items()}
    return found | _rsa_data() | _jwk_data(keys[0]) | _keystores(keys[2], leaf, [upper, root])


def keystore(*, rounds: int) -> bytes:
    """Return a file whose password is hashed that often."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(rounds)
    algorithm = pkcs12.PBES.PBESv2SHA256AndAES256CBC
    encryption = builder.key_cert_algorithm(algorithm).hmac_hash(hashes.SHA256()).build(b"pw")
    leaf = _certificate("a", "a", key, key)
    return pkcs12.serialize_key_and_certificates(b"n", key, leaf, None, encryption)


def _names() -> list[x509.GeneralName]:
    return [
        x509.DNSName("a.example"),
        x509.DNSName("*.b.example"),
        x509.IPAddress(ipaddress.ip_address("10.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
        x509.RFC822Name("x@y.example"),
        x509.UniformResourceIdentifier("spiffe://a/b"),
    ]


def _certificate(
    name: str,
    issuer: str,
    key: Key,
    issuer_key: Key,
    *,
    names: Sequence[x509.GeneralName] = (),
    identified: bool = True,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(len(name))
        .not_valid_before(dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2044, 1, 1, tzinfo=dt.UTC))
    )
    if identified:
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
        builder = builder.add_extension(own, False).add_extension(above, False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(*certificates: x509.Certificate) -> str:
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in certificates)


def _key_pem(key: Key | rsa.RSAPrivateKey, form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def _rsa_data() -> dict[str, bytes]:
    key = rsa.generate_private_key(65537, 2048)
    found = {
        "rsa": _key_pem(key).encode(),
        "pkcs1": _key_pem(key, PrivateFormat.TraditionalOpenSSL).encode(),
        "rsajwk": json.dumps(_rsa_jwk(key)).encode(),
    }
    public = {name: _rsa_jwk(key)[name] for name in ("kty", "n", "e")}
    found["rsapublicjwk"] = json.dumps(public).encode()
    sha1 = hashes.SHA1()  # noqa: S303 - one of the three that can be named
    for name, digest in (("1", sha1), ("256", hashes.SHA256()), ("512", hashes.SHA512())):
        oaep = padding.OAEP(padding.MGF1(digest), digest, None)
        found[f"sealed{name}"] = key.public_key().encrypt(b"secret\xff", oaep)
    found["sealed_b64"] = base64.b64encode(found["sealed1"])
    return found


def _rsa_jwk(key: rsa.RSAPrivateKey) -> dict[str, str]:
    numbers = key.private_numbers()
    parts = {
        "n": numbers.public_numbers.n,
        "e": numbers.public_numbers.e,
        "d": numbers.d,
        "p": numbers.p,
        "q": numbers.q,
        "dp": numbers.dmp1,
        "dq": numbers.dmq1,
        "qi": numbers.iqmp,
    }
    return {"kty": "RSA", **{name: _url(_octets(value)) for name, value in parts.items()}}


def _jwk_data(key: Key) -> dict[str, bytes]:
    numbers = key.private_numbers()
    curve: dict[str, Any] = {
        "kty": "EC",
        "crv": "P-256",
        "x": _url(_octets(numbers.public_numbers.x, 32)),
        "y": _url(_octets(numbers.public_numbers.y, 32)),
    }
    edwards = ed25519.Ed25519PrivateKey.generate()
    okp = {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": _url(edwards.public_key().public_bytes_raw()),
    }
    keys = {
        "ecpublicjwk": curve,
        "ecjwk": {**curve, "d": _url(_octets(numbers.private_value, 32))},
        "okppublicjwk": okp,
        "okpjwk": {**okp, "d": _url(edwards.private_bytes_raw())},
        "octjwk": {"kty": "oct", "k": "aGk"},
        "badjwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
    }
    return {name: json.dumps(jwk).encode() for name, jwk in keys.items()}


def _keystores(
    key: Key, leaf: x509.Certificate, others: list[x509.Certificate]
) -> dict[str, bytes]:
    """PKCS #12 in old and new ciphers; the password is pw."""
    builder = PrivateFormat.PKCS12.encryption_builder
    sha1 = hashes.SHA1()  # noqa: S303 - as old files have it
    kinds = {
        "modern": (pkcs12.PBES.PBESv2SHA256AndAES256CBC, hashes.SHA256()),
        "triple": (pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC, sha1),
    }
    found = {}
    for name, (algorithm, digest) in kinds.items():
        encryption = builder().key_cert_algorithm(algorithm).hmac_hash(digest).build(b"pw")
        found[name] = pkcs12.serialize_key_and_certificates(b"n", key, leaf, others, encryption)
    open_one = pkcs12.serialize_key_and_certificates(b"n", key, leaf, others, NoEncryption())
    # By `openssl pkcs12 -export -legacy`: its certificate is under RC2 with 40 bits.
    legacy = Path(__file__).with_name("legacy.p12").read_bytes()
    return found | {"legacy": legacy, "open": open_one, "tls": base64.b64encode(open_one)}


def _octets(value: int, size: int = 0) -> bytes:
    return value.to_bytes(size or (value.bit_length() + 7) // 8, "big")


def _url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
