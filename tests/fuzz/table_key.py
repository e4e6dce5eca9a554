"""A private key that looks the answer up: opening at the price of a dictionary.

An RSA operation costs as much as a hundred inputs. What is fuzzed here are the
parsers around it; the real operation is fuzzed on a share of the inputs.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

from sealing import Certificate, seal_with
from sealing.envelope import parse_envelope
from tests.sealing.kit import certificate

__all__ = ["TableKey", "sealed_for_table", "sealing_certificate", "table_key"]


class TableKey:
    """Opens exactly the wrapped keys that were put into it, under their labels."""

    fingerprint = "SHA256:table"
    key_bits = 2048

    def __init__(self) -> None:
        self._key = self
        self.table: dict[tuple[bytes, bytes], bytes] = {}

    def decrypt(self, wrapped_key: bytes, padding: Any) -> bytes:
        """Return the session key.

        Raises:
            ValueError: as of a failed RSA-OAEP decryption.
        """
        try:
            return self.table[wrapped_key, padding._label or b""]
        except KeyError:
            raise ValueError("Decryption failed") from None


@cache
def sealing_certificate() -> Certificate:
    """A certificate that is made once: signing costs as much as thirty inputs."""
    return certificate()


@cache
def table_key() -> TableKey:
    """The one that `sealed_for_table` fills."""
    return TableKey()


@cache
def sealed_for_table(plaintext: bytes, label: bytes) -> bytes:
    """A real envelope whose session key the table knows."""
    # Each its own: parts of two envelopes must not open together.
    session_key = hashlib.sha256(label + b"|" + plaintext).digest()
    sealed = seal_with(plaintext, sealing_certificate().public_key, label, session_key=session_key)
    table_key().table[parse_envelope(sealed).wrapped_key, label] = session_key
    return sealed
