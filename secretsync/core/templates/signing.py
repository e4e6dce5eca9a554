"""The functions of sprig that sign certificates, or only read a key, that a template gives.

gotpl asks of each RSA key whether its primes are primes: 0.3 s for 4096 bits, 4 s for 8192,
and no other thread of the process runs meanwhile. Go does not ask, and so neither do these:
the parts of a key must fit together, as Go wants it, which takes microseconds.

Neighbours: `templates.calls` registers them; `templates.certs` reads and makes keys, and loads when
one of them is first called.
Source: sprig 3, `crypto.go`; Go's crypto/rsa, `PrivateKey.Validate`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence

from gotpl.funcs.sprig.crypto import Certificate, _make_certificate, _x509_backend

__all__ = ["SIGNING_FUNCTIONS"]


def _ca_with_key(common_name: str, days_valid: int, private_key: str) -> Certificate:
    return _signed(common_name, (), (), days_valid, _key(private_key), is_ca=True)


def _self_signed_with_key(
    common_name: str,
    ips: Sequence[object],
    dns_names: Sequence[object],
    days_valid: int,
    private_key: str,
) -> Certificate:
    return _signed(common_name, ips, dns_names, days_valid, _key(private_key))


def _signed_by(
    common_name: str,
    ips: Sequence[object],
    dns_names: Sequence[object],
    days_valid: int,
    ca: Certificate,
) -> Certificate:
    from secretsync.core.templates.certs import new_key  # noqa: PLC0415 - loads cryptography

    return _signed(common_name, ips, dns_names, days_valid, new_key(), ca=ca)


def _signed_by_with_key(
    common_name: str,
    ips: Sequence[object],
    dns_names: Sequence[object],
    days_valid: int,
    ca: Certificate,
    private_key: str,
) -> Certificate:
    return _signed(common_name, ips, dns_names, days_valid, _key(private_key), ca=ca)


def _custom(b64cert: str, b64key: str) -> Certificate:
    certificate, key = (base64.b64decode(text, validate=True) for text in (b64cert, b64key))
    _x509_backend()["x509"].load_pem_x509_certificate(certificate)
    _key(key.decode())
    return Certificate(certificate.decode(), key.decode())


def _signed(
    common_name: str,
    ips: Sequence[object],
    dns_names: Sequence[object],
    days_valid: int,
    key: object,
    *,
    ca: Certificate | None = None,
    is_ca: bool = False,
) -> Certificate:
    api = _x509_backend()
    # gotpl reads the key of the authority by this, and nothing else.
    api["serialization"] = _Serialization(api["serialization"])
    return _make_certificate(common_name, ips, dns_names, days_valid, key, ca, is_ca, None, api)


class _Serialization:
    """cryptography's module of that name, but for how it reads a key."""

    def __init__(self, module: object) -> None:
        self._module = module

    def __getattr__(self, name: str) -> object:
        return getattr(self._module, name)

    @staticmethod
    def load_pem_private_key(pem: bytes, **_options: None) -> object:
        """Read a key that is not encrypted."""
        return _key(pem.decode())


def _key(pem: str) -> object:
    from secretsync.core.templates.certs import signing_key  # noqa: PLC0415 - loads cryptography

    return signing_key(pem)


#: Name → the function to use instead of gotpl's.
SIGNING_FUNCTIONS: Mapping[str, Callable[..., object]] = {
    "buildCustomCert": _custom,
    "genCAWithKey": _ca_with_key,
    "genSelfSignedCertWithKey": _self_signed_with_key,
    "genSignedCert": _signed_by,
    "genSignedCertWithKey": _signed_by_with_key,
}
