"""Keyed fingerprints: how a value is shown without being shown.

A bare hash of a password can be guessed. With the install key it cannot, and the
object and key in the message keep equal values at two places from looking equal.
Neighbours: plan output, status, audit and pages print what this returns.
"""

from __future__ import annotations

import hmac
from typing import NoReturn

__all__ = ["FINGERPRINT_DIGITS", "MIN_KEY_BYTES", "Fingerprinter"]

#: 48 bits: enough to see that a value changed, far too few to confirm a guess offline
#: without the key.
FINGERPRINT_DIGITS = 12
#: As long as the digest, which RFC 2104 asks of an HMAC key.
MIN_KEY_BYTES = 32

_LENGTH_BYTES = 8


class Fingerprinter:
    """Makes fingerprints under one install key, which it never shows.

    Args:
        key: the install key, at least 32 bytes.

    Raises:
        ValueError: the key is shorter.
    """

    __slots__ = ("_mac",)

    def __init__(self, key: bytes) -> None:
        if len(key) < MIN_KEY_BYTES:
            raise ValueError(f"an install key has at least {MIN_KEY_BYTES} bytes")
        self._mac = hmac.new(key, digestmod="sha256")

    def fingerprint(self, object_id: str, key: str, value: bytes) -> str:
        """Return 12 hex digits that stand for one value at one place.

        Layout: HMAC-SHA-256 over object_id, key and value, each behind its length as
        8 bytes big-endian, so that no two different triples give the same message.

        Args:
            object_id: identity of the object that holds the value.
            key: the key in that object.
            value: the secret value.
        """
        mac = self._mac.copy()
        for part in (_utf8(object_id), _utf8(key), value):
            mac.update(len(part).to_bytes(_LENGTH_BYTES, "big"))
            mac.update(part)
        return mac.hexdigest()[:FINGERPRINT_DIGITS]

    def __repr__(self) -> str:
        return "Fingerprinter(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Fingerprinter holds the install key and cannot be copied or pickled")


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
