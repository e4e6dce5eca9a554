"""The pushing part of the service, assembled: PushSecrets, and makers of objects.

It shares cluster, stores, sessions and statuses with the rest of the service, and has its
own queue and threads: a store that hangs holds up no ExternalSecret. The Secrets that are
pushed are followed by a watch of metadata, which begins with the first PushSecret of one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from secretsync.cluster.base import KINDS, Cluster, WatchEvent, WatchEventType
from secretsync.cluster.directory_pushes import DirectoryPushes
from secretsync.controller.generator_watch import GeneratorWatches
from secretsync.controller.metrics import KindMetrics, Metrics
from secretsync.controller.provisioning import Provisioning
from secretsync.controller.push_departures import PushDepartures
from secretsync.controller.push_items import PushItems, ref_of
from secretsync.controller.push_loop import PushLoop, source_is_secret
from secretsync.controller.push_makers import MAKERS, MakerIntake
from secretsync.controller.push_recorder import PUSH_KINDS, PushRecorder
from secretsync.controller.reflector import Reflector
from secretsync.controller.statuses import StatusWriter
from secretsync.controller.world import World
from secretsync.refresh.clock import Clock
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.refresh.pushing import PushPipeline
from secretsync.resources.documents import Document, Origin
from secretsync.resources.meta import ObjectRef
from secretsync.resources.object_meta import object_findings, read_meta
from secretsync.resources.push_secret import PushSecret, PushStatus, parse_push_secret

__all__ = ["PushPart", "PushShared"]

WORKERS = 4


@dataclass(frozen=True, slots=True)
class PushShared:
    """What the part shares with the rest of the service.

    Args:
        namespace: that is served; "" for all.
        pushed: what earlier processes pushed, where the cluster is a directory.
    """

    cluster: Cluster
    world: World
    metrics: Metrics
    statuses: StatusWriter
    clock: Clock
    stop: threading.Event
    namespace: str
    pushed: DirectoryPushes | None = None


class PushPart:
    """Started and stopped by the service.

    Args:
        given: the PushSecrets are those of PATH, which `put` and `remove` tell of; those of
            the cluster are left alone, and so are the stores that they need.
    """

    def __init__(self, shared: PushShared, pushes: PushPipeline, *, given: bool = False) -> None:
        self._shared = shared
        self._given = given
        self._items = PushItems()
        self._queue = LaneQueue(shared.clock)
        self._recorder = PushRecorder(
            shared.cluster,
            shared.statuses,
            KindMetrics(shared.metrics.registry, PUSH_KINDS),
            shared.clock,
        )
        self._provisioning = Provisioning(shared.cluster, self._recorder)
        self._departures = PushDepartures(
            shared.cluster,
            None if given else shared.pushed,
            shared.world,
            pushes,
            shared.clock,
            namespace=shared.namespace,
        )
        self._loop = PushLoop(
            shared.cluster,
            shared.world,
            self._items,
            self._queue,
            pushes,
            self._provisioning,
            self._recorder,
            self._departures,
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
        self._makers = MakerIntake(
            shared.cluster,
            self._items,
            self._queue,
            self._loop,
            self._recorder,
            self._provisioning,
            self._started,
        )
        self._generators = GeneratorWatches(
            shared.cluster,
            self._items,
            shared.clock,
            shared.stop,
            edited=self._loop.renew,
            appeared=self._loop.appeared,
            namespace=shared.namespace,
        )
        self.reflectors = [] if given else self._build_reflectors()

    def begin(self) -> None:
        """Begin to push: the initial state has been collected."""
        self._started.set()
        for item in self._items.all():
            self._look(item)
        for ref in self._departures.known():
            if self._items.get(ref) is None:
                self._queue.add(ref, Lane.DUE)  # Its file may be gone.
        self._makers.look()
        self._stores_may_be_held()
        self._loop.start()

    def follow(self) -> None:
        """Begin to watch Secrets once one is pushed, and generators once one makes values."""
        self._generators.follow()
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
        self._generators.join(timeout_s=2)

    def put(self, item: PushSecret) -> None:
        """Take a PushSecret of PATH in; one that is known gets a look, too.

        What it pushes may have come with the same files. A look that finds what was pushed
        before asks no store.
        """
        self._items.put(item)
        if self._started.is_set():
            self._look(item)

    def remove(self, ref: ObjectRef) -> None:
        """Forget a PushSecret of PATH; what it pushed stays."""
        self._items.remove(ref)
        self._loop.forget(ref)

    def generators_given(self, changed: Iterable[ObjectRef]) -> None:
        """Handle generators that PATH brings, changes or no longer has."""
        self._generators.given(changed)

    def on_push_secret(self, event: WatchEvent) -> None:
        """Handle one event of a PushSecret."""
        ref = ref_of("PushSecret", event.object)
        if event.type is WatchEventType.DELETED:
            self._items.remove(ref)
            self._loop.forget(ref)
            if self._departures.keeps(ref):
                self._queue.add(ref, Lane.DUE)
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

    def on_child(self, event: WatchEvent) -> None:
        """Handle one event of an object that a maker may have made."""
        self._makers.on_child(event)

    def on_namespace(self, event: WatchEvent) -> None:
        """Handle one event of a namespace: look again at what is made where."""
        if not self._given:
            self._makers.on_namespace(event)

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
        if self._knows_all():
            self._queue.add(ref, Lane.DUE)

    def _look(self, item: PushSecret) -> None:
        leaving = item.meta.deleted_at is not None
        self._queue.add(item.ref, Lane.ROTATION if leaving else Lane.NEW)

    def _stores_may_be_held(self) -> None:
        """Look at the finalizers of all stores; it costs no request where they are right."""
        if self._started.is_set() and self._knows_all():
            for ref in self._shared.world.store_refs():
                self._queue.add(ref, Lane.DUE)

    def _knows_all(self) -> bool:
        """Return whether the cluster's PushSecrets are known: who needs which store."""
        return not self._given and self.reflectors[0].synced

    def _build_reflectors(self) -> list[Reflector]:
        found = [self._reflector("PushSecret", self.on_push_secret)]
        if not self._shared.namespace:
            found += [self._reflector(kind, self._makers.on_maker) for kind in MAKERS]
        return found

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


def _same(before: PushSecret, after: PushSecret) -> bool:
    """Return whether two reads ask for the same, statuses aside."""
    blank = PushStatus()
    old, new = before.meta, after.meta
    metadata = ("generation", "labels", "annotations", "finalizers", "deleted_at")
    if any(getattr(old, name) != getattr(new, name) for name in metadata):
        return False
    return replace(before, status=blank, meta=new) == replace(after, status=blank)
