"""Writes events behind the Secrets: an event may wait, a Secret may not."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from secretsync.cluster.base import Cluster, Event
from secretsync.controller.backlog import Backlog
from secretsync.refresh.clock import Clock

__all__ = ["EventWriter"]

log = logging.getLogger(__name__)

WORKERS = 2


class EventWriter:
    """Writes events from threads of its own, in their order.

    Args:
        busy: whether Secrets are being written that should go first.
    """

    def __init__(self, cluster: Cluster, clock: Clock, busy: Callable[[], bool]) -> None:
        self._cluster = cluster
        self._backlog: Backlog[int, Event] = Backlog(clock, busy)
        self._numbers = itertools.count()
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="event")

    def start(self) -> None:
        """Begin to write."""
        for _ in range(WORKERS):
            self._pool.submit(self._work)

    def put(self, event: Event) -> None:
        """Ask for an event; each is one occurrence, the same text or not."""
        if not self._backlog.closed:
            self._backlog.put(next(self._numbers), event)

    def close(self) -> None:
        """End; events that wait are dropped."""
        self._backlog.close(drop=True)
        self._pool.shutdown()

    def _work(self) -> None:
        while (taken := self._backlog.take()) is not None:
            try:
                self._cluster.event(taken[1])
            except Exception as exc:
                # One event that cannot be written must not end those after it.
                log.exception("event not written", exc_info=exc)
