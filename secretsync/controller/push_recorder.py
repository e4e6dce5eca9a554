"""Turns what became of PushSecrets and makers of objects into statuses, events, metrics."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from secretsync.cluster.base import KINDS, Cluster, Event, EventType
from secretsync.controller.metrics import KindMetrics
from secretsync.controller.statuses import StatusWriter
from secretsync.core.conditions import ready_status
from secretsync.core.push_status import provision_status, push_status
from secretsync.refresh.clock import Clock
from secretsync.refresh.outcomes import Progress
from secretsync.refresh.push_outcomes import PushOutcome, PushVerb
from secretsync.resources.meta import ObjectMeta, ObjectRef
from secretsync.resources.problems import Problem, errors
from secretsync.resources.provisioner import Provisioner, ProvisionStatus
from secretsync.resources.push_secret import PushSecret, PushStatus
from secretsync.resources.status import ready_condition

__all__ = ["PUSH_KINDS", "PushRecorder"]

log = logging.getLogger(__name__)

#: What the part that pushes serves.
PUSH_KINDS = ("PushSecret", "ClusterPushSecret", "ClusterExternalSecret")


class PushRecorder:
    """Says what happened, each thing once; knows the statuses as last written."""

    def __init__(
        self, cluster: Cluster, statuses: StatusWriter, metrics: KindMetrics, clock: Clock
    ) -> None:
        self._cluster = cluster
        self._statuses = statuses
        self._metrics = metrics
        self._clock = clock
        self._lock = threading.Lock()
        self._pushes: dict[ObjectRef, PushStatus] = {}
        self._provisions: dict[ObjectRef, ProvisionStatus] = {}

    def status(self, item: PushSecret) -> PushStatus:
        """Return the status of a PushSecret as last written, or as it was found."""
        with self._lock:
            return self._pushes.get(item.ref, item.status)

    def provisioned(self, item: Provisioner) -> ProvisionStatus:
        """Return the status of a maker as last written, or as it was found."""
        with self._lock:
            return self._provisions.get(item.ref, item.status)

    def pushed(self, outcome: PushOutcome, version: str) -> None:
        """Record what became of a PushSecret.

        Args:
            version: its `syncedResourceVersion` as it was when it was looked at.
        """
        item, before = outcome.item, self.status(outcome.item)
        self._metrics.condition(item.ref, ready=not outcome.failed)
        message = outcome.condition_message
        self._tell_push(outcome, before, message)
        written = push_status(
            before,
            ready=not outcome.failed,
            reason=outcome.reason,
            message=message,
            synced=outcome.synced,
            version=version,
            refreshed=outcome.progress is Progress.APPLIED,
            now=self._clock.now(),
        )
        if written is None:
            if outcome.refreshed:
                # The stores were compared: no write is worth that, but the schedule goes on.
                with self._lock:
                    self._pushes[item.ref] = replace(before, refresh_at=self._clock.now())
            return
        with self._lock:
            self._pushes[item.ref] = written[1]
        if item.live:
            self._statuses.put(item.ref, written[0])

    def _tell_push(self, outcome: PushOutcome, before: PushStatus, message: str) -> None:
        item = outcome.item
        extra = {"object": str(item.ref)}
        if outcome.failed:
            if before.ready.get("message") != message:
                log.warning("not pushed", extra={**extra, "cause": message})
                self._emit(item.ref, item.meta, EventType.WARNING, outcome.reason, message)
        elif outcome.progress is Progress.APPLIED:
            places = [
                f"{each.verb} {each.store} {each.place}"
                for each in outcome.actions
                if each.verb in (PushVerb.PUSH, PushVerb.DELETE)
            ]
            log.info("pushed", extra={**extra, "places": places})
            self._emit(item.ref, item.meta, EventType.NORMAL, outcome.reason, message)

    def made(self, item: Provisioner, provisioned: list[str], failed: Mapping[str, str]) -> None:
        """Record which namespaces have a child."""
        before = self.provisioned(item)
        self._metrics.condition(item.ref, ready=not failed)
        written = provision_status(
            item, before, provisioned=provisioned, failed=failed, now=self._clock.now()
        )
        if written is None:
            return
        with self._lock:
            self._provisions[item.ref] = written[1]
        if failed and tuple(sorted(failed.items())) != before.failed:
            shown = ", ".join(
                f"{namespace}: {why}" for namespace, why in sorted(failed.items())[:5]
            )
            log.warning("not provisioned", extra={"object": str(item.ref), "cause": shown})
            self._emit(item.ref, item.meta, EventType.WARNING, "NamespacesFailed", shown)
        self._statuses.put(item.ref, written[0])

    def invalid(
        self, ref: ObjectRef, obj: Mapping[str, Any], problems: tuple[Problem, ...]
    ) -> None:
        """Record that an object of the cluster cannot be used as it is."""
        first = errors(problems)[0]
        message = ": ".join(part for part in ("invalid", first.field, first.message) if part)
        self._metrics.condition(ref, ready=False)
        said = ready_condition(obj)
        if (said.get("reason"), said.get("message")) == ("Errored", message):
            return
        log.warning("invalid object", extra={"object": str(ref), "cause": message})
        now = self._clock.now()
        self._statuses.put(
            ref, ready_status(said, ready=False, reason="Errored", message=message, now=now)
        )

    def took(self, ref: ObjectRef, duration_ns: int) -> None:
        """Note how long a look at an object took, as a metric."""
        self._metrics.took(ref, duration_ns)

    def forget(self, ref: ObjectRef) -> None:
        """Drop everything about an object that is gone."""
        with self._lock:
            self._pushes.pop(ref, None)
            self._provisions.pop(ref, None)
        self._statuses.forget(ref)
        self._metrics.gone(ref)

    def _emit(
        self, ref: ObjectRef, meta: ObjectMeta, kind: EventType, reason: str, message: str
    ) -> None:
        if not meta.uid:
            return
        metadata = {
            "name": ref.name,
            "namespace": ref.namespace,
            "uid": meta.uid,
            "resourceVersion": meta.resource_version,
        }
        about = {
            "apiVersion": KINDS[ref.kind].api_version,
            "kind": ref.kind,
            "metadata": metadata,
        }
        self._cluster.event(Event(about, kind, reason, message))
