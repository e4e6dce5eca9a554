"""Turns outcomes of SealedSecrets into statuses, events, metrics and log lines.

Neighbours: `sealed_loop` has the outcomes, `core.sealed_conditions` words the status. Reasons and
component are Sealed Secrets', so that alerts on its events go on working; an event is
written when something was written or an error is new, not at each look.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Mapping
from typing import Any

from secretsync.cluster.base import KINDS, Event, EventType
from secretsync.controller.event_writer import EventWriter
from secretsync.controller.sealed_metrics import INSTANCE_LABEL, SealedMetrics
from secretsync.controller.statuses import StatusWriter
from secretsync.core.sealed import UNSEAL_FAILED, UPDATE_FAILED
from secretsync.core.sealed_conditions import SYNCED, sealed_status
from secretsync.refresh.clock import Clock
from secretsync.refresh.outcomes import Progress
from secretsync.resources.meta import ObjectRef
from secretsync.resources.problems import Problem, errors
from secretsync.resources.sealed_secret import (
    SealedSecret,
    SealedSecretStatus,
    sealed_secret_status,
)
from secretsync.sealed.unsealing import SealedOutcome

__all__ = ["SealedRecorder"]

log = logging.getLogger(__name__)

COMPONENT = "sealed-secrets"
_EVENT_PREFIX = {UNSEAL_FAILED: "Failed to unseal: "}


class SealedRecorder:
    """Says what happened, each thing once.

    Args:
        update_status: write statuses at all.
    """

    def __init__(
        self,
        events: EventWriter,
        statuses: StatusWriter,
        metrics: SealedMetrics,
        clock: Clock,
        *,
        update_status: bool = True,
    ) -> None:
        self._events = events
        self._statuses = statuses
        self._metrics = metrics
        self._clock = clock
        self._update_status = update_status
        self._lock = threading.Lock()
        self._last: dict[ObjectRef, SealedSecretStatus] = {}

    def record(self, outcome: SealedOutcome) -> None:
        """Record the outcome of one SealedSecret."""
        item = outcome.item
        before = self.status(item)
        message = outcome.condition_message if outcome.failed else ""
        self._count(outcome)
        self._condition(item, synced=not outcome.failed)
        said = before.synced == "False" and before.message == message
        if outcome.failed and not said:
            log.warning("not unsealed", extra={"object": str(item.ref), "cause": message})
            prefix = _EVENT_PREFIX.get(outcome.reason, "")
            self._emit(item, EventType.WARNING, outcome.reason, prefix + message)
        elif outcome.progress is Progress.APPLIED and outcome.action is not None:
            keys = [change.key for change in outcome.action.changes]
            extra = {"object": str(item.ref), "action": str(outcome.action.verb), "keys": keys}
            log.info("secret written", extra=extra)
            self._emit(item, EventType.NORMAL, outcome.reason, outcome.message)
        self._put(item, before, synced=not outcome.failed, message=message)

    def invalid(
        self, ref: ObjectRef, obj: Mapping[str, Any], problems: tuple[Problem, ...]
    ) -> None:
        """Record that an object of the cluster cannot be used as it is."""
        first = errors(problems)[0]
        message = ": ".join(part for part in ("invalid", first.field, first.message) if part)
        metadata = obj.get("metadata") or {}
        self._metrics.failed("unseal", ref.namespace)
        self._metrics.condition(ref, SYNCED, "False", instance=_instance(metadata.get("labels")))
        before = self._last.get(ref) or sealed_secret_status(obj)
        if before.synced != "False" or before.message != message:
            log.warning("invalid object", extra={"object": str(ref), "cause": message})
            about = _about(ref, metadata)
            text = f"{_EVENT_PREFIX[UNSEAL_FAILED]}{message}"
            self._events.put(Event(about, EventType.WARNING, UNSEAL_FAILED, text, COMPONENT))
        generation = metadata.get("generation")
        self._write(
            ref, obj, before, synced=False, message=message, generation=int(generation or 0)
        )

    def forget(self, ref: ObjectRef) -> None:
        """Drop everything about an object that is gone."""
        with self._lock:
            self._last.pop(ref, None)
        self._statuses.forget(ref)
        self._metrics.gone(ref)

    def unsay(self, ref: ObjectRef) -> None:
        """Forget what was written into a status that is gone."""
        with self._lock:
            self._last.pop(ref, None)

    def status(self, item: SealedSecret) -> SealedSecretStatus:
        """Return the status as last written, or as it was found."""
        with self._lock:
            return self._last.get(item.ref, item.status)

    def _count(self, outcome: SealedOutcome) -> None:
        self._metrics.requested()
        if not outcome.failed:
            return
        reason = "unseal" if outcome.reason == UNSEAL_FAILED else "update"
        if outcome.reason == UPDATE_FAILED and "not managed by" in outcome.message:
            reason = "unmanaged"
        self._metrics.failed(reason, outcome.item.meta.namespace)

    def _condition(self, item: SealedSecret, *, synced: bool) -> None:
        instance = _instance(item.meta.labels)
        status = "True" if synced else "False"
        self._metrics.condition(item.ref, SYNCED, status, instance=instance)

    def _put(
        self, item: SealedSecret, before: SealedSecretStatus, *, synced: bool, message: str
    ) -> None:
        if item.live:
            self._write(
                item.ref,
                item.raw,
                before,
                synced=synced,
                message=message,
                generation=item.meta.generation,
            )

    def _write(
        self,
        ref: ObjectRef,
        raw: Mapping[str, Any],
        before: SealedSecretStatus,
        *,
        synced: bool,
        message: str,
        generation: int,
    ) -> None:
        written = sealed_status(
            raw,
            before,
            synced=synced,
            message=message,
            generation=generation,
            now=self._clock.now(),
        )
        if written is None:
            return
        patch, after = written
        with self._lock:
            self._last[ref] = after
        if self._update_status:
            count = functools.partial(self._metrics.failed, "status", ref.namespace)
            self._statuses.put(ref, patch, failed=count)

    def _emit(self, item: SealedSecret, kind: EventType, reason: str, message: str) -> None:
        if not item.live:
            return
        metadata = {"uid": item.meta.uid, "resourceVersion": item.meta.resource_version}
        self._events.put(Event(_about(item.ref, metadata), kind, reason, message, COMPONENT))


def _about(ref: ObjectRef, metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": KINDS["SealedSecret"].api_version,
        "kind": ref.kind,
        "metadata": {
            "name": ref.name,
            "namespace": ref.namespace,
            "uid": metadata.get("uid", ""),
            "resourceVersion": metadata.get("resourceVersion", ""),
        },
    }


def _instance(labels: Mapping[str, Any] | None) -> str:
    return str((labels or {}).get(INSTANCE_LABEL, ""))
