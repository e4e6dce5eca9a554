"""Says what became of applications: events in Argo CD's words, metrics, log lines.

Neighbour: `app_metrics` has the metrics.

Source: Argo CD 3.6's event reasons.
"""

from __future__ import annotations

import logging

from secretsync.cluster.base import Event, EventType
from secretsync.controller.app_metrics import AppMetrics
from secretsync.controller.event_writer import EventWriter
from secretsync.gitops.diff.drift import DRIFTED, said
from secretsync.gitops.look import SYNC_WINDOW, Look
from secretsync.gitops.model import OperationPhase, OperationState, Pair
from secretsync.gitops.sources.revisions import short_revision
from secretsync.resources.application import Application

__all__ = ["AppRecorder"]

log = logging.getLogger(__name__)

_MOST_EVENTS = 5


class AppRecorder:
    """Events, metrics and log lines; a status is written by the engine."""

    def __init__(self, events: EventWriter, metrics: AppMetrics) -> None:
        self._events = events
        self._metrics = metrics
        self._labels: dict[tuple[str, str], tuple[str, ...]] = {}

    def looked(self, look: Look) -> None:
        """Note a comparison."""
        self._metrics.looks.inc()
        meta = look.app.meta
        labels = (
            meta.namespace,
            meta.name,
            look.app.spec.project,
            str(look.comparison.status),
            str(look.comparison.health.status),
        )
        self._show(meta.namespace, meta.name, labels)

    def forgotten(self, namespace: str, name: str) -> None:
        """Note that an Application is gone."""
        self._show(namespace, name, ())

    def drifted(self, app: Application, pairs: list[Pair]) -> None:
        """Tell of objects that somebody changed: who, when, which fields; no values."""
        for pair in pairs:
            self._metrics.drifts.labels(app.meta.namespace, app.meta.name).inc()
            log.warning("drift", extra={"application": str(app.ref), "what": said(pair)})
        for pair in pairs[:_MOST_EVENTS]:
            self._event(app, EventType.WARNING, DRIFTED, said(pair))

    def started(self, app: Application, reason: str, revisions: tuple[str, ...]) -> None:
        """Note that a sync begins."""
        short = ", ".join(map(short_revision, revisions))
        self._event(app, EventType.NORMAL, "OperationStarted", f"sync to {short}: {reason}")

    def completed(self, app: Application, state: OperationState) -> None:
        """Note what became of a sync."""
        phase = str(state.phase)
        meta = app.meta
        self._metrics.syncs.labels(meta.namespace, meta.name, app.spec.project, phase).inc()
        good = state.phase is OperationPhase.SUCCEEDED
        kind = EventType.NORMAL if good else EventType.WARNING
        self._event(app, kind, "OperationCompleted", f"{phase}: {state.message}")
        log.log(
            logging.INFO if good else logging.WARNING,
            "application synced",
            extra={"application": str(app.ref), "phase": phase, "result": state.message},
        )

    def status_changed(self, app: Application, look: Look) -> None:
        """Tell of another sync or health status than the Application had."""
        for name, new in (
            ("sync", str(look.comparison.status)),
            ("health", str(look.comparison.health.status)),
        ):
            old = (app.status.get(name) or {}).get("status")
            # What was never known has not changed.
            if old is not None and old != new:
                text = f"Updated {name} status: {old} -> {new}"
                self._event(app, EventType.NORMAL, "ResourceUpdated", text)

    def blocked(self, app: Application, why: str) -> None:
        """Tell that a sync window is closed, once a condition."""
        had = app.status.get("conditions") or ()
        if not any((each.get("type"), each.get("message")) == (SYNC_WINDOW, why) for each in had):
            self._event(app, EventType.NORMAL, SYNC_WINDOW, why)

    def _event(self, app: Application, kind: EventType, reason: str, message: str) -> None:
        about = {**app.raw, "metadata": {**(app.raw.get("metadata") or {})}}
        self._events.put(Event(about, kind, reason, message[:1000]))

    def _show(self, namespace: str, name: str, labels: tuple[str, ...]) -> None:
        old = self._labels.pop((namespace, name), ())
        if old and old != labels:
            self._metrics.info.remove(*old)
        if labels:
            self._metrics.info.labels(*labels).set(1)
            self._labels[namespace, name] = labels
