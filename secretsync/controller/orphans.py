"""Secrets whose owner went while no service ran, for a cluster that has no garbage collector.

Neighbour: `garbage` deletes what an owner leaves behind while the service runs.

Deleted is only what this service wrote for an owner that is definitely absent at two looks
some time apart, that nobody else claims, and never many at once: folders that were not
mounted yet look like objects that somebody deleted.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secretsync.cluster.base import KINDS, Cluster, Object, Preconditions
from secretsync.core.hashes import field_manager, sealed_field_manager
from secretsync.core.safety import (
    CONFIRMATION_GAP_S,
    Absence,
    absence_confirmed,
    mass_deletion,
    observe_absence,
)
from secretsync.core.secrets import LiveSecret, live_secret
from secretsync.errors import ClusterError, Conflict, Rejected
from secretsync.refresh.claims import Claims
from secretsync.refresh.clock import Clock
from secretsync.resources.meta import ObjectRef

__all__ = ["Orphans"]

log = logging.getLogger(__name__)

POLL_S = 1.0
#: Names in a message; whoever needs all of them sees them by their owner references.
NAMED = 5

_FIELD_MANAGERS = {"ExternalSecret": field_manager, "SealedSecret": sealed_field_manager}


@dataclass(frozen=True, slots=True)
class _Owned:
    """A Secret that an object of ours controls, and nobody else owns."""

    secret: ObjectRef
    uid: str
    owner: ObjectRef
    owner_uid: str


class Orphans:
    """Looks for them after the start, in a thread of its own.

    Args:
        claims: all that is served, as the initial state of the watches had it.
        kinds: of the owners that this service serves from the cluster.
        namespace: that is served; "" for all.
    """

    def __init__(
        self,
        cluster: Cluster,
        claims: Claims,
        clock: Clock,
        *,
        kinds: Sequence[str],
        namespace: str,
    ) -> None:
        self._cluster = cluster
        self._claims = claims
        self._clock = clock
        self._kinds = kinds
        self._namespace = namespace
        self._seen: dict[_Owned, Absence] = {}
        self._thread = threading.Thread(target=self._run, name="orphans", daemon=True)

    def start(self) -> None:
        """Begin to look, where the cluster does not do it itself."""
        if not self._cluster.collects_garbage:
            self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait for a look under way, after the stop."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def look(self) -> bool:
        """Look once, and delete what was an orphan at the last look too.

        Returns:
            Whether that was all: there is none, or what could be done is done.
        """
        try:
            owned = self._owned()
            orphans = self._orphans(owned)
            now_s = self._clock.monotonic_s()
            self._seen = {each: observe_absence(self._seen.get(each), now_s) for each in orphans}
            doomed = [each for each, seen in self._seen.items() if _ripe(seen)]
            for each in _few(doomed, owned):
                self._delete(each, orphans[each])
        except ClusterError as exc:
            log.warning("secrets without their owner not looked for", extra={"cause": exc.message})
            return False
        return not self._seen or bool(doomed)

    def _run(self) -> None:
        while not self.look():
            due_s = self._clock.monotonic_s() + CONFIRMATION_GAP_S
            while self._clock.monotonic_s() < due_s:
                if not self._clock.wait(POLL_S):
                    return

    def _owned(self) -> dict[_Owned, bool]:
        """Return the Secrets that objects of ours control, and whether the owner is listed."""
        listed = {obj["metadata"].get("uid") for kind in self._kinds for obj in self._list(kind)}
        found = (_owned(obj, self._kinds) for obj in self._list("Secret"))
        return {each: each.owner_uid in listed for each in found if each is not None}

    def _list(self, kind: str) -> Sequence[Object]:
        return self._cluster.list(KINDS[kind], self._namespace, metadata_only=True).items

    def _orphans(self, owned: Mapping[_Owned, bool]) -> dict[_Owned, LiveSecret]:
        looked = {each: self._orphan(each) for each, listed in owned.items() if not listed}
        return {each: live for each, live in looked.items() if live is not None}

    def _orphan(self, owned: _Owned) -> LiveSecret | None:
        """Return the Secret as it is, if it is an orphan beyond doubt."""
        secret, owner = owned.secret, owned.owner
        if self._claims.claimants(secret.namespace, secret.name):
            return None
        try:
            # A list leaves out what is broken; this tells that from what is not there.
            if self._cluster.get(KINDS[owner.kind], owner.namespace, owner.name) is not None:
                return None
            obj = self._cluster.get(KINDS["Secret"], secret.namespace, secret.name)
        except Rejected:
            return None
        if obj is None or _owned(obj, self._kinds) != owned:
            return None
        live = live_secret(obj)
        # One that was copied here from another cluster has the owner and not the manager.
        written = _FIELD_MANAGERS[owner.kind](owner.name) in live.managers
        return live if written else None

    def _delete(self, owned: _Owned, live: LiveSecret) -> None:
        seen = Preconditions(live.uid, live.resource_version)
        secret = owned.secret
        try:
            self._cluster.delete(KINDS["Secret"], secret.namespace, secret.name, preconditions=seen)
        except (Conflict, Rejected):
            return  # Somebody is at it; the next start looks again.
        log.info(
            "secret deleted; its owner was deleted before the start",
            extra={"object": str(owned.owner), "secret": secret.name},
        )


def _ripe(seen: Absence) -> bool:
    return absence_confirmed(seen, one_shot=False)


def _owned(obj: Mapping[str, Any], kinds: Iterable[str]) -> _Owned | None:
    """Return whose a Secret is, where it has exactly one owner and that is of ours."""
    metadata = obj["metadata"]
    references = metadata.get("ownerReferences") or []
    if len(references) != 1 or metadata.get("deletionTimestamp"):
        return None
    (owner,) = references
    if not isinstance(owner, Mapping) or owner.get("controller") is not True:
        return None
    kind, uid, name = (str(owner.get(field) or "") for field in ("kind", "uid", "name"))
    if kind not in kinds or not uid or not name:
        return None
    if str(owner.get("apiVersion")).rpartition("/")[0] != KINDS[kind].group:
        return None
    namespace = metadata["namespace"]
    secret = ObjectRef("Secret", namespace, metadata["name"])
    return _Owned(secret, metadata["uid"], ObjectRef(kind, namespace, name), uid)


def _few(doomed: Sequence[_Owned], owned: Iterable[_Owned]) -> list[_Owned]:
    """Return what may go: of no kind many, neither in one namespace nor in all."""
    universe = list(owned)
    for place in ("", *sorted({each.secret.namespace for each in doomed})):
        for kind in sorted({each.owner.kind for each in doomed}):
            group = _Group(kind, place)
            breaker = mass_deletion(group.of(doomed), group.of(universe))
            if breaker is not None:
                _say_kept(kind, breaker.objects, breaker.total)
                doomed = [each for each in doomed if not group.has(each)]
    return list(doomed)


@dataclass(frozen=True, slots=True)
class _Group:
    """The Secrets of one kind of owner, in one namespace or ("") in all."""

    kind: str
    namespace: str

    def has(self, each: _Owned) -> bool:
        return each.owner.kind == self.kind and self.namespace in ("", each.secret.namespace)

    def of(self, owned: Iterable[_Owned]) -> set[ObjectRef]:
        return {each.secret for each in owned if self.has(each)}


def _say_kept(kind: str, kept: Sequence[ObjectRef], total: int) -> None:
    shown = [f"{ref.namespace}/{ref.name}" for ref in kept[:NAMED]]
    log.warning(
        "mass deletion stopped: too many Secrets are without their owner at once",
        extra={
            "kind": kind,
            "count": len(kept),
            "total": total,
            "secrets": shown,
            "remedy": "put the owners back, or delete the Secrets by hand if that is meant",
        },
    )
