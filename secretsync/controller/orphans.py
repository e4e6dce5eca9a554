"""What lost its owner while no service ran, for a cluster that has no garbage collector.

Neighbour: `garbage` deletes what an owner leaves behind while the service runs.

That is a Secret, or what a maker of objects in many namespaces made; the Secret of such an
ExternalSecret follows it. Deleted is only what this service wrote for an owner that is
definitely absent at two looks some time apart, that nobody else claims, and never many at
once: folders that were not mounted yet look like objects that somebody deleted.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secretsync.cluster.base import KINDS, Cluster, Object, Preconditions
from secretsync.controller.provisioning import FIELD_MANAGER
from secretsync.controller.push_makers import MAKERS
from secretsync.core.hashes import field_manager, sealed_field_manager
from secretsync.core.safety import (
    CONFIRMATION_GAP_S,
    Absence,
    absence_confirmed,
    mass_deletion,
    observe_absence,
)
from secretsync.errors import ClusterError, Conflict, Rejected
from secretsync.refresh.claims import Claims
from secretsync.refresh.clock import Clock
from secretsync.resources.meta import ObjectRef

__all__ = ["Orphans"]

log = logging.getLogger(__name__)

POLL_S = 1.0
#: Names in a message; whoever needs all of them sees them by their owner references.
NAMED = 5

#: Owner → how it signs what it writes.
_FIELD_MANAGERS: Mapping[str, Callable[[str], str]] = {
    "ExternalSecret": field_manager,
    "SealedSecret": sealed_field_manager,
    **dict.fromkeys(MAKERS, lambda _name: FIELD_MANAGER),
}
#: Owner → what it makes.
_CHILDREN = {
    "ExternalSecret": "Secret",
    "SealedSecret": "Secret",
    "ClusterExternalSecret": "ExternalSecret",
    "ClusterPushSecret": "PushSecret",
}


@dataclass(frozen=True, slots=True)
class _Owned:
    """An object that one of ours controls, and nobody else owns."""

    child: ObjectRef
    uid: str
    owner: ObjectRef
    owner_uid: str

    @property
    def counted(self) -> ObjectRef:
        """What counts where many go: of a maker it is itself, however much it made."""
        return self.owner if self.owner.kind in MAKERS else self.child


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
            listed = {kind: self._uids(kind) for kind in self._kinds}
            owned = self._owned(frozenset().union(*listed.values()))
            orphans = self._orphans(owned)
            now_s = self._clock.monotonic_s()
            self._seen = {each: observe_absence(self._seen.get(each), now_s) for each in orphans}
            doomed = [each for each, seen in self._seen.items() if _ripe(seen)]
            for each in _few(_without_lost_makers(doomed, owned, listed), owned):
                self._delete(each, orphans[each])
        except ClusterError as exc:
            log.warning("objects without their owner not looked for", extra={"cause": exc.message})
            return False
        return not self._seen or bool(doomed)

    def _run(self) -> None:
        while not self.look():
            due_s = self._clock.monotonic_s() + CONFIRMATION_GAP_S
            while self._clock.monotonic_s() < due_s:
                if not self._clock.wait(POLL_S):
                    return

    def _uids(self, kind: str) -> frozenset[str]:
        return frozenset(str(obj["metadata"].get("uid")) for obj in self._list(kind))

    def _owned(self, listed: Collection[str]) -> dict[_Owned, bool]:
        """Return what objects of ours control, and whether the owner is listed."""
        children = sorted({_CHILDREN[kind] for kind in self._kinds})
        found = (_owned(obj, kind, self._kinds) for kind in children for obj in self._list(kind))
        return {each: each.owner_uid in listed for each in found if each is not None}

    def _list(self, kind: str) -> Sequence[Object]:
        namespace = self._namespace if KINDS[kind].namespaced else ""
        return self._cluster.list(KINDS[kind], namespace, metadata_only=True).items

    def _orphans(self, owned: Mapping[_Owned, bool]) -> dict[_Owned, str]:
        """Return those that are orphans, each with the version that was looked at."""
        looked = {each: self._orphan(each) for each, listed in owned.items() if not listed}
        return {each: version for each, version in looked.items() if version is not None}

    def _orphan(self, owned: _Owned) -> str | None:
        """Return the version of an object, if it is an orphan beyond doubt."""
        child, owner = owned.child, owned.owner
        if child.kind == "Secret" and self._claims.claimants(child.namespace, child.name):
            return None
        try:
            # A list leaves out what is broken; this tells that from what is not there.
            if self._cluster.get(KINDS[owner.kind], owner.namespace, owner.name) is not None:
                return None
            obj = self._cluster.get(KINDS[child.kind], child.namespace, child.name)
        except Rejected:
            return None
        if obj is None or _owned(obj, child.kind, self._kinds) != owned:
            return None
        metadata = obj["metadata"]
        # One that was copied here from another cluster has the owner and not the manager.
        managers = {entry.get("manager") for entry in metadata.get("managedFields") or ()}
        written = _FIELD_MANAGERS[owner.kind](owner.name) in managers
        return str(metadata["resourceVersion"]) if written else None

    def _delete(self, owned: _Owned, version: str) -> None:
        child, seen = owned.child, Preconditions(owned.uid, version)
        try:
            self._cluster.delete(KINDS[child.kind], child.namespace, child.name, preconditions=seen)
        except (Conflict, Rejected):
            return  # Somebody is at it; the next start looks again.
        log.info(
            "%s deleted; its owner was deleted before the start",
            child.kind,
            extra={"object": str(owned.owner), "child": str(child)},
        )


def _ripe(seen: Absence) -> bool:
    return absence_confirmed(seen, one_shot=False)


def _owned(obj: Mapping[str, Any], child_kind: str, kinds: Iterable[str]) -> _Owned | None:
    """Return whose an object is, where it has exactly one owner and that is of ours."""
    metadata = obj["metadata"]
    references = metadata.get("ownerReferences") or []
    if len(references) != 1 or metadata.get("deletionTimestamp"):
        return None
    (owner,) = references
    if not isinstance(owner, Mapping) or owner.get("controller") is not True:
        return None
    kind, uid, name = (str(owner.get(field) or "") for field in ("kind", "uid", "name"))
    if kind not in kinds or _CHILDREN[kind] != child_kind or not uid or not name:
        return None
    if str(owner.get("apiVersion")).rpartition("/")[0] != KINDS[kind].group:
        return None
    namespace = metadata["namespace"]
    child = ObjectRef(child_kind, namespace, metadata["name"])
    owner_ref = ObjectRef(kind, namespace if KINDS[kind].namespaced else "", name)
    return _Owned(child, metadata["uid"], owner_ref, uid)


def _without_lost_makers(
    doomed: list[_Owned], owned: Iterable[_Owned], listed: Mapping[str, Collection[str]]
) -> list[_Owned]:
    """Leave out the children of a kind of maker that has none left, where they are many.

    A folder of makers that is not mounted looks like the deletion of every one, be it the
    only one.
    """
    for kind in MAKERS:
        of_kind = [each for each in doomed if each.owner.kind == kind]
        if len(of_kind) > 1 and not listed[kind]:
            group = _Group(kind, "")
            _say_kept(kind, sorted(group.of(of_kind)), len(group.of(owned)))
            doomed = [each for each in doomed if each.owner.kind != kind]
    return doomed


def _few(doomed: Sequence[_Owned], owned: Iterable[_Owned]) -> list[_Owned]:
    """Return what may go: of no kind many, neither in one namespace nor in all."""
    universe = list(owned)
    for place in ("", *sorted({each.counted.namespace for each in doomed} - {""})):
        for kind in sorted({each.owner.kind for each in doomed}):
            group = _Group(kind, place)
            breaker = mass_deletion(group.of(doomed), group.of(universe))
            if breaker is not None:
                _say_kept(kind, breaker.objects, breaker.total)
                doomed = [each for each in doomed if not group.has(each)]
    return list(doomed)


@dataclass(frozen=True, slots=True)
class _Group:
    """What one kind of owner has, in one namespace or ("") in all."""

    kind: str
    namespace: str

    def has(self, each: _Owned) -> bool:
        return each.owner.kind == self.kind and self.namespace in ("", each.counted.namespace)

    def of(self, owned: Iterable[_Owned]) -> set[ObjectRef]:
        return {each.counted for each in owned if self.has(each)}


def _say_kept(kind: str, kept: Sequence[ObjectRef], total: int) -> None:
    shown = [str(ref) for ref in kept[:NAMED]]
    log.warning(
        "mass deletion stopped: too many objects are without their owner at once",
        extra={
            "kind": kind,
            "count": len(kept),
            "total": total,
            "objects": shown,
            "remedy": "put the owners back, or delete what they made by hand if that is meant",
        },
    )
