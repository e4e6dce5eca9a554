"""Two owners of one target: the older wins, the other says so, no flip-flop."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

from secretsync.resources.meta import ObjectRef, Parent

__all__ = ["Claims"]

_NEVER = datetime.max.replace(tzinfo=UTC)
#: Policies that leave other keys alone: several objects may share a target by them.
#: Beside one that keeps nothing but its own keys none of them can last.
_SHARING = frozenset({"Merge", "CreateOrMerge"})


class Claims:
    """Which ExternalSecret or SealedSecret claims which target."""

    def __init__(self, parents: Iterable[Parent] = ()) -> None:
        self._lock = threading.Lock()
        self._by_target: dict[tuple[str, str], dict[ObjectRef, Parent]] = defaultdict(dict)
        self._target_of: dict[ObjectRef, tuple[str, str]] = {}
        for item in parents:
            self.put(item)

    def put(self, item: Parent) -> None:
        """Note an object, new or changed."""
        target = (item.meta.namespace, item.target_key)
        with self._lock:
            self._remove(item.ref)
            self._target_of[item.ref] = target
            self._by_target[target][item.ref] = item

    def remove(self, ref: ObjectRef) -> None:
        """Forget an object that is gone."""
        with self._lock:
            self._remove(ref)

    def _remove(self, ref: ObjectRef) -> None:
        target = self._target_of.pop(ref, None)
        if target is None:
            return
        claimants = self._by_target[target]
        claimants.pop(ref, None)
        if not claimants:
            del self._by_target[target]

    def claimants(self, namespace: str, name: str) -> tuple[Parent, ...]:
        """Return who claims a Secret."""
        with self._lock:
            return tuple(self._by_target.get((namespace, name), {}).values())

    def rival(self, item: Parent) -> Parent | None:
        """Return the oldest of the claimants that have the target instead, if any."""
        rivals = [
            other
            for other in self.claimants(item.meta.namespace, item.target_key)
            if other.ref != item.ref and _clash(item, other) and _age(other) < _age(item)
        ]
        return min(rivals, key=_age, default=None)


def _clash(one: Parent, other: Parent) -> bool:
    policies = {one.creation_policy, other.creation_policy}
    return "None" not in policies and not policies <= _SHARING


def _age(item: Parent) -> tuple[datetime, str, str, str]:
    meta = item.meta
    return (meta.created_at or _NEVER, meta.uid, meta.name, item.ref.kind)
