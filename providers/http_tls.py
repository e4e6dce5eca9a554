"""TLS of outgoing requests: whom to trust, and what to show.

Neighbours: `http` makes its pools with this; the sockets are those of `http_sockets`.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

from providers.base import InvalidRef, SecretBytes
from providers.http_sockets import TlsSocket

__all__ = ["ClientCertificate", "client_context"]


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate chain and its private key, both PEM."""

    chain_pem: bytes
    key_pem: SecretBytes


def client_context(ca_pem: bytes | None, shown: ClientCertificate | None) -> ssl.SSLContext:
    """Return a context that verifies servers and their names.

    Args:
        ca_pem: certificates of the one authority to trust; None is the system's.
        shown: to servers that ask for a certificate.

    Raises:
        InvalidRef: one of them cannot be used.
    """
    problem = ""
    try:
        context = ssl.create_default_context(cadata=None if ca_pem is None else ca_pem.decode())
        # An empty text would mean the system's authorities.
        if ca_pem is not None and not context.cert_store_stats()["x509"]:
            problem = "no certificate"
    except (ssl.SSLError, ValueError):
        problem = "no certificate"
    if problem or (ca_pem is not None and b"-----BEGIN CERTIFICATE-----" not in ca_pem):
        raise InvalidRef(
            "the certificates of the server's authority are not PEM",
            remedy="store PEM certificates, as -----BEGIN CERTIFICATE----- begins them",
        )
    context.sslsocket_class = TlsSocket
    if shown is not None:
        _show(context, shown)
    return context


def _show(context: ssl.SSLContext, shown: ClientCertificate) -> None:
    """Load a client certificate from memory: OpenSSL's binding takes only names of files."""
    fits = False
    with contextlib.suppress(ssl.SSLError, OSError, ValueError):
        with _private_file(shown.chain_pem.rstrip() + b"\n" + shown.key_pem.reveal()) as path:
            # Without a passphrase OpenSSL would ask for one at the terminal.
            context.load_cert_chain(path, password=lambda: b"")
        fits = True
    if not fits:
        raise InvalidRef(
            "the client certificate and its key do not fit, or are not PEM",
            remedy="store PEM, the key without a passphrase",
        )


@contextlib.contextmanager
def _private_file(content: bytes) -> Iterator[str]:
    """Offer bytes as a file; in memory where the system can, else 0600 and gone at once."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor has no path
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{descriptor}"
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        yield file.name
