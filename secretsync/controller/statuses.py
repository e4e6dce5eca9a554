"""Writes statuses: coalesced, after the Secrets, and only when they say something new."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from secretsync.cluster.base import KINDS, Cluster
from secretsync.controller.backlog import Backlog
from secretsync.errors import ClusterError, ClusterUnavailable, NotFound
from secretsync.refresh.clock import Clock
from secretsync.resources.meta import ObjectRef

__all__ = ["StatusWriter"]

log = logging.getLogger(__name__)

FIELD_MANAGER = "secretsync"
WORKERS = 4
RETRY_S = 2.0


def _unheard() -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A status patch, and who hears of it when it fails."""

    patch: dict[str, Any]
    failed: Callable[[], None]


class StatusWriter:
    """Patches statuses from threads of its own.

    A newer status of an object replaces one that still waits.

    Args:
        busy: whether Secrets are being written that should go first.
    """

    def __init__(self, cluster: Cluster, clock: Clock, busy: Callable[[], bool]) -> None:
        self._cluster = cluster
        self._clock = clock
        self._backlog: Backlog[ObjectRef, _Wanted] = Backlog(clock, busy)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="status")

    def start(self) -> None:
        """Begin to write."""
        for _ in range(WORKERS):
            self._pool.submit(self._work)

    def put(
        self, ref: ObjectRef, status: dict[str, Any], *, failed: Callable[[], None] = _unheard
    ) -> None:
        """Ask for a status patch.

        Args:
            failed: called each time that it could not be written, from any thread.
        """
        self._backlog.put(ref, _Wanted(status, failed))

    def forget(self, ref: ObjectRef) -> None:
        """Drop what waits for an object that is gone."""
        self._backlog.forget(ref)

    def close(self) -> None:
        """Write what waits, then end."""
        self._backlog.close()
        self._pool.shutdown()

    def _work(self) -> None:
        while (taken := self._backlog.take()) is not None:
            self._write(*taken)

    def _write(self, ref: ObjectRef, wanted: _Wanted) -> None:
        try:
            self._cluster.patch_status(
                KINDS[ref.kind],
                ref.namespace,
                ref.name,
                wanted.patch,
                field_manager=FIELD_MANAGER,
            )
        except NotFound:
            return  # Deleted in between: nobody is left to read it.
        except ClusterUnavailable as exc:
            wanted.failed()
            if self._backlog.closed:
                return  # The next start computes it again.
            self._clock.wait(exc.retry_after_s or RETRY_S)
            self._backlog.put(ref, wanted, replaces=False)
        except ClusterError as exc:
            wanted.failed()
            log.warning("status not written", extra={"object": str(ref), "cause": exc.message})
