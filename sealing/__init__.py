"""Sealed Secrets as a library: seal and open values and manifests, keep keys.

    from sealing import parse_certificate, seal_value

Works alone: it needs the cryptography package and nothing else, and does no I/O.
Files, clusters, YAML and clocks are the caller's. Names load on first use, so that
importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sealing.certificates import (
        CERTIFICATE_TTL,
        Certificate,
        make_certificate,
        parse_certificate,
        require_valid,
    )
    from sealing.envelope import seal_value, seal_with, unseal_value, unseal_with
    from sealing.errors import (
        CertificateExpired,
        InvalidCertificate,
        InvalidKey,
        InvalidManifest,
        ItemsFailed,
        MalformedEnvelope,
        MalformedValue,
        NoSealingKey,
        SealingError,
        TemplateFailed,
        UnsealFailed,
        UnsupportedKey,
    )
    from sealing.keyring import (
        BrokenKey,
        InactiveKey,
        KeyOrder,
        KeyRing,
        RingKey,
        key_secret,
        load_key_ring,
    )
    from sealing.keys import PrivateKey, generate_private_key, parse_private_key
    from sealing.manifest_seal import seal_secret
    from sealing.manifest_unseal import Render, check_unseal, unseal_manifest
    from sealing.renewal import RENEW_PERIOD, Renewal, plan_renewal
    from sealing.reseal import reseal_manifest, reseal_value
    from sealing.scopes import Scope, encryption_label, parse_scope, scope_of

__all__ = [
    "CERTIFICATE_TTL",
    "RENEW_PERIOD",
    "BrokenKey",
    "Certificate",
    "CertificateExpired",
    "InactiveKey",
    "InvalidCertificate",
    "InvalidKey",
    "InvalidManifest",
    "ItemsFailed",
    "KeyOrder",
    "KeyRing",
    "MalformedEnvelope",
    "MalformedValue",
    "NoSealingKey",
    "PrivateKey",
    "Render",
    "Renewal",
    "RingKey",
    "Scope",
    "SealingError",
    "TemplateFailed",
    "UnsealFailed",
    "UnsupportedKey",
    "check_unseal",
    "encryption_label",
    "generate_private_key",
    "key_secret",
    "load_key_ring",
    "make_certificate",
    "parse_certificate",
    "parse_private_key",
    "parse_scope",
    "plan_renewal",
    "require_valid",
    "reseal_manifest",
    "reseal_value",
    "scope_of",
    "seal_secret",
    "seal_value",
    "seal_with",
    "unseal_manifest",
    "unseal_value",
    "unseal_with",
]

#: Module → the public names it gives.
_NAMES = {
    "sealing.certificates": (
        "CERTIFICATE_TTL",
        "Certificate",
        "make_certificate",
        "parse_certificate",
        "require_valid",
    ),
    "sealing.envelope": (
        "seal_value",
        "seal_with",
        "unseal_value",
        "unseal_with",
    ),
    "sealing.errors": (
        "CertificateExpired",
        "InvalidCertificate",
        "InvalidKey",
        "InvalidManifest",
        "ItemsFailed",
        "MalformedEnvelope",
        "MalformedValue",
        "NoSealingKey",
        "SealingError",
        "TemplateFailed",
        "UnsealFailed",
        "UnsupportedKey",
    ),
    "sealing.keyring": (
        "BrokenKey",
        "InactiveKey",
        "KeyOrder",
        "KeyRing",
        "RingKey",
        "key_secret",
        "load_key_ring",
    ),
    "sealing.keys": (
        "PrivateKey",
        "generate_private_key",
        "parse_private_key",
    ),
    "sealing.manifest_seal": ("seal_secret",),
    "sealing.manifest_unseal": (
        "Render",
        "check_unseal",
        "unseal_manifest",
    ),
    "sealing.renewal": (
        "RENEW_PERIOD",
        "Renewal",
        "plan_renewal",
    ),
    "sealing.reseal": (
        "reseal_manifest",
        "reseal_value",
    ),
    "sealing.scopes": (
        "Scope",
        "encryption_label",
        "parse_scope",
        "scope_of",
    ),
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Load a public name from its module on first use."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
