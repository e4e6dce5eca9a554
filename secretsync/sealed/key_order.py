"""Which key to try first: every wrong one costs a whole private-key operation.

A sealed value does not say which key it is for. What helps is the note that `seal`
leaves on an object, and which key opened the last one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from sealing import PrivateKey
from secretsync.resources.sealed_secret import SealedSecret

__all__ = ["SEALED_WITH_ANNOTATION", "KeyOrder"]

#: Fingerprint of the certificate that sealed, where one of our subcommands did.
SEALED_WITH_ANNOTATION = "secretsync.io/sealed-with"


class KeyOrder:
    """The keys of one run, the likeliest first; any number of threads may ask.

    Args:
        keys: newest first.
    """

    def __init__(self, keys: Sequence[PrivateKey]) -> None:
        self._lock = threading.Lock()
        self._keys = list(keys)
        self._by_fingerprint = {key.fingerprint: key for key in keys}

    def __bool__(self) -> bool:
        return bool(self._keys)

    def opened(self, key: PrivateKey) -> None:
        """Note that a key opened a value."""
        if self._keys[0] is key:
            return
        with self._lock:
            rest = [other for other in self._keys if other is not key]
            self._keys = [key, *rest]

    def keys_for(self, sealed: SealedSecret) -> list[PrivateKey]:
        """Return every key, in the order to try them on this object."""
        noted = self._by_fingerprint.get(sealed.meta.annotations.get(SEALED_WITH_ANNOTATION, ""))
        keys = self._keys
        if noted is None:
            return list(keys)
        return [noted, *(key for key in keys if key is not noted)]
