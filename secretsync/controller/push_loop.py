"""Works on PushSecrets, on makers of objects, and on the finalizers of stores.

Neighbours: `push_intake` fills the queue, `refresh.pushing` pushes, `provisioning` makes
objects, `push_recorder` says what became of each.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

from secretsync.cluster.base import Cluster
from secretsync.controller.finalizers import Finalizers
from secretsync.controller.provisioning import MAKER_FINALIZER, Provisioning
from secretsync.controller.push_departures import PushDepartures
from secretsync.controller.push_items import PushItems
from secretsync.controller.push_recorder import PushRecorder
from secretsync.controller.retries import PERMANENT_BASE_S, Retries
from secretsync.controller.world import World
from secretsync.core.push import pushes_to
from secretsync.core.push_status import push_version
from secretsync.refresh.clock import Clock
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.refresh.outcomes import Progress
from secretsync.refresh.push_outcomes import PushOutcome
from secretsync.refresh.pushing import PushPipeline
from secretsync.resources.meta import ObjectRef
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
        departures: PushDepartures,
        clock: Clock,
        *,
        workers: int,
    ) -> None:
        self._world = world
        self._items = items
        self._queue = queue
        self._pushes = pushes
        self._provisioning = provisioning
        self._recorder = recorder
        self._departures = departures
        self._clock = clock
        self._workers = workers
        self._retries = Retries()
        self._finalizers = Finalizers(cluster, queue)
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

    def renew(self, ref: ObjectRef) -> None:
        """Have a PushSecret push what its generator, which was edited, makes now."""
        self._pushes.renew(ref)
        self.ask(ref)

    def appeared(self, ref: ObjectRef) -> None:
        """Give a PushSecret a turn that waited for its generator."""
        item = self._items.get(ref)
        if item is not None and self._recorder.status(item).ready.get("status") != "True":
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
            began_ns = time.monotonic_ns()
            try:
                self._process(keys[0])
                self._took(keys[0], time.monotonic_ns() - began_ns)
            except Exception as exc:
                log.exception("push failed", extra={"object": str(keys[0])}, exc_info=exc)
                self._queue.add_after(keys[0], Lane.DUE, RETRY_S)
            finally:
                self._queue.done(keys[0])

    def _took(self, ref: ObjectRef, duration_ns: int) -> None:
        """Say how long a look took, at an object that is still there."""
        if self._items.get(ref) is not None or ref in self.makers:
            self._recorder.took(ref, duration_ns)

    def _process(self, ref: ObjectRef) -> None:
        if ref.kind == "PushSecret":
            self._process_push(ref)
        elif ref.kind in ("SecretStore", "ClusterSecretStore"):
            self._process_store(ref)
        elif ref.kind == "Namespace":
            if not self._provisioning.let_go(ref.name):
                self._queue.add_after(ref, Lane.DUE, PERMANENT_BASE_S)
        else:
            self._process_maker(ref)

    def _process_push(self, ref: ObjectRef) -> None:
        item = self._items.get(ref)
        if item is None:
            leaving = self._items.unusable(ref)
            if leaving is not None and leaving.deleted_at is not None:
                # What it pushed stays: its spec cannot be read, and nothing is deleted on doubt.
                self._finalizers.set(ref, leaving, PUSH_FINALIZER, wanted=False)
            elif leaving is None:
                self._process_departed(ref)
            return
        item = self._departures.restored(replace(item, status=self._recorder.status(item)))
        if item.meta.deleted_at is not None:
            self._finalize(item)
            return
        if not self._finalizers.set(ref, item.meta, PUSH_FINALIZER, wanted=item.deletes):
            return
        version = push_version(item)
        if _is_done(item, version):
            return
        with self._lock:
            asked = ref in self._asked
            self._asked.discard(ref)
        due = asked or self._is_due(item, version)
        outcome = self._pushes.run(_careful(item), due=due)
        if outcome.progress is Progress.SKIPPED:
            return
        self._departures.note(item, outcome.synced)
        if self._items.get(ref) is None:
            self._queue.add(ref, Lane.DUE)  # It went away meanwhile.
            return
        if outcome.failed and due:
            with self._lock:
                self._asked.add(ref)  # What was due still is.
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
                self._recorder.pushed(outcome, push_version(item))
                self._plan_next(outcome)
                return
        self._departures.note(item, {})
        self._finalizers.set(item.ref, item.meta, PUSH_FINALIZER, wanted=False)

    def _process_departed(self, ref: ObjectRef) -> None:
        wait_s = self._departures.look(ref)
        if wait_s is not None:
            self._queue.add_after(ref, Lane.DUE, wait_s)

    def _process_store(self, ref: ObjectRef) -> None:
        """Hold a store while a PushSecret needs it to delete what it pushed."""
        found = self._world.store(ref)
        store = found[0] if found else None
        if store is None or not store.live:
            return
        wanted = any(item.deletes and pushes_to(item, store) for item in self._items.all())
        if wanted and store.meta.deleted_at is not None:
            return  # It was never held, and the API server takes no finalizer any more.
        self._finalizers.set(ref, store.meta, STORE_FINALIZER, wanted=wanted)

    def _process_maker(self, ref: ObjectRef) -> None:
        item = self.makers.get(ref)
        if item is None:
            leaving = self._items.unusable(ref)
            if leaving is not None and leaving.deleted_at is not None:
                self._finalizers.set(ref, leaving, MAKER_FINALIZER, wanted=False)
            return
        if item.meta.deleted_at is not None:
            if self._provisioning.withdraw(item):
                self._finalizers.set(ref, item.meta, MAKER_FINALIZER, wanted=False)
            else:
                self._queue.add_after(ref, Lane.DUE, PERMANENT_BASE_S)
            return
        self._provisioning.provision(item, self._world.namespaces())
        if self._recorder.provisioned(item).failed:
            self._queue.add_after(ref, Lane.DUE, PERMANENT_BASE_S)
        elif item.refresh_interval_s > 0:
            self._queue.add_after(ref, Lane.DUE, item.refresh_interval_s)


def _careful(item: PushSecret) -> PushSecret:
    """Keep what an earlier process generated for a PushSecret of PATH, which has no status.

    Its first look pushes only where there is nothing; its interval and its edits count
    from there.
    """
    if item.live or item.status.refresh_at is not None or source_is_secret(item):
        return item
    return replace(item, update_policy="IfNotExists")


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
