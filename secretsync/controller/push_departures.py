"""PushSecrets whose files were removed: what they pushed goes as their policy says.

In a directory nobody holds an object until its finalizers are gone: its file is just not
there any more, and its status went with it. So what it pushed is kept beside the directory,
and deleted when the file is definitely absent at two looks some time apart, and never of
many at once: a folder that is not mounted yet looks like one that somebody emptied.

Neighbours: `push_loop` asks for the looks; `cluster.directory_pushes` keeps.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection
from dataclasses import replace

from secretsync.cluster.base import KINDS, Cluster
from secretsync.cluster.directory_pushes import DirectoryPushes
from secretsync.controller.world import World
from secretsync.core.safety import (
    CONFIRMATION_GAP_S,
    Absence,
    absence_confirmed,
    mass_deletion,
    observe_absence,
)
from secretsync.errors import ClusterError
from secretsync.refresh.clock import Clock
from secretsync.refresh.pushing import PushPipeline
from secretsync.refresh.stores import ACKNOWLEDGE_ANNOTATION
from secretsync.resources.meta import ObjectMeta, ObjectRef
from secretsync.resources.push_secret import PushSecret, PushStatus, SecretSource, Synced

__all__ = ["PushDepartures"]

log = logging.getLogger(__name__)

#: Names in a message.
_NAMED = 5


class PushDepartures:
    """Any thread may ask.

    Args:
        kept: what is known of earlier pushes; None where finalizers hold the objects.
        world: the stores, which may carry an acknowledgement.
        namespace: that is served; "" for all.
    """

    def __init__(
        self,
        cluster: Cluster,
        kept: DirectoryPushes | None,
        world: World,
        pushes: PushPipeline,
        clock: Clock,
        *,
        namespace: str,
    ) -> None:
        self._cluster = cluster
        self._kept = kept
        self._world = world
        self._pushes = pushes
        self._clock = clock
        self._namespace = namespace
        self._lock = threading.Lock()
        self._absent: dict[ObjectRef, Absence] = {}
        self._released: set[ObjectRef] = set()
        self._said = ""

    def known(self) -> Collection[ObjectRef]:
        """Return every PushSecret that has pushed something it would take along."""
        if self._kept is None:
            return ()
        return [ref for ref in self._kept.all() if self._namespace in ("", ref.namespace)]

    def keeps(self, ref: ObjectRef) -> bool:
        """Return whether a PushSecret has pushed something it would take along."""
        return self._kept is not None and bool(self._kept.get(ref))

    def restored(self, item: PushSecret) -> PushSecret:
        """Return a PushSecret with what it pushed, where its file was written without status."""
        if self._kept is None or not item.live or item.status.synced:
            return item
        return replace(item, status=replace(item.status, synced=self._kept.get(item.ref)))

    def note(self, item: PushSecret, synced: Synced) -> None:
        """Keep what a PushSecret has pushed now, while it would take that along."""
        if self._kept is None or not item.live:
            return
        with self._lock:
            self._absent.pop(item.ref, None)
        self._keep(item.ref, synced if item.deletes else {})

    def look(self, ref: ObjectRef) -> float | None:
        """Deal with a PushSecret that is not there, and all others like it.

        Returns:
            The seconds until the next look, None where there is nothing left to do.
        """
        if self._kept is None or not self.keeps(ref):
            return None
        try:
            live = self._cluster.get(KINDS[ref.kind], ref.namespace, ref.name)
        except ClusterError as exc:
            log.warning("not known to be gone", extra={"object": str(ref), "cause": exc.message})
            return CONFIRMATION_GAP_S
        with self._lock:
            if live is not None:
                self._absent.pop(ref, None)
                return None
            now_s = self._clock.monotonic_s()
            self._absent[ref] = observe_absence(self._absent.get(ref), now_s)
            if not absence_confirmed(self._absent[ref], one_shot=False):
                return max(1.0, self._absent[ref].first_seen_s + CONFIRMATION_GAP_S - now_s)
            if not self._may_go(self._kept):
                return CONFIRMATION_GAP_S
        return None if self._withdrawn(ref, self._kept) else CONFIRMATION_GAP_S

    def _may_go(self, kept: DirectoryPushes) -> bool:
        """Return whether those that are absent are few, or somebody said that it is meant."""
        doomed = self._absent.keys() - self._released
        found = mass_deletion(doomed, self.known())
        if found is None:
            return True
        stores = {store for ref in doomed for store in _stores(ref, kept.get(ref))}
        if found.token in map(self._acknowledgement, stores):
            # Those that are left when some are gone would be asked for anew.
            self._released |= doomed
            return True
        if self._said != found.token:
            self._said = found.token
            log.warning(
                "the files of many PushSecrets are gone at once: what they pushed stays; if "
                "that is meant, annotate one of their stores %s=%s",
                ACKNOWLEDGE_ANNOTATION,
                found.token,
                extra={
                    "objects": [str(ref) for ref in found.objects[:_NAMED]],
                    "count": len(found.objects),
                    "of": found.total,
                },
            )
        return False

    def _acknowledgement(self, store: ObjectRef) -> str:
        found = self._world.store(store)
        if found is None or found[0] is None:
            return ""
        return found[0].meta.annotations.get(ACKNOWLEDGE_ANNOTATION, "")

    def _withdrawn(self, ref: ObjectRef, kept: DirectoryPushes) -> bool:
        """Delete what one pushed; returns whether that is done."""
        synced = kept.get(ref)
        item = PushSecret(
            ObjectMeta(ref.name, ref.namespace),
            (),
            SecretSource(),
            deletion_policy="Delete",
            status=PushStatus(synced=synced),
        )
        outcome = self._pushes.withdraw(item)
        places = [f"{each.verb} {each.store} {each.place}" for each in outcome.actions]
        extra = {"object": str(ref), "places": places}
        self._keep(ref, outcome.synced)
        if outcome.failed:
            log.warning(
                "removed, but not what it pushed", extra={**extra, "cause": outcome.message}
            )
            return False
        log.info("removed, with what it pushed", extra=extra)
        with self._lock:
            self._absent.pop(ref, None)
            self._released.discard(ref)
        return True

    def _keep(self, ref: ObjectRef, synced: Synced) -> None:
        if self._kept is None:
            return
        try:
            self._kept.put(ref, synced)
        except ClusterError as exc:
            # The store is as it should be; at worst a removed file takes nothing along.
            log.warning("not kept", extra={"object": str(ref), "cause": exc.message})


def _stores(ref: ObjectRef, synced: Synced) -> list[ObjectRef]:
    """Return the stores that a status names."""
    found = []
    for key in synced:
        kind, _, name = key.partition("/")
        found.append(ObjectRef(kind, "" if kind == "ClusterSecretStore" else ref.namespace, name))
    return found
