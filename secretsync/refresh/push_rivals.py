"""Two PushSecrets that push to one place: the older wins, the other says so, no flip-flop."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

from providers.base import PushRef
from secretsync.core.push import place_of
from secretsync.resources.meta import ObjectRef
from secretsync.resources.push_secret import PushSecret

__all__ = ["PushRivals"]

_NEVER = datetime.max.replace(tzinfo=UTC)

Age = tuple[datetime, ObjectRef]
Place = tuple[ObjectRef, PushRef]


class PushRivals:
    """Which PushSecret pushes where; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_place: dict[Place, dict[ObjectRef, Age]] = defaultdict(dict)
        self._places: dict[ObjectRef, dict[ObjectRef, set[PushRef]]] = defaultdict(dict)

    def claim(
        self, item: PushSecret, store: ObjectRef, places: Iterable[PushRef]
    ) -> tuple[ObjectRef, str] | None:
        """Note where a PushSecret pushes to at a store, in place of what it said before.

        Returns:
            An older one that pushes to one of the places, and the place; else None.
        """
        age = (item.meta.created_at or _NEVER, item.ref)
        wanted = set(places)
        with self._lock:
            self._drop(item.ref, store)
            self._places[item.ref][store] = wanted
            for ref in wanted:
                self._by_place[store, ref][item.ref] = age
            for ref in sorted(wanted, key=place_of):
                oldest = min(self._by_place[store, ref].values())
                if oldest < age:
                    return oldest[1], place_of(ref)
        return None

    def others_push(self, mine: ObjectRef, store: ObjectRef, ref: PushRef) -> bool:
        """Return whether another PushSecret pushes to the same place."""
        with self._lock:
            return any(other != mine for other in self._by_place.get((store, ref), {}))

    def forget(self, ref: ObjectRef) -> None:
        """Drop a PushSecret that is gone."""
        with self._lock:
            for store in list(self._places.get(ref, {})):
                self._drop(ref, store)
            self._places.pop(ref, None)

    def _drop(self, ref: ObjectRef, store: ObjectRef) -> None:
        for place in self._places[ref].pop(store, ()):
            claimants = self._by_place[store, place]
            claimants.pop(ref, None)
            if not claimants:
                del self._by_place[store, place]
