"""The pushing part of the service, assembled: PushSecrets, and makers of objects.

It shares cluster, stores, sessions and statuses with the rest of the service, and has its
own queue and threads: a store that hangs holds up no ExternalSecret. The Secrets that are
pushed are followed by a watch of metadata, which begins with the first PushSecret of one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from secretsync.cluster.base import KINDS, Cluster, WatchEvent, WatchEventType
from secretsync.controller.metrics import Metrics
from secretsync.controller.provisioning import Provisioning, maker_of
from secretsync.controller.push_items import PushItems
from secretsync.controller.push_loop import PushLoop, source_is_secret
from secretsync.controller.push_recorder import PushMetrics, PushRecorder
from secretsync.controller.reflector import Reflector
from secretsync.controller.statuses import StatusWriter
from secretsync.controller.world import World
from secretsync.refresh.clock import Clock
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.refresh.pushing import PushPipeline
from secretsync.resources.documents import Document, Origin
from secretsync.resources.meta import ObjectRef
from secretsync.resources.object_meta import object_findings, read_meta
from secretsync.resources.provisioner import ProvisionStatus, parse_provisioner
from secretsync.resources.push_secret import PushSecret, PushStatus, parse_push_secret

__all__ = ["PushPart", "PushShared"]

WORKERS = 4
_MAKERS = ("ClusterPushSecret", "ClusterExternalSecret")


@dataclass(frozen=True, slots=True)
class PushShared:
    """What the part shares with the rest of the service.

    Args:
        namespace: that is served; "" for all.
    """

    cluster: Cluster
    world: World
    metrics: Metrics
    statuses: StatusWriter
    clock: Clock
    stop: threading.Event
    namespace: str


class PushPart:
    """Started and stopped by the service."""

    def __init__(self, shared: PushShared, pushes: PushPipeline) -> None:
        self._shared = shared
        self._items = PushItems()
        self._queue = LaneQueue(shared.clock)
        self._recorder = PushRecorder(
            shared.cluster, shared.statuses, PushMetrics(shared.metrics.registry), shared.clock
        )
        self._provisioning = Provisioning(shared.cluster, self._recorder)
        self._loop = PushLoop(
            shared.cluster,
            shared.world,
            self._items,
            self._queue,
            pushes,
            self._provisioning,
            self._recorder,
            shared.clock,
            workers=WORKERS,
        )
        shared.metrics.gauge_from(
            "secretsync_push_queue_depth",
            "PushSecrets, and makers of objects, that wait, by lane.",
            ("lane",),
            lambda: {(lane.name.lower(),): n for lane, n in self._queue.depths().items()},
        )
        self._started = threading.Event()
        self._secrets: Reflector | None = None
        self._generations: dict[ObjectRef, object] = {}
        self.reflectors = [self._reflector("PushSecret", self.on_push_secret)]
        if not shared.namespace:
            self.reflectors += [self._reflector(kind, self.on_maker) for kind in _MAKERS]

    def begin(self) -> None:
        """Begin to push: the initial state has been collected."""
        self._started.set()
        for item in self._items.all():
            self._look(item)
        for ref in list(self._loop.makers):
            self._queue.add(ref, Lane.NEW)
        self._stores_may_be_held()
        self._loop.start()

    def follow(self) -> None:
        """Begin to watch Secrets once one is pushed."""
        if self._secrets is not None or not any(map(source_is_secret, self._items.all())):
            return
        shared = self._shared
        self._secrets = Reflector(
            shared.cluster,
            KINDS["Secret"],
            self.on_secret,
            shared.clock,
            shared.stop,
            namespace=shared.namespace,
            metadata_only=True,
            interest=self._items.concerns,
            optional=True,
        )
        self._secrets.start()

    def stop(self) -> None:
        """Take no more work; what is under way goes on."""
        self._queue.close()

    def end(self) -> None:
        """Wait for what is under way, after `stop`."""
        self._loop.close()
        if self._secrets is not None:
            self._secrets.join(timeout_s=2)

    def on_push_secret(self, event: WatchEvent) -> None:
        """Handle one event of a PushSecret."""
        ref = _ref("PushSecret", event.object)
        if event.type is WatchEventType.DELETED:
            self._items.remove(ref)
            self._loop.forget(ref)
            self._stores_may_be_held()
            return
        document = Document(event.object, Origin(self._shared.cluster.name))
        parsed = parse_push_secret(document, default_namespace=ref.namespace)
        if parsed.value is None:
            self._recorder.invalid(ref, event.object, parsed.problems)
            meta = read_meta(document, object_findings(document), default_namespace=ref.namespace)
            self._items.put_unusable(ref, meta)
            self._queue.add(ref, Lane.ROTATION)
            return
        item = parsed.value
        before = self._items.put(item)
        if not self._started.is_set() or (before is not None and _same(before, item)):
            return
        self._look(item)
        self._stores_may_be_held()

    def on_maker(self, event: WatchEvent) -> None:
        """Handle one event of a ClusterExternalSecret or a ClusterPushSecret."""
        ref = _ref(str(event.object.get("kind")), event.object)
        before = self._loop.makers.get(ref)
        if event.type is WatchEventType.DELETED:
            self._loop.makers.pop(ref, None)
            self._items.remove(ref)
            if before is not None and not self._shared.cluster.collects_garbage:
                self._provisioning.withdraw(before)
            self._loop.forget(ref)
            return
        parsed = parse_provisioner(Document(event.object, Origin(self._shared.cluster.name)))
        if parsed.value is None:
            # Its children stay as they are: such an edit asks for nothing.
            self._loop.makers.pop(ref, None)
            self._recorder.invalid(ref, event.object, parsed.problems)
            self._let_go(ref, event.object)
            return
        item = parsed.value
        self._loop.makers[ref] = item
        blank = ProvisionStatus()
        if before is not None and replace(before, status=blank, meta=item.meta) == replace(
            item, status=blank
        ):
            old, new = before.meta, item.meta
            if (old.annotations, old.deleted_at) == (new.annotations, new.deleted_at):
                return
        if self._started.is_set():
            self._queue.add(ref, Lane.NEW)

    def _let_go(self, ref: ObjectRef, obj: Mapping[str, Any]) -> None:
        """Hold one that cannot be used no longer, if it is deleted: its children go with it."""
        document = Document(dict(obj), Origin(self._shared.cluster.name))
        meta = read_meta(document, object_findings(document), default_namespace="")
        if meta.deleted_at is not None:
            self._items.put_unusable(ref, meta)
            self._queue.add(ref, Lane.ROTATION)

    def on_child(self, event: WatchEvent) -> None:
        """Give the maker of an object a turn when somebody edits or deletes the object."""
        maker = maker_of(event.object)
        child = _ref(str(event.object.get("kind")), event.object)
        gone = event.type is WatchEventType.DELETED
        generation = (event.object.get("metadata") or {}).get("generation")
        before = self._generations.pop(child, None)
        if maker is None or maker[0] not in _MAKERS:
            return
        if not gone:
            self._generations[child] = generation
        if self._started.is_set() and (gone or before not in (None, generation)):
            self._queue.add(ObjectRef(maker[0], "", maker[1]), Lane.NEW)

    def on_secret(self, event: WatchEvent) -> None:
        """Handle one event of a Secret that may be pushed."""
        metadata: Mapping[str, Any] = event.object.get("metadata") or {}
        place = metadata.get("namespace", ""), metadata.get("name", "")
        for ref in self._items.pushing(place, metadata.get("labels") or {}):
            self._queue.add(ref, Lane.ROTATION)

    def store_changed(self, ref: ObjectRef) -> None:
        """Compare what is pushed to a store that is new or was edited."""
        found = self._shared.world.store(ref)
        store = found[0] if found else None
        if store is None or not self._started.is_set():
            return
        for item in self._items.pushing_to(store):
            self._loop.ask(item.ref)
        if self.reflectors[0].synced:
            self._queue.add(ref, Lane.DUE)

    def namespaces_changed(self) -> None:
        """Look again at what is made in which namespaces."""
        if self._started.is_set():
            for ref in list(self._loop.makers):
                self._queue.add(ref, Lane.NEW)

    def _look(self, item: PushSecret) -> None:
        leaving = item.meta.deleted_at is not None
        self._queue.add(item.ref, Lane.ROTATION if leaving else Lane.NEW)

    def _stores_may_be_held(self) -> None:
        """Look at the finalizers of all stores; it costs no request where they are right."""
        if self._started.is_set() and self.reflectors[0].synced:
            for ref in self._shared.world.store_refs():
                self._queue.add(ref, Lane.DUE)

    def _reflector(self, kind: str, handle: Callable[[WatchEvent], None]) -> Reflector:
        shared = self._shared
        return Reflector(
            shared.cluster,
            KINDS[kind],
            handle,
            shared.clock,
            shared.stop,
            namespace=shared.namespace,
            optional=True,
        )


def _ref(kind: str, obj: Mapping[str, Any]) -> ObjectRef:
    metadata = obj.get("metadata") or {}
    return ObjectRef(kind, metadata.get("namespace", ""), metadata.get("name", ""))


def _same(before: PushSecret, after: PushSecret) -> bool:
    """Return whether two reads ask for the same, statuses aside."""
    blank = PushStatus()
    old, new = before.meta, after.meta
    metadata = ("generation", "labels", "annotations", "finalizers", "deleted_at")
    if any(getattr(old, name) != getattr(new, name) for name in metadata):
        return False
    return replace(before, status=blank, meta=new) == replace(after, status=blank)
