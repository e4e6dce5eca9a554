"""Queries that find less than before: a key goes when two looks agree, as for any absence.

A list that leaves something out is weak proof: permissions change, services lag. Until a
second look, a minute later, nothing is removed; what is new is written at once.
Neighbours: `deleting` asks this for what misses nothing by name.
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
from secretsync.core.secrets import LiveSecret, written_versions
from secretsync.core.sources import MANY_READ, FindSource, found_names, many_key, sources
from secretsync.refresh.clock import Clock
from secretsync.resources.external_secret import ExternalSecret
from secretsync.resources.meta import ObjectRef

__all__ = ["Narrowing", "queries"]


@dataclass(frozen=True, slots=True)
class _Narrowed:
    """The names found when less was found than before, and since when it is so."""

    names: frozenset[str]
    absence: Absence


class Narrowing:
    """Remembers which ExternalSecrets found less than what was written.

    Args:
        one_shot: one look is enough, because the run looks once and says so.
    """

    def __init__(self, clock: Clock, *, one_shot: bool) -> None:
        self._clock = clock
        self._one_shot = one_shot
        self._lock = threading.Lock()
        self._narrowed: dict[ObjectRef, _Narrowed] = {}

    def forget(self, ref: ObjectRef) -> None:
        """Drop what is known of an ExternalSecret that is gone."""
        with self._lock:
            self._narrowed.pop(ref, None)

    def wait_s(
        self, item: ExternalSecret, versions: Mapping[str, str], live: LiveSecret | None
    ) -> float | None:
        """Return for how many seconds nothing may be removed yet; None where it may.

        Args:
            item: with at least one query.
            versions: of what was found now.
            live: the Secret as it is, with the versions that were written.
        """
        # Names only: what was found goes on rotating, and that says nothing of what was not.
        names = found_names(item, versions) | {
            f"{key}={versions[key]}" for key in map(many_key, queries(item)) if key in versions
        }
        now_s = self._clock.monotonic_s()
        with self._lock:
            before = self._narrowed.get(item.ref)
            if before is None and not _narrower(item, versions, written_versions(live)):
                return None
            same = before is not None and before.names == names
            absence = observe_absence(before.absence if before and same else None, now_s)
            if absence_confirmed(absence, one_shot=self._one_shot):
                self._narrowed.pop(item.ref, None)
                return None
            self._narrowed[item.ref] = _Narrowed(names, absence)
        return max(1.0, absence.first_seen_s + CONFIRMATION_GAP_S - now_s)


def queries(item: ExternalSecret) -> tuple[FindSource, ...]:
    """Return the queries of an ExternalSecret, each once."""
    return tuple(source for source in sources(item) if isinstance(source, FindSource))


def _narrower(
    item: ExternalSecret, versions: Mapping[str, str], written: Mapping[str, str]
) -> bool:
    """Return whether something that was written was not found now."""
    if not found_names(item, written) <= found_names(item, versions):
        return True
    # Of very many only a digest is kept: it says that their names differ, not which.
    keys = [MANY_READ, *map(many_key, queries(item))]
    return any(key in written and written[key] != versions.get(key) for key in keys)
