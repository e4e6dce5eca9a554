"""PKCS #12 in templates: keystores from PEM, and keys and certificates out of keystores."""

from __future__ import annotations

from secretsync.core.template_errors import FunctionProblem

__all__ = ["certificates_of", "key_of", "keystore", "truststore"]


def keystore(certificates: str, key: str, password: str, *, chain: bool) -> str:
    """Return a keystore."""
    raise FunctionProblem("PKCS #12 is not available")


def truststore(certificates: str, password: str) -> str:
    """Return a truststore."""
    raise FunctionProblem("PKCS #12 is not available")


def certificates_of(pkcs12: str, password: str) -> str:
    """Return the certificates of a keystore."""
    raise FunctionProblem("PKCS #12 is not available")


def key_of(pkcs12: str, password: str) -> str:
    """Return the key of a keystore."""
    raise FunctionProblem("PKCS #12 is not available")
