"""One queue of objects to look at, by priority lane; each object once, never twice at a time.

Lanes: deletes and rotations, then new or edited objects, then due refreshes, then
sweeps. A batch holds one lane only, so that a new ExternalSecret never waits behind a
refresh.
"""

from __future__ import annotations

import enum
import heapq
import threading
from collections import Counter
from collections.abc import Mapping

from secretsync.refresh.clock import Clock
from secretsync.resources.meta import ObjectRef

__all__ = ["Lane", "LaneQueue"]


#: The largest batch: the larger, the more objects share a read.
MOST = 16_384
#: Plans that are void and not worth a sweep.
SPARE = 1_024


class Lane(enum.IntEnum):
    """Priority: the smaller number goes first."""

    ROTATION = 0
    NEW = 1
    DUE = 2
    SWEEP = 3


class LaneQueue:
    """Keys with a lane, now or later.

    A key that is added while it is being worked on is handed out again afterwards; a
    key that waits in one lane moves to a better one when it is added there.

    Args:
        linger_s: how long a first key waits for company, so that objects that arrive
            together are read together.
    """

    def __init__(self, clock: Clock, *, linger_s: float = 0.02) -> None:
        self._clock = clock
        self._linger_s = linger_s
        self._ready = threading.Condition()
        self._waiting: dict[ObjectRef, Lane] = {}
        self._working: set[ObjectRef] = set()
        self._again: dict[ObjectRef, Lane] = {}
        self._later: list[tuple[float, Lane, ObjectRef]] = []
        self._later_at: dict[ObjectRef, float] = {}
        self._closed = False

    def add(self, key: ObjectRef, lane: Lane) -> None:
        """Ask for a look at an object now."""
        with self._ready:
            self._add(key, lane)
            self._ready.notify_all()

    def add_after(self, key: ObjectRef, lane: Lane, delay_s: float) -> None:
        """Ask for a look in `delay_s` seconds; an earlier one that is planned stays."""
        due_s = self._clock.monotonic_s() + delay_s
        with self._ready:
            planned = self._later_at.get(key)
            if planned is not None and planned <= due_s:
                return
            self._later_at[key] = due_s
            heapq.heappush(self._later, (due_s, lane, key))
            self._sweep()
            self._ready.notify_all()

    def forget(self, key: ObjectRef) -> None:
        """Drop what is planned for an object that is gone."""
        with self._ready:
            self._waiting.pop(key, None)
            self._again.pop(key, None)
            self._later_at.pop(key, None)

    def take(self, *, worst: Lane = Lane.SWEEP, most: int = MOST) -> tuple[Lane, list[ObjectRef]]:
        """Wait for work; returns one lane's batch, or an empty one when closed.

        Args:
            worst: lanes below this one are left to other workers.
            most: the largest batch.
        """
        with self._ready:
            while not self._closed:
                self._wake_due()
                lane = min(self._waiting.values(), default=None)
                if lane is not None and lane <= worst:
                    # The whole time: every key that joins wakes this up.
                    self._ready.wait_for(lambda: self._closed, self._linger_s)
                    batch = self._batch(most, worst)
                    if batch[1]:
                        return batch
                else:
                    self._ready.wait(self._idle_s())
        return Lane.SWEEP, []

    def done(self, key: ObjectRef) -> None:
        """Say that an object taken before has been dealt with."""
        with self._ready:
            self._working.discard(key)
            lane = self._again.pop(key, None)
            if lane is not None:
                self._add(key, lane)
                self._ready.notify_all()

    def close(self) -> None:
        """Wake every waiter; what is queued is not handed out any more."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    def depths(self) -> Mapping[Lane, int]:
        """Return how many objects wait per lane."""
        with self._ready:
            counted = Counter(self._waiting.values())
        return {lane: counted.get(lane, 0) for lane in Lane}

    @property
    def working(self) -> int:
        """How many objects are being worked on."""
        with self._ready:
            return len(self._working)

    def _add(self, key: ObjectRef, lane: Lane) -> None:
        where = self._again if key in self._working else self._waiting
        where[key] = min(lane, where.get(key, lane))
        self._later_at.pop(key, None)

    def _batch(self, most: int, worst: Lane) -> tuple[Lane, list[ObjectRef]]:
        lane = min(self._waiting.values(), default=Lane.SWEEP)
        if lane > worst:
            return lane, []
        keys = [key for key, its_lane in self._waiting.items() if its_lane is lane][:most]
        for key in keys:
            del self._waiting[key]
        self._working.update(keys)
        return lane, keys

    def _wake_due(self) -> None:
        now_s = self._clock.monotonic_s()
        while self._later and self._later[0][0] <= now_s:
            due_s, lane, key = heapq.heappop(self._later)
            if self._later_at.get(key) == due_s:
                self._add(key, lane)

    def _sweep(self) -> None:
        """Drop what is planned no more, once it is the larger part.

        What is planned for a far day, and asked for often meanwhile, would pile up.
        """
        if len(self._later) > 2 * len(self._later_at) + SPARE:
            self._later = [each for each in self._later if self._later_at.get(each[2]) == each[0]]
            heapq.heapify(self._later)

    def _idle_s(self) -> float | None:
        if not self._later:
            return None
        return max(0.001, self._later[0][0] - self._clock.monotonic_s())
