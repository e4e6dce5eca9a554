"""What the watches say, turned into the world's state and into work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from secretsync.cluster.base import Cluster, WatchEvent, WatchEventType
from secretsync.controller.drift import metadata_drifted
from secretsync.controller.garbage import Garbage
from secretsync.controller.metrics import Metrics
from secretsync.controller.needs import all_known
from secretsync.controller.reconciler import Reconciler
from secretsync.controller.recorder import Recorder
from secretsync.controller.sight import surely_gone
from secretsync.controller.targets import TargetCache
from secretsync.controller.world import Entry, World
from secretsync.core.secrets import MANAGED_LABEL
from secretsync.refresh.claims import Claims
from secretsync.refresh.index import DependencyIndex
from secretsync.refresh.keeping import is_once
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.refresh.wiring import Engine
from secretsync.resources.documents import Document, Origin
from secretsync.resources.external_secret import (
    ExternalSecret,
    ExternalSecretStatus,
    parse_external_secret,
)
from secretsync.resources.meta import ObjectRef
from secretsync.resources.object_meta import object_findings, read_meta
from secretsync.resources.secret_store import SecretStore, parse_secret_store

__all__ = ["Intake", "Parts"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """The service's parts that the intake feeds.

    Args:
        wake: gives a claimant of a target, of either kind, a turn.
    """

    cluster: Cluster
    world: World
    targets: TargetCache
    claims: Claims
    queue: LaneQueue
    index: DependencyIndex
    engine: Engine
    recorder: Recorder
    reconciler: Reconciler
    metrics: Metrics
    garbage: Garbage
    wake: Callable[[ObjectRef], None]


class Intake:
    """Handlers of the watches. Until `begin` they only collect.

    Args:
        store_changed: called with a store that is new or has changed.
    """

    def __init__(self, parts: Parts, store_changed: Callable[[ObjectRef], None]) -> None:
        self._parts = parts
        self._store_changed = store_changed
        self._started = threading.Event()
        # What an ExternalSecret asked for before an edit made it unusable.
        self._unusable: dict[ObjectRef, ExternalSecret] = {}
        # Metadata of the Secrets that there were at the start, until they were judged.
        self._early: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._unseen: frozenset[tuple[str, str]] = frozenset()

    def begin(self) -> None:
        """Judge everything that was collected, and every event from now on."""
        self._started.set()
        for ref in self._parts.world.store_refs():
            self._store_changed(ref)
        for entry in self._parts.world.items():
            if entry.item.meta.deleted_at is not None or not self._settled(entry):
                self._look_at(entry.item)
        for key in list(self._early):
            self._outgrown(key)
        self._early.clear()

    def on_external_secret(self, event: WatchEvent) -> None:
        """Handle one event of an ExternalSecret."""
        ref = _ref("ExternalSecret", event.object)
        if event.type is WatchEventType.DELETED:
            self.remove_item(ref)
            return
        document = Document(event.object, Origin(self._parts.cluster.name))
        parsed = parse_external_secret(document, default_namespace=ref.namespace)
        if parsed.value is None:
            self._parts.recorder.invalid(ref, event.object, parsed.problems)
            self._set_aside(ref, document)
            return
        self.put_item(parsed.value)

    def _set_aside(self, ref: ObjectRef, document: Document) -> None:
        """Leave one that is unusable alone: such an edit is no deletion of its Secret."""
        parts = self._parts
        parts.queue.forget(ref)
        parts.index.remove(ref)
        before = parts.world.remove_item(ref)
        if before is not None:
            self._unusable[ref] = before.item
        meta = read_meta(document, object_findings(document), default_namespace=ref.namespace)
        if meta.deleted_at is not None:
            # But it may be deleted: a finalizer must not hold it for ever.
            parts.world.put_leaving(ref, meta)
            parts.queue.add(ref, Lane.ROTATION)

    def put_item(self, item: ExternalSecret) -> None:
        """Take an ExternalSecret in, and look at it where it differs."""
        entry, before = self._parts.world.put_item(item)
        self._unusable.pop(item.ref, None)
        self._parts.claims.put(item)
        if not self._started.is_set():
            return
        changed = before is None or before.version != entry.version or not _same(before.item, item)
        if item.meta.deleted_at is not None or (changed and not self._done_once(item)):
            self._look_at(item)

    def remove_item(self, ref: ObjectRef) -> None:
        """Forget an ExternalSecret; who waited for its target gets a turn."""
        parts = self._parts
        before = parts.world.remove_item(ref)
        parts.claims.remove(ref)
        parts.index.remove(ref)
        parts.queue.forget(ref)
        parts.engine.deleter.forget(ref)
        parts.reconciler.forget(ref)
        parts.recorder.forget(ref)
        item = self._unusable.pop(ref, None)
        item = before.item if before is not None else item
        if item is None:
            return
        key = (item.meta.namespace, item.target.name)
        parts.garbage.collect(item)
        for other in parts.claims.claimants(*key):
            parts.wake(other.ref)
        if not parts.claims.claimants(*key):
            parts.targets.forget(key)

    def _look_at(self, item: ExternalSecret) -> None:
        """Queue an ExternalSecret that is new, changed or on its way out."""
        leaving = item.meta.deleted_at is not None
        self._parts.queue.add(item.ref, Lane.ROTATION if leaving else Lane.NEW)

    def _done_once(self, item: ExternalSecret) -> bool:
        """Return whether an edit asks for nothing, because it was synced once and for all."""
        parts = self._parts
        return (
            is_once(item)
            and bool(parts.recorder.status(item).synced_resource_version)
            and parts.targets.expects((item.meta.namespace, item.target.name))
        )

    def _settled(self, entry: Entry) -> bool:
        """Return whether nothing needs to be read or written for it now; then enrol it.

        Only asked at the start. Later the status that an edit comes with may be older
        than what was written last: an edit and its undoing would look like none.
        """
        item, status, parts = entry.item, entry.item.status, self._parts
        key = (item.meta.namespace, item.target.name)
        seen = parts.targets.get(key)
        intact = item.target.creation_policy == "None" or (seen is not None and seen.intact)
        if not intact or not status.synced_resource_version:
            return False
        exclusive = item.target.creation_policy in ("Owner", "Orphan")
        if is_once(item):
            parts.targets.expect_as_seen(key, exclusive=exclusive)
            return True
        if status.ready != "True" or status.synced_resource_version != entry.version:
            return False
        watched = item.target.creation_policy not in ("Orphan", "None")
        if watched and key in self._early and metadata_drifted(item, self._early[key]):
            return False
        if item.refresh_policy == "Periodic":
            versions = seen.versions if seen is not None else {}
            if not all_known(parts.world, item, versions):
                return False
            parts.reconciler.enroll(item, versions, failed=False)
            parts.reconciler.plan_generator(item, versions)
        parts.targets.expect_as_seen(key, exclusive=exclusive)
        parts.metrics.condition(item.ref, ready=True)
        return True

    def on_secret(self, event: WatchEvent) -> None:
        """Handle one event of a managed Secret."""
        metadata = event.object.get("metadata") or {}
        key = (metadata.get("namespace", ""), metadata.get("name", ""))
        if event.type is WatchEventType.DELETED:
            self._parts.targets.remove(key)
        else:
            self._parts.targets.put(key, event.object)
        if not self._started.is_set():
            self._early[key] = metadata
            return
        drifted = self._parts.targets.drifted(key)
        for item in self._parts.claims.claimants(*key):
            if not isinstance(item, ExternalSecret):
                continue
            if drifted or self._relabelled(item, key, metadata):
                self.drifted(item, key[1])
        self._outgrown(key)

    def _outgrown(self, key: tuple[str, str]) -> None:
        """Have what its maker left behind under other names removed."""
        seen = self._parts.targets.get(key)
        if seen is not None and seen.created_by:
            self._parts.reconciler.remove_outgrown(key[0], seen.created_by)

    def _relabelled(
        self, item: ExternalSecret, key: tuple[str, str], metadata: Mapping[str, Any]
    ) -> bool:
        """Return whether somebody changed what else than data we gave a Secret.

        Not asked of one that is never read again: repairing it would renew its values.
        """
        parts = self._parts
        return (
            parts.targets.get(key) is not None
            and parts.targets.expects(key)
            and not is_once(item)
            and parts.claims.rival(item) is None
            and metadata_drifted(item, metadata)
        )

    def drifted(self, item: ExternalSecret, name: str) -> None:
        """Have a target that somebody else wrote, or deleted, made as it should be."""
        # As in ESO, an Orphan is not watched over between refreshes.
        if item.target.creation_policy in ("Orphan", "None"):
            return
        self._parts.metrics.drifted(item.meta.namespace)
        log.warning("target drifted", extra={"object": str(item.ref), "target": name})
        self._parts.queue.add(item.ref, Lane.ROTATION)

    def find_missed(self) -> None:
        """Notice Secrets that went away before the watch ever showed them.

        A directory is looked at a few times a second, so that what was made and removed
        in between was never there. What the second look in a row misses is asked for: on
        a busy machine a watch may be further behind.
        """
        unseen = self._parts.targets.unseen()
        for key in unseen & self._unseen:
            if not surely_gone(self._parts.cluster, key, label=MANAGED_LABEL):
                continue
            for item in self._parts.claims.claimants(*key):
                # What could not be written is tried again at its own pace.
                if not isinstance(item, ExternalSecret):
                    continue
                if self._parts.recorder.status(item).ready == "True":
                    self.drifted(item, key[1])
        self._unseen = unseen

    def on_store(self, event: WatchEvent) -> None:
        """Handle one event of a store of either kind."""
        kind = event.object.get("kind") or "SecretStore"
        ref = _ref(kind, event.object)
        if event.type is WatchEventType.DELETED:
            self._parts.world.remove_store(ref)
            self._parts.metrics.gone(ref)
            self._parts.engine.sessions.keep_only(self._parts.world.store_refs())
            if self._started.is_set():
                for user in self._parts.world.users(ref):
                    self._parts.queue.add(user, Lane.NEW)
            return
        document = Document(event.object, Origin(self._parts.cluster.name))
        parsed = parse_secret_store(document, default_namespace=ref.namespace)
        if parsed.value is None:
            self._parts.recorder.invalid(ref, event.object, parsed.problems)
        self.put_store(ref, (parsed.value, parsed.problems))

    def put_store(self, ref: ObjectRef, found: tuple[SecretStore | None, tuple[Any, ...]]) -> None:
        """Take a store in; its users are looked at again where it differs."""
        before = self._parts.world.put_store(ref, found)
        if not self._started.is_set():
            return
        if before is not None and _store_identity(before[0]) == _store_identity(found[0]):
            return
        self._store_changed(ref)
        for user in self._parts.world.users(ref):
            self._parts.queue.add(user, Lane.NEW)

    def on_namespace(self, event: WatchEvent) -> None:
        """Handle one event of a namespace: stores may admit it now, or no longer."""
        metadata = event.object.get("metadata") or {}
        name = metadata.get("name", "")
        if event.type is WatchEventType.DELETED:
            self._parts.world.remove_namespace(name)
            return
        labels: Mapping[str, str] = metadata.get("labels") or {}
        before = self._parts.world.namespace_labels(name)
        self._parts.world.put_namespace(name, labels)
        if not self._started.is_set() or before == labels or before is None:
            return
        for entry in self._parts.world.items():
            if entry.item.meta.namespace == name:
                self._parts.queue.add(entry.item.ref, Lane.NEW)


def _ref(kind: str, obj: Mapping[str, Any]) -> ObjectRef:
    metadata = obj.get("metadata") or {}
    namespace = "" if kind == "ClusterSecretStore" else metadata.get("namespace", "")
    return ObjectRef(kind, namespace, metadata.get("name", ""))


def _same(before: ExternalSecret, after: ExternalSecret) -> bool:
    """Return whether two reads of an ExternalSecret ask for the same, statuses aside."""
    blank = ExternalSecretStatus()
    return replace(before, status=blank, meta=after.meta) == replace(after, status=blank)


def _store_identity(store: SecretStore | None) -> object:
    if store is None:
        return None
    return (
        store.provider,
        store.config,
        store.controller,
        store.conditions,
        store.retry,
        sorted(store.meta.annotations.items()),
    )
