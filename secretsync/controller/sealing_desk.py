"""What kubeseal asks of the service: the certificate, whether it opens, a newer seal.

Neighbours: `ring` gives the keys, `sealing_http` the requests. It is no oracle: no
template runs, every failure of an opening gives one answer after the same work, and a
value leaves with the label it came with.
"""

from __future__ import annotations

import itertools
import json
import logging
import threading
from collections.abc import Callable
from typing import Any, Protocol

from sealing import KeyRing, PrivateKey, SealingError, check_unseal, reseal_manifest
from secretsync.cluster.base import KINDS
from secretsync.controller.bounded_http import Answer
from secretsync.refresh.clock import Clock
from secretsync.resources.documents import load_documents

__all__ = ["RingSource", "SealingDesk"]

log = logging.getLogger(__name__)

#: Requests that open values wait for each other, reading the body included, so that they
#: take one processor at most from the reconciles. Who waits longer than this is asked to
#: come back.
WAIT_AT_MOST_S = 20.0
#: Private-key operations of one request: 100 values under 40 keys, some 15 s with RSA-4096.
#: A megabyte of empty values would otherwise take hours.
MAX_KEY_OPERATIONS = 4096
NO_CERTIFICATE = Answer(500, b"cannot get certificate\n")
UNREADABLE = Answer(500)
FAILED = Answer(500)
DOES_NOT_OPEN = Answer(409)
OPENS = Answer(200)
TOO_MUCH_WORK = Answer(413, b"too many values\n")
BUSY = Answer(503, b"too many requests at once\n", headers={"Retry-After": "1"})


class TooMuchWorkError(Exception):
    """A request has used up its private-key operations."""


class RingSource(Protocol):
    """Who knows the keys."""

    @property
    def ring(self) -> KeyRing:
        """The keys as they are now; every one of them is stored."""
        ...


class SealingDesk:
    """Answers, from the body of a request.

    Args:
        accept_v1_data: the old form, one blob under `spec.data`, counts too.
    """

    def __init__(self, source: RingSource, clock: Clock, *, accept_v1_data: bool = True) -> None:
        self._source = source
        self._clock = clock
        self._accept_v1_data = accept_v1_data
        self._one_at_a_time = threading.BoundedSemaphore(1)

    def certificate(self) -> Answer:
        """Give the certificate that seals now."""
        try:
            key = self._source.ring.sealing_key(self._clock.now())
        except SealingError as exc:
            log.warning("no certificate to give", extra={"cause": str(exc)})
            return NO_CERTIFICATE
        return Answer(200, key.certificate.pem, "application/x-pem-file")

    def verify(self, body: bytes) -> Answer:
        """Say whether a SealedSecret opens: 200, 409, or 500 for what is none."""
        return self._worked(body, self._verify)

    def rotate(self, body: bytes) -> Answer:
        """Give the SealedSecret sealed anew by the newest key; 500 for any failure."""
        return self._worked(body, self._rotate)

    def _worked(self, body: bytes, work: Callable[[dict[str, Any]], Answer]) -> Answer:
        if not self._one_at_a_time.acquire(timeout=WAIT_AT_MOST_S):
            return BUSY
        try:
            sealed = _sealed_secret(body)
            return UNREADABLE if sealed is None else work(sealed)
        except TooMuchWorkError:
            return TOO_MUCH_WORK
        finally:
            self._one_at_a_time.release()

    def _keys(self, ring: KeyRing) -> list[PrivateKey]:
        """The keys of the ring, for as many operations as one request may use."""
        left = itertools.count(MAX_KEY_OPERATIONS, -1)

        def spend() -> None:
            if next(left) <= 0:
                raise TooMuchWorkError

        return [key.observed(spend) for key in ring]

    def _verify(self, sealed: dict[str, Any]) -> Answer:
        try:
            keys = self._keys(self._source.ring)
            check_unseal(sealed, keys, accept_v1_data=self._accept_v1_data)
        except SealingError:
            return DOES_NOT_OPEN
        return OPENS

    def _rotate(self, sealed: dict[str, Any]) -> Answer:
        ring, now = self._source.ring, self._clock.now()
        try:
            certificate = ring.sealing_key(now).certificate
            keys = self._keys(ring)
            sealed = reseal_manifest(
                sealed, keys, certificate, now=now, accept_v1_data=self._accept_v1_data
            )
        except (SealingError, ValueError):
            return FAILED
        return Answer(200, json.dumps(sealed).encode() + b"\n", "application/json")


def _sealed_secret(body: bytes) -> dict[str, Any] | None:
    """Return the one SealedSecret of a JSON or YAML text, None where it is something else."""
    documents, problems = load_documents(body, file="request")
    if problems or len(documents) != 1:
        return None
    value = documents[0].value
    kind = KINDS["SealedSecret"]
    if (value.get("apiVersion"), value.get("kind")) != (kind.api_version, kind.kind):
        return None
    return value
