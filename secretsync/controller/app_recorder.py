"""Says what became of applications: events in Argo CD's words, metrics under its names.

Source: Argo CD 3.6's event reasons and metric names.
"""

from __future__ import annotations

import logging

from prometheus_client import CollectorRegistry, Counter, Gauge

from secretsync.cluster.base import Event, EventType
from secretsync.controller.event_writer import EventWriter
from secretsync.gitops.drift import drifts_of, sentence
from secretsync.gitops.engine import Look
from secretsync.gitops.model import OperationPhase, OperationState, Pair, SyncStatus
from secretsync.resources.application import Application

__all__ = ["AppMetrics", "AppRecorder"]

log = logging.getLogger(__name__)

_MOST_EVENTS = 5


class AppMetrics:
    """Counts of the GitOps loop."""

    def __init__(self, registry: CollectorRegistry) -> None:
        name = ("namespace", "name", "project")
        self.info = Gauge(
            "argocd_app_info",
            "Applications.",
            (*name, "sync_status", "health_status"),
            registry=registry,
        )
        self.syncs = Counter("argocd_app_sync", "Syncs.", (*name, "phase"), registry=registry)
        self.looks = Counter(
            "secretsync_app_looks", "Comparisons of applications.", registry=registry
        )
        self.drifts = Counter(
            "secretsync_app_drifts",
            "Objects that drifted.",
            ("namespace", "name"),
            registry=registry,
        )


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
            said = "; ".join(sentence(each) for each in drifts_of(pair))
            text = f"{pair.key} drifted: {said or _missing(pair)}"
            log.warning("drift", extra={"application": str(app.ref), "what": text})
        for pair in pairs[:_MOST_EVENTS]:
            said = "; ".join(sentence(each) for each in drifts_of(pair))
            text = f"{pair.key} drifted: {said or _missing(pair)}"
            self._event(app, EventType.WARNING, "ResourceDrifted", text)

    def started(self, app: Application, reason: str, revisions: tuple[str, ...]) -> None:
        """Note that a sync begins."""
        short = ", ".join(each[:7] for each in revisions)
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
            old = (app.status.get(name) or {}).get("status") or "Unknown"
            if old != new:
                text = f"Updated {name} status: {old} -> {new}"
                self._event(app, EventType.NORMAL, "ResourceUpdated", text)

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


def _missing(pair: Pair) -> str:
    if pair.live is None:
        return "it is gone"
    return "it is not in the sources" if pair.status is SyncStatus.OUT_OF_SYNC else ""
