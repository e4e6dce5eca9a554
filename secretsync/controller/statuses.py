"""Writes statuses: coalesced, after the Secrets, and only when they say something new."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from secretsync.cluster.base import KINDS, Cluster
from secretsync.errors import ClusterError, ClusterUnavailable, NotFound
from secretsync.refresh.clock import Clock
from secretsync.resources.meta import ObjectRef

__all__ = ["StatusWriter"]

log = logging.getLogger(__name__)

FIELD_MANAGER = "secretsync"
WORKERS = 4
#: Statuses give way to Secrets, but not for longer than this.
YIELD_AT_MOST_S = 3.0
RETRY_S = 2.0


class StatusWriter:
    """Patches statuses from threads of its own.

    A newer status of an object replaces one that still waits.

    Args:
        busy: whether Secrets are being written that should go first.
    """

    def __init__(self, cluster: Cluster, clock: Clock, busy: Callable[[], bool]) -> None:
        self._cluster = cluster
        self._clock = clock
        self._busy = busy
        self._lock = threading.Condition()
        self._pending: dict[ObjectRef, dict[str, Any]] = {}
        self._since_s = 0.0
        self._under_way = 0
        self._closed = False
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="status")

    def start(self) -> None:
        """Begin to write."""
        for _ in range(WORKERS):
            self._pool.submit(self._work)

    def put(self, ref: ObjectRef, status: dict[str, Any]) -> None:
        """Ask for a status patch."""
        with self._lock:
            if not self._pending:
                self._since_s = self._clock.monotonic_s()
            self._pending[ref] = status
            self._lock.notify()

    def forget(self, ref: ObjectRef) -> None:
        """Drop what waits for an object that is gone."""
        with self._lock:
            self._pending.pop(ref, None)

    def idle(self) -> bool:
        """Return whether nothing waits and nothing is under way."""
        with self._lock:
            return not self._pending and not self._under_way

    def close(self) -> None:
        """Write what waits, then end."""
        with self._lock:
            self._closed = True
            self._lock.notify_all()
        self._pool.shutdown()

    def _work(self) -> None:
        while True:
            taken = self._take()
            if taken is None:
                return
            ref, status = taken
            try:
                self._write(ref, status)
            finally:
                with self._lock:
                    self._under_way -= 1

    def _take(self) -> tuple[ObjectRef, dict[str, Any]] | None:
        with self._lock:
            while True:
                if self._pending and not self._yields():
                    ref = next(iter(self._pending))
                    self._under_way += 1
                    return ref, self._pending.pop(ref)
                if self._closed and not self._pending:
                    return None
                self._lock.wait(0.05 if self._pending else None)

    def _yields(self) -> bool:
        waited_s = self._clock.monotonic_s() - self._since_s
        return not self._closed and waited_s < YIELD_AT_MOST_S and self._busy()

    def _write(self, ref: ObjectRef, status: dict[str, Any]) -> None:
        try:
            self._cluster.patch_status(
                KINDS[ref.kind],
                ref.namespace,
                ref.name,
                status,
                field_manager=FIELD_MANAGER,
            )
        except NotFound:
            return  # Deleted in between: nobody is left to read it.
        except ClusterUnavailable as exc:
            if self._closed:
                return  # The next start computes it again.
            self._clock.wait(exc.retry_after_s or RETRY_S)
            with self._lock:
                self._pending.setdefault(ref, status)
                self._lock.notify()
        except ClusterError as exc:
            log.warning("status not written", extra={"object": str(ref), "cause": exc.message})
