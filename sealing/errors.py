"""The errors of sealing; the class says what the caller must do.

    SealingError
    ├─ UnsealFailed           no key opens the value: one class, one text, whatever the cause
    ├─ MalformedValue         not a sealed value at all: not text, not base64
    │  └─ MalformedEnvelope   too short to hold what its length field says
    ├─ ItemsFailed            some items of a manifest do not open; each with its own error
    ├─ InvalidManifest        the manifest must change first
    │  └─ TemplateFailed      a template in it cannot be rendered
    ├─ InvalidCertificate     the certificate cannot be read
    │  └─ CertificateExpired  a newer certificate is needed to seal
    ├─ InvalidKey             the private key cannot be read
    ├─ UnsupportedKey         a key of another kind than RSA, or a short one
    └─ NoSealingKey           the key ring has nothing to seal with

Mistakes of the calling program are ValueError and TypeError. No message holds
plaintext or key material.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

__all__ = [
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
]


def _printable(text: str) -> str:
    """The text on one line: names in a manifest may steer a terminal, or fake a line."""
    shown = (
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
    return "".join(shown)


class SealingError(Exception):
    """Root of the errors that sealing raises."""


class UnsealFailed(SealingError):
    """No key opens the value: wrong key, wrong label, cut or altered look the same.

    Args:
        tried: fingerprints of the keys that were tried, sorted.
    """

    def __init__(self, tried: Iterable[str] = ()) -> None:
        super().__init__("no key could decrypt secret")
        self.tried = tuple(sorted(tried))


class MalformedValue(SealingError):
    """The text is not base64, so it never was a sealed value."""


class MalformedEnvelope(MalformedValue):
    """The bytes are too few for a wrapped key and an authentication tag."""


class ItemsFailed(SealingError):
    """Some items of a manifest do not open, so that none of it is used.

    The text groups the items by cause, in a stable order.

    Args:
        errors: item key → why.
    """

    def __init__(self, errors: Mapping[str, SealingError]) -> None:
        self.errors: Mapping[str, SealingError] = MappingProxyType(dict(errors))
        groups: dict[str, list[str]] = {}
        for key in sorted(errors):
            groups.setdefault(str(errors[key]), []).append(_printable(key))
        lines = (f"{cause} ({', '.join(keys)})" for cause, keys in groups.items())
        super().__init__("\n".join(lines))


class InvalidManifest(SealingError):
    """The manifest cannot be sealed or unsealed as it stands.

    Args:
        message: what is wrong; never carries a value.
        field: path of the field, e.g. `spec.template.data.k`; may be empty.
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(_printable(f"{field}: {message}" if field else message))
        self.message = message
        self.field = field


class TemplateFailed(InvalidManifest):
    """A template of the manifest cannot be rendered.

    What a renderer raises must not carry arguments of template functions: a
    `fail .password` would print the plaintext.
    """


class InvalidCertificate(SealingError):
    """The certificate cannot be read."""


class CertificateExpired(InvalidCertificate):
    """The certificate's time is over: the controller has newer keys by now."""


class InvalidKey(SealingError):
    """The private key cannot be read."""


class UnsupportedKey(SealingError):
    """The key is not RSA, or too short to protect anything."""


class NoSealingKey(SealingError):
    """The key ring has no key that may seal."""
