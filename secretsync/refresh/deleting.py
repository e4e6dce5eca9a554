"""Absence upstream: what it does to keys and Secrets, and when it may.

Only an explicit policy, a definite answer and two looks 60 s apart delete anything,
and never many at once without an acknowledgement. A batch is observed whole before
any of it is judged, so that the first of many deletions is already counted as one of
many.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from secretsync.core.materialize import Materialized, desired_secret
from secretsync.core.plan import KeyChange, KeyVerb, SecretAction, Verb, foreign
from secretsync.core.safety import (
    CONFIRMATION_GAP_S,
    Absence,
    MassDeletion,
    absence_confirmed,
    mass_deletion,
    observe_absence,
)
from secretsync.refresh.applying import Applier
from secretsync.refresh.clock import Clock
from secretsync.refresh.outcomes import Outcome, Progress
from secretsync.resources.external_secret import ExternalSecret
from secretsync.resources.meta import ObjectRef

__all__ = ["Deleter", "Siblings", "Verdict"]


class Siblings(Protocol):
    """What a mass deletion is measured against."""

    def same_stores(self, external_secret: ExternalSecret) -> Collection[ObjectRef]:
        """Return the ExternalSecrets that read from any of its stores, itself included."""
        ...

    def acknowledged(self, external_secret: ExternalSecret) -> Collection[str]:
        """Return the acknowledge tokens given on those stores, or to the command."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """How to go on with a materialized ExternalSecret.

    Args:
        hold: write what there is, but remove nothing yet.
        emptied: no key is left, and that is meant.
        retry_after_s: when to look again, where something was held.
    """

    hold: bool = False
    emptied: bool = False
    retry_after_s: float | None = None


class Deleter:
    """Judges absences.

    Args:
        one_shot: one look is enough, because the run looks once and says so.
    """

    def __init__(
        self, applier: Applier, siblings: Siblings, clock: Clock, *, one_shot: bool
    ) -> None:
        self._applier = applier
        self._siblings = siblings
        self._clock = clock
        self._one_shot = one_shot
        self._lock = threading.Lock()
        self._absences: dict[ObjectRef, Absence] = {}
        self._cleared: set[ObjectRef] = set()

    def observe(self, item: ExternalSecret, materialized: Materialized) -> None:
        """Note what a look found, before anything of the batch is judged."""
        definite = bool(materialized.missing) and all(
            missing.definite for missing in materialized.missing
        )
        with self._lock:
            if definite:
                previous = self._absences.get(item.ref)
                self._absences[item.ref] = observe_absence(previous, self._clock.now())
            else:
                self._absences.pop(item.ref, None)
                self._cleared.discard(item.ref)

    def forget(self, ref: ObjectRef) -> None:
        """Drop what is known of an ExternalSecret that is gone."""
        with self._lock:
            self._absences.pop(ref, None)
            self._cleared.discard(ref)

    def judge(self, item: ExternalSecret, materialized: Materialized) -> Verdict | Outcome:
        """Say how to go on, or give the outcome where nothing is left to write."""
        if not materialized.missing:
            return Verdict()
        absence = self._absences.get(item.ref)
        now = self._clock.now()
        confirmed = absence is not None and absence_confirmed(absence, now, one_shot=self._one_shot)
        if not confirmed:
            return self._unconfirmed(item, materialized, absence)
        if materialized.data:
            return Verdict()
        if item.target.deletion_policy == "Delete":
            return self._delete(item, materialized)
        return Verdict(emptied=True)

    def _unconfirmed(
        self, item: ExternalSecret, materialized: Materialized, absence: Absence | None
    ) -> Verdict | Outcome:
        wait_s: float | None = None
        if absence is not None:
            due_at = absence.first_seen_at + timedelta(seconds=CONFIRMATION_GAP_S)
            wait_s = max(1.0, (due_at - self._clock.now()).total_seconds())
        if materialized.data:
            return Verdict(hold=True, retry_after_s=wait_s)
        keys = ", ".join(dict.fromkeys(missing.key for missing in materialized.missing))
        certainty = "is not confirmed yet" if absence else "is not certain"
        return Outcome(
            item,
            Progress.WAITING,
            message=f"secret retained: that {keys} does not exist upstream {certainty}",
            retry_after_s=wait_s,
        )

    def _delete(self, item: ExternalSecret, materialized: Materialized) -> Outcome:
        breaker = self._breaker(item)
        if breaker is not None:
            return _stopped(item, breaker)
        desired = desired_secret(item, materialized)
        live = self._applier.live(desired.namespace, desired.name)
        action = SecretAction(
            Verb.UNCHANGED,
            desired.ref,
            item.ref,
            reason="SecretDeleted",
            message="secret deleted due to DeletionPolicy=Delete",
        )
        if live is not None:
            if foreign(desired, live):
                return Outcome(
                    item,
                    Progress.FAILED,
                    reason="SecretSyncedError",
                    message="could not delete secret: it was not made by this ExternalSecret",
                    remedy="delete it by hand if it is not needed",
                )
            changes = tuple(
                KeyChange(key, KeyVerb.REMOVED, before=value)
                for key, value in sorted(live.data.items())
            )
            action = self._applier.delete(replace(action, changes=changes), live)
        with self._lock:
            self._absences.pop(item.ref, None)
        progress = Progress.UNCHANGED if live is None else Progress.APPLIED
        return Outcome(item, progress, action.reason, action.message, action=action)

    def _breaker(self, item: ExternalSecret) -> MassDeletion | None:
        """Return the mass deletion that this one is part of, unless acknowledged."""
        universe = frozenset(self._siblings.same_stores(item))
        with self._lock:
            doomed = frozenset(self._absences) & universe
            if item.ref in self._cleared:
                return None
        found = mass_deletion(doomed, universe)
        if found is not None and found.token in self._siblings.acknowledged(item):
            with self._lock:
                self._cleared |= doomed
            return None
        return found


def _stopped(item: ExternalSecret, breaker: MassDeletion) -> Outcome:
    count = len(breaker.objects)
    message = (
        f"mass deletion stopped: {count} of the {breaker.total} Secrets made from this "
        "store would be deleted at once"
    )
    action = SecretAction(
        Verb.BLOCKED,
        ObjectRef("Secret", item.meta.namespace, item.target.name),
        item.ref,
        reason="SecretSyncedError",
        message=message,
    )
    return Outcome(
        item,
        Progress.FAILED,
        reason="SecretSyncedError",
        message=message,
        remedy="if that is meant, annotate the store with "
        f"secretsync.io/acknowledge={breaker.token}",
        action=action,
    )
