"""Deletes what a PushSecret pushed and does not push any more.

Neighbours: `pushing` says what that is, once all else went well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from providers.base import NotManaged, ProviderError, PushRef
from secretsync.core.push import Planned, place_of, remote_ref
from secretsync.refresh.push_calls import PushCalls
from secretsync.refresh.push_outcomes import PushAction, PushOutcome, PushVerb, failed_push
from secretsync.refresh.push_rivals import PushRivals
from secretsync.refresh.push_stores import OpenStore, PushStores
from secretsync.resources.push_secret import PushSecret

__all__ = ["PushDeleter", "PushWork"]


@dataclass(slots=True)
class PushWork:
    """One PushSecret under way.

    Args:
        synced: store → place → entry, as far as it is known to be there.
    """

    item: PushSecret
    synced: dict[str, dict[str, Mapping[str, object]]] = field(default_factory=dict)
    actions: list[PushAction] = field(default_factory=list)
    failure: PushOutcome | None = None

    def fail(self, store: str, planned: Planned, error: ProviderError) -> None:
        """Note a value that could not be pushed; what was there before still is."""
        place = place_of(planned.item.ref)
        self.actions.append(PushAction(store, place, PushVerb.FAILED, error.message))
        before = self.item.status.synced.get(store, {}).get(place)
        if before is not None:
            self.synced.setdefault(store, {})[place] = before
        if self.failure is None:
            what = f"could not push to {store} at {place}"
            self.failure = failed_push(self.item, what, error, field=planned.field)

    def keep(self, store: str, place: str, entry: Mapping[str, object]) -> None:
        """Note that a place holds what was pushed there."""
        self.synced.setdefault(store, {})[place] = entry


class PushDeleter:
    """Deletes at stores.

    Args:
        rivals: who else pushes where.
        writes: False plans only.
    """

    def __init__(
        self, stores: PushStores, calls: PushCalls, rivals: PushRivals, *, writes: bool
    ) -> None:
        self._stores = stores
        self._calls = calls
        self._rivals = rivals
        self._writes = writes

    def delete(self, work: PushWork, doomed: Mapping[str, Mapping[str, PushRef]]) -> None:
        """Delete what is not pushed any more, or only forget it, as deletionPolicy says.

        Args:
            doomed: store → place → where, out of the status.

        Raises:
            ConfigError: a store is invalid, or must not be used.
            ProviderError: a store's credentials are missing or refused.
            ClusterError: the cluster cannot be asked.
        """
        if not work.item.deletes:
            return
        for key, places in doomed.items():
            store = self._stores.open_by_key(key, work.item.meta.namespace)
            if store is None:
                continue  # It went with all that was in it, as far as can be known here.
            for place, ref in places.items():
                if not self._is_shared(work, store, ref):
                    self._delete_one(work, store, place, ref)

    def _is_shared(self, work: PushWork, store: OpenStore, ref: PushRef) -> bool:
        """Return whether the same key is pushed to, whole or in part, and so must stay."""
        for entry in work.synced.get(store.key, {}).values():
            now = remote_ref(entry)
            if now is None or now.remote_key != ref.remote_key:
                continue
            if not now.property or not ref.property or now == ref:
                return True
        return self._rivals.others_push(work.item.ref, store.store.ref, ref)

    def _delete_one(self, work: PushWork, store: OpenStore, place: str, ref: PushRef) -> None:
        entry = work.item.status.synced[store.key][place]
        try:
            if self._writes:
                self._calls.delete(store, ref)
        except NotManaged as exc:
            # Not ours, or not any more: it is left alone, and not asked for again.
            work.actions.append(PushAction(store.key, place, PushVerb.KEEP, exc.message))
            return
        except ProviderError as exc:
            work.actions.append(PushAction(store.key, place, PushVerb.FAILED, exc.message))
            work.keep(store.key, place, entry)
            if work.failure is None:
                what = f"could not delete {place} at {store.key}"
                work.failure = failed_push(work.item, what, exc)
            return
        work.actions.append(PushAction(store.key, place, PushVerb.DELETE))
