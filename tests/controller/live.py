"""The service in a thread of the test, on a clock that the test can move on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from secretsync.cluster.directory import DirectoryCluster
from secretsync.cluster.directory_pushes import DirectoryPushes
from secretsync.controller.service import Service
from secretsync.controller.settings import Settings
from secretsync.refresh.clock import Clock
from tests.e2e.rig import eventually

__all__ = ["MovableClock", "serving"]


class MovableClock(Clock):
    """The machine's clock, and as much later as the test says."""

    def __init__(self, stop: threading.Event) -> None:
        super().__init__(stop)
        self.ahead_s = 0.0

    def now(self) -> datetime:
        """Return the wall clock, moved on."""
        return super().now() + timedelta(seconds=self.ahead_s)

    def monotonic_s(self) -> float:
        """Return the monotonic clock, moved on."""
        return super().monotonic_s() + self.ahead_s


@contextlib.contextmanager
def serving(root: Path) -> Iterator[tuple[Service, MovableClock]]:
    """Run a service over a directory until the block ends."""
    stop = threading.Event()
    clock = MovableClock(stop)
    cluster = DirectoryCluster(root, now=lambda: datetime.now(UTC))
    service = Service(cluster, Settings(), stop, clock=clock, pushed=DirectoryPushes(root))
    thread = threading.Thread(target=service.run)
    thread.start()
    try:
        eventually(lambda: service.ready)
        yield service, clock
    finally:
        stop.set()
        thread.join(timeout=120)
        cluster.close()
    assert not thread.is_alive()
