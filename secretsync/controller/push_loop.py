"""Works on PushSecrets, on makers of objects, and on the finalizers of stores.

Neighbours: `push_intake` fills the queue, `refresh.pushing` pushes, `provisioning` makes
objects, `push_recorder` says what became of each.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

from secretsync.cluster.base import KINDS, Cluster
from secretsync.controller.provisioning import MAKER_FINALIZER, Provisioning
from secretsync.controller.push_items import PushItems, pushes_to
from secretsync.controller.push_recorder import PushRecorder
from secretsync.controller.retries import PERMANENT_BASE_S, Retries
from secretsync.controller.world import World
from secretsync.core.hashes import synced_resource_version
from secretsync.errors import ClusterError, NotFound
from secretsync.refresh.clock import Clock
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.refresh.outcomes import Progress
from secretsync.refresh.push_outcomes import PushOutcome
from secretsync.refresh.pushing import PushPipeline
from secretsync.resources.meta import ObjectMeta, ObjectRef
from secretsync.resources.provisioner import Provisioner
from secretsync.resources.push_secret import PushSecret, PushStatus, SecretSource

__all__ = ["PUSH_FINALIZER", "STORE_FINALIZER", "PushLoop"]

log = logging.getLogger(__name__)

#: ESO's, set while deletionPolicy is Delete: what was pushed goes before its PushSecret.
PUSH_FINALIZER = "pushsecret.externalsecrets.io/finalizer"
#: ESO's, on the stores that such a PushSecret needs for that.
STORE_FINALIZER = "secretstore.externalsecrets.io/finalizer"
RETRY_S = 300.0


class PushLoop:
    """Threads that take from the queue.

    Args:
        world: stores and namespaces.
        workers: threads; each waits for one store at a time.
    """

    def __init__(
        self,
        cluster: Cluster,
        world: World,
        items: PushItems,
        queue: LaneQueue,
        pushes: PushPipeline,
        provisioning: Provisioning,
        recorder: PushRecorder,
        clock: Clock,
        *,
        workers: int,
    ) -> None:
        self._cluster = cluster
        self._world = world
        self._items = items
        self._queue = queue
        self._pushes = pushes
        self._provisioning = provisioning
        self._recorder = recorder
        self._clock = clock
        self._workers = workers
        self._retries = Retries()
        self._lock = threading.Lock()
        self._asked: set[ObjectRef] = set()
        self.makers: dict[ObjectRef, Provisioner] = {}
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="push")

    def start(self) -> None:
        """Begin to take from the queue; it ends when the queue is closed."""
        for _ in range(self._workers):
            self._pool.submit(self._work)

    def close(self) -> None:
        """Wait for what is under way."""
        self._pool.shutdown()

    def ask(self, ref: ObjectRef) -> None:
        """Have a PushSecret compared with its stores, whatever was pushed before."""
        with self._lock:
            self._asked.add(ref)
        self._queue.add(ref, Lane.NEW)

    def forget(self, ref: ObjectRef) -> None:
        """Drop what is remembered of an object that is gone."""
        self._queue.forget(ref)
        self._pushes.forget(ref)
        self._retries.forget(ref)
        self._recorder.forget(ref)
        with self._lock:
            self._asked.discard(ref)

    def _work(self) -> None:
        while True:
            _, keys = self._queue.take(most=1)
            if not keys:
                return
            try:
                self._process(keys[0])
            except Exception as exc:
                log.exception("push failed", extra={"object": str(keys[0])}, exc_info=exc)
                self._queue.add_after(keys[0], Lane.DUE, RETRY_S)
            finally:
                self._queue.done(keys[0])

    def _process(self, ref: ObjectRef) -> None:
        if ref.kind == "PushSecret":
            self._process_push(ref)
        elif ref.kind in ("SecretStore", "ClusterSecretStore"):
            self._process_store(ref)
        else:
            self._process_maker(ref)

    def _process_push(self, ref: ObjectRef) -> None:
        item = self._items.get(ref)
        if item is None:
            leaving = self._items.unusable(ref)
            if leaving is not None and leaving.deleted_at is not None:
                # What it pushed stays: its spec cannot be read, and nothing is deleted on doubt.
                self._set_finalizer(ref, leaving, PUSH_FINALIZER, wanted=False)
            return
        item = replace(item, status=self._recorder.status(item))
        if item.meta.deleted_at is not None:
            self._finalize(item)
            return
        if not self._set_finalizer(ref, item.meta, PUSH_FINALIZER, wanted=item.deletes):
            return
        version = _version(item.meta)
        if _is_done(item, version):
            return
        with self._lock:
            asked = ref in self._asked
            self._asked.discard(ref)
        due = asked or self._is_due(item, version)
        outcome = self._pushes.run(item, due=due)
        if outcome.progress is Progress.SKIPPED:
            return
        if self._items.get(ref) is None:
            return  # It went away meanwhile.
        self._recorder.pushed(outcome, version)
        self._plan_next(outcome)

    def _is_due(self, item: PushSecret, version: str) -> bool:
        """Return whether the stores are to be compared by the schedule or after an edit.

        A Secret's PushSecret is compared at every start anyway; a generator is not run
        because a process started.
        """
        status = item.status
        if status.refresh_at is None or status.synced_resource_version != version:
            return True
        if item.refresh_interval_s <= 0:
            return False
        return self._left_s(item, status) <= 0

    def _left_s(self, item: PushSecret, status: PushStatus) -> float:
        """Return the seconds until the next refresh; 0 or less where it is due."""
        if status.refresh_at is None:
            return 0.0
        try:
            due_at = status.refresh_at + timedelta(seconds=item.refresh_interval_s)
        except OverflowError:  # beyond the calendar: it does not come
            return float("inf")
        return (due_at - self._clock.now()).total_seconds()

    def _plan_next(self, outcome: PushOutcome) -> None:
        item = outcome.item
        if outcome.failed:
            wait_s = self._retries.failed(item.ref, outcome, alike=str(item.ref))  # type: ignore[arg-type]  # it has the same fields
            self._queue.add_after(item.ref, Lane.DUE, wait_s)
            return
        self._retries.forget(item.ref)
        if item.refresh_interval_s > 0:
            left_s = item.refresh_interval_s
            if not outcome.refreshed:
                left_s = self._left_s(item, self._recorder.status(item))
            if left_s < float("inf"):
                self._queue.add_after(item.ref, Lane.DUE, max(left_s, 1.0))

    def _finalize(self, item: PushSecret) -> None:
        """Delete what was pushed, as its policy says, and let the object go."""
        if item.deletes and any(item.status.synced.values()):
            outcome = self._pushes.withdraw(item)
            if outcome.failed:
                self._recorder.pushed(outcome, _version(item.meta))
                self._plan_next(outcome)
                return
        self._set_finalizer(item.ref, item.meta, PUSH_FINALIZER, wanted=False)

    def _process_store(self, ref: ObjectRef) -> None:
        """Hold a store while a PushSecret needs it to delete what it pushed."""
        found = self._world.store(ref)
        store = found[0] if found else None
        if store is None or not store.live:
            return
        wanted = any(item.deletes and pushes_to(item, store) for item in self._items.all())
        if wanted and store.meta.deleted_at is not None:
            return  # It was never held, and the API server takes no finalizer any more.
        self._set_finalizer(ref, store.meta, STORE_FINALIZER, wanted=wanted)

    def _process_maker(self, ref: ObjectRef) -> None:
        item = self.makers.get(ref)
        if item is None:
            leaving = self._items.unusable(ref)
            if leaving is not None and leaving.deleted_at is not None:
                self._set_finalizer(ref, leaving, MAKER_FINALIZER, wanted=False)
            return
        if item.meta.deleted_at is not None:
            if self._provisioning.withdraw(item):
                self._set_finalizer(ref, item.meta, MAKER_FINALIZER, wanted=False)
            else:
                self._queue.add_after(ref, Lane.DUE, PERMANENT_BASE_S)
            return
        self._provisioning.provision(item, self._world.namespaces())
        if self._recorder.provisioned(item).failed:
            self._queue.add_after(ref, Lane.DUE, PERMANENT_BASE_S)
        elif item.refresh_interval_s > 0:
            self._queue.add_after(ref, Lane.DUE, item.refresh_interval_s)

    def _set_finalizer(
        self, ref: ObjectRef, meta: ObjectMeta, finalizer: str, *, wanted: bool
    ) -> bool:
        """Set or remove a finalizer; returns whether the object is as it should be.

        False where it was changed now, and comes again by its watch, or could not be.
        """
        if (finalizer in meta.finalizers) == wanted or not meta.uid:
            return True
        kept = [name for name in meta.finalizers if name != finalizer]
        names = [*kept, finalizer] if wanted else kept
        patch: dict[str, Any] = {
            "metadata": {"finalizers": names, "resourceVersion": meta.resource_version}
        }
        try:
            self._cluster.merge_patch(
                KINDS[ref.kind], ref.namespace, ref.name, patch, field_manager="secretsync"
            )
        except NotFound:
            return False
        except ClusterError as exc:
            log.warning("finalizer not changed", extra={"object": str(ref), "cause": exc.message})
            self._queue.add_after(ref, Lane.DUE, PERMANENT_BASE_S)
        return False


def _version(meta: ObjectMeta) -> str:
    return synced_resource_version(meta.generation, meta.labels, meta.annotations)


def _is_done(item: PushSecret, version: str) -> bool:
    """Return whether it was pushed once and for all: interval 0, and no edit since."""
    status: PushStatus = item.status
    ready: Mapping[str, Any] = status.ready
    return (
        item.refresh_interval_s <= 0
        and status.refresh_at is not None
        and status.synced_resource_version == version
        and ready.get("status") == "True"
    )


def source_is_secret(item: PushSecret) -> bool:
    """Return whether a Secret is pushed, not what a generator makes."""
    return isinstance(item.source, SecretSource)
