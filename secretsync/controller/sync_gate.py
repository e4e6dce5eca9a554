"""What time alone asks for: refreshes that sync windows hold back, and generators' turns.

What somebody changed (the ExternalSecret, its Secret, its store) never waits here.
Neighbours: `refreshing` and `reconciler` queue through this what was found by looking at
the clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from secretsync.core.schedule import next_allowed_at, windows_allow
from secretsync.core.sources import GeneratorSource, sources
from secretsync.refresh.clock import Clock
from secretsync.refresh.generations import generated_at
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.resources.external_secret import ExternalSecret

__all__ = ["SyncGate"]

#: Where no allowed moment is near it is asked for again, in case the clock was wrong.
_ASK_AGAIN_S = 24 * 3600.0


class SyncGate:
    """Queues periodic work when its windows allow it."""

    def __init__(self, queue: LaneQueue, clock: Clock) -> None:
        self._queue = queue
        self._clock = clock

    def admit(self, item: ExternalSecret, lane: Lane) -> None:
        """Queue an ExternalSecret now, or for the moment when its windows allow it."""
        held_s = self.held_s(item)
        if held_s > 0:
            self._queue.add_after(item.ref, Lane.DUE, held_s)
        else:
            self._queue.add(item.ref, lane)

    def held_s(self, item: ExternalSecret, after_s: float = 0.0) -> float:
        """Return in how many seconds a periodic refresh may happen.

        Args:
            after_s: seconds from now that it waits for anyway.
        """
        windows = item.sync_windows
        now = self._clock.now()
        if windows is None or item.refresh_policy != "Periodic":
            return after_s
        at = _moved(now, after_s)
        if windows_allow(windows, at):
            return after_s
        allowed_at = next_allowed_at(windows, at)
        return _ASK_AGAIN_S if allowed_at is None else (allowed_at - now).total_seconds()

    def plan_generator(self, item: ExternalSecret, versions: Mapping[str, str]) -> None:
        """Plan the next turn of one whose values are generated: no store tells of it.

        Args:
            versions: as they were written; they tell when the values were made. Without
                that the interval begins now.
        """
        if item.refresh_policy != "Periodic" or item.refresh_interval_s <= 0:
            return
        entries = [source for source in sources(item) if isinstance(source, GeneratorSource)]
        if not entries:
            return
        now = self._clock.now()
        made = [generated_at(versions, source) or now for source in entries]
        passed_s = (now - min(made)).total_seconds()
        left_s = max(0.0, item.refresh_interval_s - max(0.0, passed_s))
        self._queue.add_after(item.ref, Lane.DUE, self.held_s(item, left_s))


def _moved(now: datetime, after_s: float) -> datetime:
    try:
        return now + timedelta(seconds=after_s)
    except OverflowError:  # beyond the calendar: it does not come
        return now
