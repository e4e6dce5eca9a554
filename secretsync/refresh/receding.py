"""Versions that go back: taken when two looks a minute apart agree, not before.

A service with copies may answer with what it held before; somebody may also have put an
older version back. Neighbours: `core.plan` refuses the first, `pipeline` asks here.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from secretsync.core.safety import (
    CONFIRMATION_GAP_S,
    Absence,
    absence_confirmed,
    observe_absence,
)
from secretsync.refresh.clock import Clock
from secretsync.resources.meta import ObjectRef

__all__ = ["Receding"]


@dataclass(frozen=True, slots=True)
class _Seen:
    versions: Mapping[str, str]
    looks: Absence


class Receding:
    """Remembers who was given an older version than was written.

    Args:
        one_shot: one look is enough, because the run looks once and says so.
    """

    def __init__(self, clock: Clock, *, one_shot: bool) -> None:
        self._clock = clock
        self._one_shot = one_shot
        self._lock = threading.Lock()
        self._seen: dict[ObjectRef, _Seen] = {}

    def allowed(self, ref: ObjectRef, versions: Mapping[str, str]) -> bool:
        """Return whether these versions may be older than what was written."""
        if self._one_shot:
            return True
        with self._lock:
            seen = self._seen.get(ref)
            if seen is None:
                return False
            if seen.versions != versions:
                del self._seen[ref]
                return False
            looks = observe_absence(seen.looks, self._clock.monotonic_s())
            return absence_confirmed(looks, one_shot=False)

    def refused(self, ref: ObjectRef, versions: Mapping[str, str]) -> float:
        """Note that they were refused; returns the seconds until a second look counts."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            seen = self._seen.setdefault(ref, _Seen(dict(versions), Absence(now_s, now_s)))
        return max(1.0, seen.looks.first_seen_s + CONFIRMATION_GAP_S - now_s)

    def forget(self, ref: ObjectRef) -> None:
        """Drop what is known of one that is gone, or was written."""
        with self._lock:
            self._seen.pop(ref, None)
