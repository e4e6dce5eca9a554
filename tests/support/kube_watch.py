"""Runs a watch in a thread and hands its events to the test one by one."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any, Self

from secretsync.cluster.base import Cluster, Kind, WatchEvent, WatchEventType

__all__ = ["RunningWatch"]

EVENT_WITHIN_S = 60.0
_END = object()


class RunningWatch:
    """One watch() of a cluster; use it as a context manager.

    Attributes:
        error: what watch() raised, once it ended.
        stopped_in_s: how long the watch took to end after stop().
    """

    def __init__(self, cluster: Cluster, kind: Kind, namespace: str, **options: Any) -> None:
        self._events: queue.Queue[Any] = queue.Queue()
        self._stop = threading.Event()
        self._watch = (cluster, kind, namespace, options)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.error: Exception | None = None
        self.stopped_in_s = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def next(self, within_s: float = EVENT_WITHIN_S) -> WatchEvent:
        """Return the next event that is no bookmark."""
        while True:
            event = self._events.get(timeout=within_s)
            if event is _END:
                raise AssertionError(f"the watch ended: {self.error!r}")
            if event.type is not WatchEventType.BOOKMARK:
                return event  # type: ignore[no-any-return]  # the queue holds these or _END

    def next_bookmark(self, within_s: float) -> WatchEvent:
        """Return the next bookmark, whatever comes before it."""
        while (event := self._events.get(timeout=within_s)) is not _END:
            if event.type is WatchEventType.BOOKMARK:
                return event  # type: ignore[no-any-return]  # as in next()
        raise AssertionError(f"the watch ended: {self.error!r}")

    def until_synced(self) -> list[WatchEvent]:
        """Return the events of the initial state, the closing SYNCED included."""
        events = [self.next()]
        while events[-1].type is not WatchEventType.SYNCED:
            events.append(self.next())
        return events

    def stop(self) -> None:
        """Set `stop` and wait for the end."""
        started = time.monotonic()
        self._stop.set()
        self._thread.join(timeout=EVENT_WITHIN_S)
        self.stopped_in_s = time.monotonic() - started
        assert not self._thread.is_alive()

    def wait_end(self, within_s: float = EVENT_WITHIN_S) -> None:
        """Wait until the watch ends by itself."""
        self._thread.join(timeout=within_s)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        cluster, kind, namespace, options = self._watch
        try:
            for event in cluster.watch(kind, namespace, stop=self._stop, **options):
                self._events.put(event)
        except Exception as exc:  # noqa: BLE001  the test decides what may be raised
            self.error = exc
        self._events.put(_END)
