"""What is written behind the Secrets: it gives way to them, but not for ever.

A Secret is what somebody waits for; a status or an event says that it is there. On a
busy API server each of these costs as much as the Secret itself, so they wait while
Secrets are being written. Users: `statuses`, `event_writer`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from secretsync.refresh.clock import Clock

__all__ = ["Backlog"]

#: The longest that one item gives way.
YIELD_AT_MOST_S = 10.0
LOOK_EVERY_S = 0.05

_Key = TypeVar("_Key", bound=Hashable)
_Item = TypeVar("_Item")


class Backlog(Generic[_Key, _Item]):
    """Items by key, oldest first; any number of threads may put and take.

    Args:
        busy: whether Secrets are being written that should go first.
    """

    def __init__(self, clock: Clock, busy: Callable[[], bool]) -> None:
        self._clock = clock
        self._busy = busy
        self._changed = threading.Condition()
        self._waiting: dict[_Key, tuple[_Item, float]] = {}
        self._closed = False
        # One thread looks whether the way is free; the others sleep until it is.
        self._watched = False

    @property
    def closed(self) -> bool:
        """Whether nothing gives way any more."""
        return self._closed

    def put(self, key: _Key, item: _Item, *, replaces: bool = True) -> None:
        """Add an item, in the place of one of that key that still waits.

        Args:
            replaces: False leaves the one that waits.
        """
        with self._changed:
            before = self._waiting.get(key)
            if before is None:
                self._waiting[key] = (item, self._clock.monotonic_s())
            elif replaces:
                self._waiting[key] = (item, before[1])
            self._changed.notify()

    def forget(self, key: _Key) -> None:
        """Drop an item that waits."""
        with self._changed:
            self._waiting.pop(key, None)

    def take(self) -> tuple[_Key, _Item] | None:
        """Wait for an item whose turn it is; None when closed and empty."""
        with self._changed:
            while True:
                if self._waiting and not self._yields():
                    key = next(iter(self._waiting))
                    item, _ = self._waiting.pop(key)
                    self._changed.notify()
                    return key, item
                if self._closed and not self._waiting:
                    self._changed.notify_all()
                    return None
                self._wait()

    def close(self, *, drop: bool = False) -> None:
        """Hand out what waits without giving way, then nothing more.

        Args:
            drop: hand out nothing.
        """
        with self._changed:
            self._closed = True
            if drop:
                self._waiting.clear()
            self._changed.notify_all()

    def _wait(self) -> None:
        looks = bool(self._waiting) and not self._watched
        self._watched = self._watched or looks
        try:
            self._changed.wait(LOOK_EVERY_S if looks else None)
        finally:
            if looks:
                self._watched = False

    def _yields(self) -> bool:
        _, since_s = next(iter(self._waiting.values()))
        waited_s = self._clock.monotonic_s() - since_s
        return not self._closed and waited_s < YIELD_AT_MOST_S and self._busy()
