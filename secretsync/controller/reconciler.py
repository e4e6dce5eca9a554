"""Runs batches through the pipeline, records the outcomes, and plans what is next."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from secretsync.cluster.base import KINDS, Cluster, Preconditions
from secretsync.controller.dispatch import Stores
from secretsync.controller.garbage import Garbage
from secretsync.controller.metrics import Metrics
from secretsync.controller.needs import needs as needs_of
from secretsync.controller.outgrown import OutgrownTargets
from secretsync.controller.recorder import Recorder
from secretsync.controller.retries import PERMANENT_BASE_S, Retries
from secretsync.controller.sync_gate import SyncGate
from secretsync.controller.targets import TargetCache
from secretsync.controller.world import Entry, World, store_ref
from secretsync.core.hashes import created_by_hash
from secretsync.errors import ClusterError, NotFound
from secretsync.generators.registry import asks_a_service
from secretsync.refresh.generator_objects import generator_ref
from secretsync.refresh.index import DependencyIndex, GroupKey, Need
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.refresh.outcomes import Outcome, Progress
from secretsync.refresh.sessions import SessionKey, session_key
from secretsync.refresh.wiring import Engine
from secretsync.resources.external_secret import ExternalSecret, StoreRef
from secretsync.resources.meta import ObjectMeta, ObjectRef

__all__ = ["Reconciler"]

log = logging.getLogger(__name__)

ESO_FINALIZER = "externalsecrets.external-secrets.io/externalsecret-cleanup"


class Reconciler:
    """Works on ExternalSecrets; any number of threads may run `process`."""

    def __init__(
        self,
        cluster: Cluster,
        world: World,
        targets: TargetCache,
        queue: LaneQueue,
        index: DependencyIndex,
        engine: Engine,
        recorder: Recorder,
        metrics: Metrics,
        garbage: Garbage,
    ) -> None:
        self._cluster = cluster
        self._world = world
        self._targets = targets
        self._queue = queue
        self._index = index
        self._engine = engine
        self._recorder = recorder
        self._metrics = metrics
        self._garbage = garbage
        self._outgrown = OutgrownTargets(cluster)
        self._retries = Retries()
        self._gate = SyncGate(queue, engine.clock)

    def stores_of(self, key: ObjectRef) -> Stores:
        """Return what must be asked to process an object; nothing for one that goes."""
        entry = self._world.item(key)
        if entry is None or entry.item.meta.deleted_at is not None:
            return frozenset()
        item = entry.item
        # Those that ask a service may hang, each by itself.
        asking = [ref for ref in item.generators() if asks_a_service(ref.kind)]
        return frozenset(
            [
                *(store_ref(item, store.name, store.kind) for store in item.stores()),
                *(generator_ref(ref, item.meta.namespace) for ref in asking),
            ]
        )

    def process(self, keys: list[ObjectRef]) -> None:
        """Deal with a batch; every fault of an object ends in its status."""
        began_ns = time.monotonic_ns()
        entries: dict[int, Entry] = {}
        for key in keys:
            entry = self._world.item(key)
            if entry is None:
                leaving = self._world.leaving(key)
                if leaving is not None:
                    self._release(key, leaving)
                continue
            if entry.item.meta.deleted_at is not None:
                self._finalize(entry.item)
            else:
                entries[id(entry.item)] = entry

        def settle(outcome: Outcome[ExternalSecret]) -> None:
            self._settle(outcome, entries[id(outcome.item)].version, began_ns)

        self._engine.pipeline.run([entry.item for entry in entries.values()], done=settle)

    def _settle(self, outcome: Outcome[ExternalSecret], version: str, began_ns: int) -> None:
        item = outcome.item
        if outcome.progress is Progress.SKIPPED:
            self._index.remove(item.ref)
            return
        if self._world.item(item.ref) is None:
            # It went away, or became unusable, meanwhile; others say so.
            self._garbage.collect(item)
            return
        self.enroll(item, outcome.versions, failed=outcome.failed)
        if outcome.reason == "SecretDeleted":
            self._targets.forget((item.meta.namespace, item.target.name))
        self._recorder.record(outcome, version)
        self._metrics.took(item.ref, time.monotonic_ns() - began_ns)
        self._plan_next(outcome, version)
        if outcome.progress is Progress.APPLIED and item.target.creation_policy == "Owner":
            self._remove_renamed(item)
        self._outgrown.settle(outcome)

    def enroll(self, item: ExternalSecret, versions: Mapping[str, str], *, failed: bool) -> None:
        """Put an ExternalSecret under refresh, with the versions it was made from."""
        needs: dict[GroupKey, list[Need]] = {}
        read: list[tuple[SessionKey, Need, str]] = []
        for store, need, version in needs_of(self._world, item, versions):
            session = self._session_key(item, store)
            if session is None or item.refresh_policy != "Periodic" or item.refresh_interval_s <= 0:
                continue
            needs.setdefault(GroupKey(session, item.refresh_interval_s), []).append(need)
            if version is not None:
                read.append((session, need, version))
        self._index.put(item.ref, needs)
        moved = [
            (session, ref)
            for session, ref, version in read
            if self._index.learn(session, ref, version)
        ]
        if failed:
            self._index.unlearn_alone(item.ref)
        for session, ref in moved:
            # This one read a newer version first: the others that use the key follow.
            for user in self._index.session_users(session, ref) - {item.ref}:
                entry = self._world.item(user)
                if entry is not None:
                    self._gate.admit(entry.item, Lane.ROTATION)

    def _session_key(self, item: ExternalSecret, store: StoreRef) -> SessionKey | None:
        found = self._world.store(store_ref(item, store.name, store.kind))
        if found is None or found[0] is None:
            return None
        return session_key(found[0], item.meta.namespace)

    def _plan_next(self, outcome: Outcome[ExternalSecret], version: str) -> None:
        ref = outcome.item.ref
        if not outcome.failed:
            self._retries.forget(ref)
            if outcome.retry_after_s is not None:
                self._queue.add_after(ref, Lane.DUE, outcome.retry_after_s)
            self._gate.plan_generator(outcome.item, outcome.versions)
            return
        # Objects of one store wait alike, so that their retries are read as one batch.
        stores = ",".join(f"{store.kind}/{store.name}" for store in outcome.item.stores())
        wait_s = self._retries.failed(ref, outcome, alike=stores)
        if self._recorder.status(outcome.item).synced_resource_version == version:
            wait_s = self._gate.held_s(outcome.item, wait_s)
        self._queue.add_after(ref, Lane.DUE, wait_s)

    def plan_generator(self, item: ExternalSecret, versions: Mapping[str, str]) -> None:
        """Plan the next turn of one whose values are generated."""
        self._gate.plan_generator(item, versions)

    def forget(self, ref: ObjectRef) -> None:
        """Drop what is remembered of an ExternalSecret that is gone."""
        self._retries.forget(ref)
        self._outgrown.forget(ref)

    def remove_outgrown(self, namespace: str, created_by: str) -> None:
        """Delete what an ExternalSecret owned under earlier names, once its target stands.

        A watch may show the old Secret, or its newest version, only after the target was
        written under its new name.
        """
        entry = self._world.maker(namespace, created_by)
        if entry is None or entry.item.target.creation_policy != "Owner":
            return
        target = (namespace, entry.item.target.name)
        stands = self._targets.get(target) is not None and self._targets.expects(target)
        if stands and not self._targets.drifted(target):
            self._remove_renamed(entry.item)

    def _remove_renamed(self, item: ExternalSecret) -> None:
        """Delete what the same ExternalSecret owned under an earlier target name."""
        created_by = created_by_hash(item.meta.namespace, item.meta.name)
        for name, summary in self._targets.made_by(item.meta.namespace, created_by):
            if name == item.target.name and item.target.manifest is None:
                continue
            if summary.owner_uid and summary.owner_uid != item.meta.uid:
                continue
            self._delete_secret(item, name, Preconditions(summary.uid, summary.resource_version))

    def _finalize(self, item: ExternalSecret) -> None:
        """Let go of an ExternalSecret that is being deleted; no provider is asked."""
        target = self._targets.get((item.meta.namespace, item.target.name))
        owned = target is not None and target.owner_uid == item.meta.uid
        if item.target.deletion_policy == "Delete" and owned and target is not None:
            self._delete_secret(item, item.target.name, Preconditions(target.uid))
        self._release(item.ref, item.meta)

    def _release(self, ref: ObjectRef, meta: ObjectMeta) -> None:
        """Remove ESO's finalizer; other controllers' are theirs to remove."""
        if ESO_FINALIZER not in meta.finalizers:
            return
        kept = [name for name in meta.finalizers if name != ESO_FINALIZER]
        patch = {"metadata": {"finalizers": kept, "resourceVersion": meta.resource_version}}
        kind = KINDS["ExternalSecret"]
        try:
            self._cluster.merge_patch(
                kind, meta.namespace, meta.name, patch, field_manager="secretsync"
            )
        except NotFound:
            return  # Somebody else let go of it, and it is gone.
        except ClusterError as exc:
            log.warning("finalizer kept", extra={"object": str(ref), "cause": exc.message})
            self._queue.add_after(ref, Lane.ROTATION, PERMANENT_BASE_S)

    def _delete_secret(self, item: ExternalSecret, name: str, seen: Preconditions) -> None:
        try:
            self._cluster.delete(KINDS["Secret"], item.meta.namespace, name, preconditions=seen)
        except ClusterError as exc:
            log.warning(
                "secret not deleted",
                extra={"object": str(item.ref), "secret": name, "cause": exc.message},
            )
