"""Turns outcomes into statuses, events, metrics and log lines."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

from secretsync.cluster.base import KINDS, Cluster, Event, EventType
from secretsync.controller.metrics import Metrics
from secretsync.controller.statuses import StatusWriter
from secretsync.core.conditions import external_secret_status, ready_status
from secretsync.core.materialize import Missing
from secretsync.core.plan import Verb
from secretsync.refresh.clock import Clock
from secretsync.refresh.outcomes import Outcome, Progress
from secretsync.resources.external_secret import ExternalSecret, ExternalSecretStatus
from secretsync.resources.meta import ObjectRef
from secretsync.resources.problems import Problem, errors
from secretsync.resources.status import ready_condition

__all__ = ["Recorder"]

log = logging.getLogger(__name__)

#: Events for what the status cannot say: that a good Secret was changed or deleted, and
#: each new failure. A first sync is in the status; an event for it would cost as much
#: as the Secret itself.
_EVENTS = {
    Verb.UPDATE: ("Updated", "secret updated"),
    Verb.DELETE: ("Deleted", "secret deleted"),
}

#: Missing items that one event names.
_SHOWN_MISSING = 10


class Recorder:
    """Says what happened, each thing once."""

    def __init__(
        self, cluster: Cluster, statuses: StatusWriter, metrics: Metrics, clock: Clock
    ) -> None:
        self._cluster = cluster
        self._statuses = statuses
        self._metrics = metrics
        self._clock = clock
        self._lock = threading.Lock()
        self._last: dict[ObjectRef, ExternalSecretStatus] = {}
        self._missing: dict[ObjectRef, tuple[Missing, ...]] = {}

    def record(
        self, outcome: Outcome[ExternalSecret], version: str, *, quiet: bool = False
    ) -> None:
        """Record the outcome of one ExternalSecret.

        Args:
            version: its `syncedResourceVersion` as it was when it was read.
            quiet: one of many with one cause, which is logged once: status only.
        """
        item = outcome.item
        self._metrics.reconciled(item.ref, failed=outcome.failed)
        self._metrics.condition(item.ref, ready=not outcome.failed)
        before = self.status(item)
        if not quiet:
            self._log(outcome, before)
            self._event(outcome, before)
        self._put(outcome, before, version)

    def invalid(
        self, ref: ObjectRef, obj: Mapping[str, Any], problems: tuple[Problem, ...]
    ) -> None:
        """Record that an object of the cluster cannot be used as it is."""
        first = errors(problems)[0]
        message = ": ".join(part for part in ("invalid", first.field, first.message) if part)
        self._metrics.condition(ref, ready=False)
        reason = (
            "SecretSyncedError" if ref.kind == "ExternalSecret" else "InvalidStoreConfiguration"
        )
        said = ready_condition(obj)
        if (said.get("reason"), said.get("message")) == (reason, message):
            return
        log.warning("invalid object", extra={"object": str(ref), "cause": message})
        now = self._clock.now()
        status = ready_status(said, ready=False, reason=reason, message=message, now=now)
        self._statuses.put(ref, status)

    def forget(self, ref: ObjectRef) -> None:
        """Drop everything about an object that is gone."""
        with self._lock:
            self._last.pop(ref, None)
            self._missing.pop(ref, None)
        self._statuses.forget(ref)
        self._metrics.gone(ref)

    def status(self, item: ExternalSecret) -> ExternalSecretStatus:
        """Return the status as last written, or as it was found."""
        with self._lock:
            return self._last.get(item.ref, item.status)

    def _put(
        self, outcome: Outcome[ExternalSecret], before: ExternalSecretStatus, version: str
    ) -> None:
        item = outcome.item
        written = external_secret_status(
            item,
            before,
            ready=not outcome.failed,
            reason=outcome.reason,
            message=outcome.condition_message,
            version=version,
            refreshed=outcome.progress is Progress.APPLIED,
            now=self._clock.now(),
        )
        if written is None:
            return
        patch, after = written
        with self._lock:
            self._last[item.ref] = after
        if item.live:
            self._statuses.put(item.ref, patch)

    def _log(self, outcome: Outcome[ExternalSecret], before: ExternalSecretStatus) -> None:
        extra = {"object": str(outcome.item.ref)}
        if outcome.failed:
            if before.message != outcome.condition_message:
                log.warning("not synced", extra={**extra, "cause": outcome.condition_message})
        elif outcome.progress is Progress.APPLIED and outcome.action is not None:
            keys = [change.key for change in outcome.action.changes]
            verb = str(outcome.action.verb)
            log.info("secret written", extra={**extra, "action": verb, "keys": keys})

    def _event(self, outcome: Outcome[ExternalSecret], before: ExternalSecretStatus) -> None:
        item = outcome.item
        if not item.live:
            return
        if outcome.failed:
            if before.message != outcome.condition_message:
                self._emit(item, EventType.WARNING, "UpdateFailed", outcome.condition_message)
            return
        if self._new_absences(outcome):
            self._emit(item, EventType.NORMAL, "MissingProviderSecret", _absences(outcome))
        if outcome.progress is Progress.APPLIED and outcome.action is not None:
            said = _EVENTS.get(outcome.action.verb)
            if said is not None:
                self._emit(item, EventType.NORMAL, *said)

    def _new_absences(self, outcome: Outcome[ExternalSecret]) -> bool:
        """Return whether something is missing that was not when it was last looked at."""
        ref = outcome.item.ref
        with self._lock:
            before = self._missing.pop(ref, ())
            if outcome.missing:
                self._missing[ref] = outcome.missing
        return bool(outcome.missing) and outcome.missing != before

    def _emit(self, item: ExternalSecret, kind: EventType, reason: str, message: str) -> None:
        about = {
            "apiVersion": KINDS["ExternalSecret"].api_version,
            "kind": "ExternalSecret",
            "metadata": {
                "name": item.meta.name,
                "namespace": item.meta.namespace,
                "uid": item.meta.uid,
                "resourceVersion": item.meta.resource_version,
            },
        }
        self._cluster.event(Event(about, kind, reason, message))


def _absences(outcome: Outcome[ExternalSecret]) -> str:
    """Name what does not exist upstream, in ESO's words."""
    named = [f"{each.field} (key={each.key})" for each in outcome.missing[:_SHOWN_MISSING]]
    return f"secret does not exist at provider using {', '.join(named)}"
