"""Time as an argument: what waits asks a Clock, so that tests need not."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

__all__ = ["Clock"]


class Clock:
    """The machine's clocks, and a wait that a stop ends early.

    Args:
        stop: set when the process is to end; every wait returns then.
    """

    def __init__(self, stop: threading.Event | None = None) -> None:
        self._stop = stop or threading.Event()

    def now(self) -> datetime:
        """Return the wall clock, aware, in UTC: for what is written down."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Return seconds that never jump: for ages and timeouts."""
        return time.monotonic()

    def wait(self, seconds: float) -> bool:
        """Wait; return False when the process is to end."""
        return not self._stop.wait(max(0.0, seconds))
