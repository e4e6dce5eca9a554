"""Takes in events of ClusterExternalSecrets, ClusterPushSecrets, and of what they made.

Neighbours: `push_part` hands the events over; `provisioning` makes what they ask for.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from secretsync.cluster.base import Cluster, WatchEvent, WatchEventType
from secretsync.controller.provisioning import Provisioning, maker_of
from secretsync.controller.push_items import PushItems, ref_of
from secretsync.controller.push_loop import PushLoop
from secretsync.controller.push_recorder import PushRecorder
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.resources.documents import Document, Origin
from secretsync.resources.meta import ObjectRef
from secretsync.resources.object_meta import object_findings, read_meta
from secretsync.resources.provisioner import ProvisionStatus, parse_provisioner

__all__ = ["MAKERS", "MakerIntake"]

MAKERS = ("ClusterPushSecret", "ClusterExternalSecret")


class MakerIntake:
    """Called by the watches, each from a thread of its own.

    Args:
        started: set once the initial state has been collected.
    """

    def __init__(
        self,
        cluster: Cluster,
        items: PushItems,
        queue: LaneQueue,
        loop: PushLoop,
        recorder: PushRecorder,
        provisioning: Provisioning,
        started: threading.Event,
    ) -> None:
        self._cluster = cluster
        self._items = items
        self._queue = queue
        self._loop = loop
        self._recorder = recorder
        self._provisioning = provisioning
        self._started = started
        self._generations: dict[ObjectRef, object] = {}

    def look(self) -> None:
        """Give every maker a turn."""
        for ref in list(self._loop.makers):
            self._queue.add(ref, Lane.NEW)

    def on_namespace(self, event: WatchEvent) -> None:
        """Handle one event of a namespace, whose deletion may wait for what held it."""
        ref = ref_of("Namespace", event.object)
        gone = event.type is WatchEventType.DELETED
        leaving = bool((event.object.get("metadata") or {}).get("deletionTimestamp"))
        if self._provisioning.leaves(ref.name, leaving=leaving and not gone):
            self._queue.add(ref, Lane.NEW)
        if self._started.is_set():
            self.look()

    def on_maker(self, event: WatchEvent) -> None:
        """Handle one event of a ClusterExternalSecret or a ClusterPushSecret."""
        ref = ref_of(str(event.object.get("kind")), event.object)
        before = self._loop.makers.get(ref)
        if event.type is WatchEventType.DELETED:
            self._loop.makers.pop(ref, None)
            self._items.remove(ref)
            if before is not None and not self._cluster.collects_garbage:
                self._provisioning.withdraw(before)
            self._loop.forget(ref)
            return
        parsed = parse_provisioner(Document(event.object, Origin(self._cluster.name)))
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
        document = Document(dict(obj), Origin(self._cluster.name))
        meta = read_meta(document, object_findings(document), default_namespace="")
        if meta.deleted_at is not None:
            self._items.put_unusable(ref, meta)
            self._queue.add(ref, Lane.ROTATION)

    def on_child(self, event: WatchEvent) -> None:
        """Give the maker of an object a turn when somebody edits or deletes the object."""
        maker = maker_of(event.object)
        child = ref_of(str(event.object.get("kind")), event.object)
        gone = event.type is WatchEventType.DELETED
        generation = (event.object.get("metadata") or {}).get("generation")
        before = self._generations.pop(child, None)
        if maker is None or maker[0] not in MAKERS:
            return
        if not gone:
            self._generations[child] = generation
        if self._started.is_set() and (gone or before not in (None, generation)):
            self._queue.add(ObjectRef(maker[0], "", maker[1]), Lane.NEW)
