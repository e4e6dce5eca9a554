"""The authority of one test run, and the certificate of its servers on loopback."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from tests.support.kube_certs import CertificateAuthority

__all__ = ["authority", "roots_file", "server_certificate"]


@functools.cache
def authority() -> CertificateAuthority:
    return CertificateAuthority()


@functools.cache
def server_certificate() -> tuple[bytes, bytes]:
    """Return (certificate, key) in PEM for 127.0.0.1."""
    return authority().issue_server(["127.0.0.1", "localhost"])


@functools.cache
def _folder() -> Path:
    folder = tempfile.mkdtemp(prefix="gcp-roots-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def roots_file() -> str:
    """Return a file with the authority's certificate."""
    path = _folder() / "roots.pem"
    if not path.exists():
        path.write_bytes(authority().pem)
    return str(path)
