"""Versions that go back: taken when two looks a minute apart agree, not before.

A service with copies may answer with what it held before; somebody may also have put an
older version back. Neighbours: `core.plan` refuses the first, `pipeline` asks here.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

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
    """The version that one thing went back to, and since when it is so."""

    version: str
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
        self._seen: dict[ObjectRef, dict[str, _Seen]] = {}

    def allowed(self, ref: ObjectRef, versions: Mapping[str, str]) -> frozenset[str]:
        """Return the names of what may be older than what was written.

        Each is confirmed by itself: what else moves meanwhile starts nothing anew.

        Args:
            versions: of all that was read now; a date where no version is noted.
        """
        if self._one_shot:
            return frozenset(versions)
        now_s = self._clock.monotonic_s()
        with self._lock:
            seen = {
                name: replace(each, looks=observe_absence(each.looks, now_s))
                for name, each in self._seen.get(ref, {}).items()
                if versions.get(name) == each.version
            }
            if seen:
                self._seen[ref] = seen
            else:
                self._seen.pop(ref, None)
        return frozenset(name for name, each in seen.items() if _confirmed(each))

    def refused(self, ref: ObjectRef, older: Mapping[str, str]) -> float:
        """Note what was refused; returns the seconds until a second look counts.

        Args:
            older: name → version of what is older than what was written, without what
                was allowed.
        """
        now_s = self._clock.monotonic_s()
        with self._lock:
            seen = self._seen.setdefault(ref, {})
            for name, version in older.items():
                # `allowed` dropped, at this look, what has another version by now.
                seen.setdefault(name, _Seen(version, Absence(now_s, now_s)))
            first_s = max((seen[name].looks.first_seen_s for name in older), default=now_s)
        return max(1.0, first_s + CONFIRMATION_GAP_S - now_s)

    def forget(self, ref: ObjectRef) -> None:
        """Drop what is known of one that is gone, or was written."""
        with self._lock:
            self._seen.pop(ref, None)


def _confirmed(seen: _Seen) -> bool:
    return absence_confirmed(seen.looks, one_shot=False)
