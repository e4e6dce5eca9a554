"""What the watches say about SealedSecrets and their Secrets, turned into work.

Neighbours: `sealed_loop` does the work, `sealed_targets` remembers the Secrets, `intake`
is the same for ExternalSecrets.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any

from secretsync.cluster.base import Cluster, WatchEvent, WatchEventType
from secretsync.controller.garbage import Garbage
from secretsync.controller.sealed_loop import SealedItems, SealedLoop
from secretsync.controller.sealed_metrics import SealedMetrics
from secretsync.controller.sealed_recorder import SealedRecorder
from secretsync.controller.sealed_targets import SealedTargets
from secretsync.controller.sight import surely_gone
from secretsync.core.secrets import ADOPT_ANNOTATION
from secretsync.refresh.claims import Claims
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.resources.documents import Document, Origin
from secretsync.resources.meta import ObjectRef
from secretsync.resources.sealed_secret import SealedSecret, parse_sealed_secret

__all__ = ["SealedIntake"]

log = logging.getLogger(__name__)

Key = tuple[str, str]


class SealedIntake:
    """Handlers of the watches. Until `begin` they only collect.

    Args:
        recreates: make a Secret again that somebody deleted.
        wake: give another claimant of a Secret a turn.
    """

    def __init__(
        self,
        cluster: Cluster,
        items: SealedItems,
        targets: SealedTargets,
        claims: Claims,
        queue: LaneQueue,
        loop: SealedLoop,
        recorder: SealedRecorder,
        metrics: SealedMetrics,
        garbage: Garbage,
        *,
        recreates: bool,
        wake: Callable[[ObjectRef], None],
    ) -> None:
        self._cluster = cluster
        self._items = items
        self._targets = targets
        self._claims = claims
        self._queue = queue
        self._loop = loop
        self._recorder = recorder
        self._metrics = metrics
        self._garbage = garbage
        self._recreates = recreates
        self._wake = wake
        self._started = threading.Event()
        self._unseen: frozenset[Key] = frozenset()

    def begin(self) -> None:
        """Look at everything that was collected, behind what is new from now on."""
        self._started.set()
        for ref in self._items.refs():
            self._queue.add(ref, Lane.SWEEP)

    def on_sealed_secret(self, event: WatchEvent) -> None:
        """Handle one event of a SealedSecret."""
        metadata = event.object.get("metadata") or {}
        ref = ObjectRef("SealedSecret", metadata.get("namespace", ""), metadata.get("name", ""))
        if event.type is WatchEventType.DELETED:
            self.remove(ref)
            return
        document = Document(event.object, Origin(self._cluster.name))
        parsed = parse_sealed_secret(document, default_namespace=ref.namespace)
        if parsed.value is None:
            # Its Secret stays, and stays claimed: such an edit is no deletion.
            self._items.remove(ref)
            self._loop.forget(ref)
            self._recorder.invalid(ref, event.object, parsed.problems)
            return
        self.put(parsed.value)

    def on_secret(self, event: WatchEvent) -> None:
        """Handle one event of any Secret's metadata."""
        metadata: Mapping[str, Any] = event.object.get("metadata") or {}
        key = (metadata.get("namespace", ""), metadata.get("name", ""))
        if not self._targets.claims(key):
            return
        ref = ObjectRef("SealedSecret", *key)
        if event.type is WatchEventType.DELETED:
            self._target_gone(ref, key)
            return
        self._targets.put(key, metadata)
        if self._started.is_set() and self._targets.surprising(key):
            self._loop.target_changed(ref)

    def on_secrets_listed(self, listed: Collection[Key]) -> None:
        """Notice Secrets that went away while nobody watched, and those that never were."""
        self._targets.listed(listed)
        if not self._started.is_set():
            return
        for key in self._targets.vanished(listed):
            self._target_gone(ObjectRef("SealedSecret", *key), key)

    def find_missed(self) -> None:
        """Notice Secrets that went away before the watch ever showed them.

        A directory is looked at a few times a second; see `Intake.find_missed`.
        """
        awaited = self._targets.awaited()
        for key in awaited & self._unseen:
            if surely_gone(self._cluster, key):
                self._target_gone(ObjectRef("SealedSecret", *key), key)
        self._unseen = awaited

    def _target_gone(self, ref: ObjectRef, key: Key) -> None:
        recreated = self._targets.gone(key)
        if not (self._started.is_set() and recreated and self._recreates):
            return
        if self._items.get(ref) is not None:
            log.warning("secret deleted; it is made again", extra={"object": str(ref)})
            self._queue.add(ref, Lane.ROTATION)

    def put(self, item: SealedSecret) -> None:
        """Take a SealedSecret in, and look at it where it differs."""
        before = self._items.put(item)
        self._claims.put(item)
        self._targets.claim((item.meta.namespace, item.target_name))
        edited = before is None or _decisive(before) != _decisive(item)
        silent = not item.status.synced and (edited or before is None or before.status.synced)
        if silent:
            # A new object, or a file that was saved without its status.
            self._recorder.unsay(item.ref)
        elif not edited:
            return
        if self._started.is_set():
            self._loop.renewed(item.ref)
            self._queue.add(item.ref, Lane.NEW)

    def remove(self, ref: ObjectRef) -> None:
        """Forget a SealedSecret; who waited for its Secret gets a turn."""
        item = self._items.remove(ref)
        self._claims.remove(ref)
        self._loop.forget(ref)
        self._recorder.forget(ref)
        self._metrics.requested()
        key = (ref.namespace, ref.name)
        self._targets.release(key)
        if item is not None:
            self._garbage.collect(item)
        for other in self._claims.claimants(*key):
            self._wake(other.ref)


def _decisive(item: SealedSecret) -> object:
    """What an edit has to change to be one: not the status, not somebody's annotation."""
    meta = item.meta
    return (
        meta.uid,
        meta.deleted_at,
        item.scope,
        meta.annotations.get(ADOPT_ANNOTATION),
        item.raw.get("spec"),
    )
