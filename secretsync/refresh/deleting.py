"""Absence upstream: what it does to keys and Secrets, and when it may.

Only an explicit policy, a definite answer and two looks 60 s apart delete anything,
and never many at once without an acknowledgement. A batch is observed whole before
any of it is judged, so that the first of many deletions is already counted as one of
many.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from secretsync.core.materialize import Materialized, desired_secret
from secretsync.core.plan import KeyChange, KeyVerb, SecretAction, Verb, foreign, plan_secret
from secretsync.core.safety import (
    CONFIRMATION_GAP_S,
    Absence,
    MassDeletion,
    absence_confirmed,
    mass_deletion,
    observe_absence,
)
from secretsync.core.secrets import DesiredSecret, LiveSecret
from secretsync.refresh.applying import Applier
from secretsync.refresh.clock import Clock
from secretsync.refresh.narrowing import Narrowing, queries
from secretsync.refresh.outcomes import Outcome, Progress
from secretsync.refresh.receding import Receding
from secretsync.resources.external_secret import ExternalSecret
from secretsync.resources.guards import NO_GUARDS
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


@dataclass(frozen=True, slots=True)
class _Absent:
    """What one ExternalSecret misses, by field and key.

    Args:
        nothing_left: it got no key at all.
    """

    items: Mapping[tuple[str, str], Absence]
    nothing_left: bool

    @property
    def first_seen_s(self) -> float:
        """When the last of the items was first missed."""
        return max(absence.first_seen_s for absence in self.items.values())

    def confirmed(self, *, one_shot: bool) -> bool:
        """Return whether each of the items may be taken for gone."""
        return all(absence_confirmed(absence, one_shot=one_shot) for absence in self.items.values())


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
        self._absent: dict[ObjectRef, _Absent] = {}
        self._cleared: set[ObjectRef] = set()
        self._narrowing = Narrowing(clock, one_shot=one_shot)
        self.receding = Receding(clock, one_shot=one_shot)

    def observe(self, item: ExternalSecret, materialized: Materialized) -> None:
        """Note what a look found, before anything of the batch is judged."""
        missing = materialized.missing
        definite = bool(missing) and all(each.definite for each in missing)
        now_s = self._clock.monotonic_s()
        with self._lock:
            if not definite:
                self._absent.pop(item.ref, None)
                self._cleared.discard(item.ref)
                return
            before = self._absent.get(item.ref)
            seen = before.items if before else {}
            # Per item: that one key was missing does not confirm that another one is.
            self._absent[item.ref] = _Absent(
                {
                    (each.field, each.key): observe_absence(seen.get((each.field, each.key)), now_s)
                    for each in missing
                },
                nothing_left=not materialized.data,
            )

    def forget(self, ref: ObjectRef) -> None:
        """Drop what is known of an ExternalSecret that is gone."""
        with self._lock:
            self._absent.pop(ref, None)
            self._cleared.discard(ref)
        self._narrowing.forget(ref)
        self.receding.forget(ref)

    def judge(
        self, item: ExternalSecret, materialized: Materialized
    ) -> Verdict | Outcome[ExternalSecret]:
        """Say how to go on, or give the outcome where nothing is left to write."""
        if not materialized.missing:
            return self._narrowed(item, materialized)
        if item.target.deletion_policy == "Retain" and not materialized.data:
            return _retained(item, materialized)
        with self._lock:
            absent = self._absent.get(item.ref)
        if absent is None or not absent.confirmed(one_shot=self._one_shot):
            return self._unconfirmed(item, materialized, absent)
        if materialized.data:
            return Verdict()
        desired = desired_secret(item, materialized)
        live = self._applier.live(desired.namespace, desired.name)
        if item.target.deletion_policy == "Delete":
            return replace(self._delete(item, desired, live), missing=materialized.missing)
        breaker = self._breaker(item) if _loses_keys(desired, live) else None
        return Verdict(emptied=True) if breaker is None else _stopped(item, breaker)

    def _narrowed(self, item: ExternalSecret, materialized: Materialized) -> Verdict:
        """Remove nothing yet where a query finds less than what was written."""
        if not queries(item):
            return Verdict()
        live = self._applier.live(item.meta.namespace, item.target.name)
        wait_s = self._narrowing.wait_s(item, materialized.versions, live)
        return Verdict(hold=wait_s is not None, retry_after_s=wait_s)

    def _unconfirmed(
        self, item: ExternalSecret, materialized: Materialized, absent: _Absent | None
    ) -> Verdict | Outcome[ExternalSecret]:
        wait_s = None
        if absent is not None:
            wait_s = max(1.0, absent.first_seen_s + CONFIRMATION_GAP_S - self._clock.monotonic_s())
        if materialized.data:
            return Verdict(hold=True, retry_after_s=wait_s)
        keys = ", ".join(dict.fromkeys(missing.key for missing in materialized.missing))
        certainty = "is not confirmed yet" if absent else "is not certain"
        return Outcome(
            item,
            Progress.WAITING,
            message=f"secret retained: that {keys} does not exist upstream {certainty}",
            retry_after_s=wait_s,
            missing=materialized.missing,
        )

    def _delete(
        self, item: ExternalSecret, desired: DesiredSecret, live: LiveSecret | None
    ) -> Outcome[ExternalSecret]:
        action = SecretAction(
            Verb.UNCHANGED,
            desired.ref,
            item.ref,
            reason="SecretDeleted",
            message="secret deleted due to DeletionPolicy=Delete",
        )
        if live is None:
            return Outcome(item, Progress.UNCHANGED, action.reason, action.message, action=action)
        if foreign(desired, live):
            return Outcome(
                item,
                Progress.FAILED,
                reason="SecretSyncedError",
                message="could not delete secret: it was not made by this ExternalSecret",
                remedy="delete it by hand if it is not needed",
            )
        breaker = self._breaker(item)
        if breaker is not None:
            return _stopped(item, breaker)
        changes = tuple(
            KeyChange(key, KeyVerb.REMOVED, before=value)
            for key, value in sorted(live.data.items())
        )
        action = self._applier.delete(replace(action, changes=changes), live)
        return Outcome(item, Progress.APPLIED, action.reason, action.message, action=action)

    def _breaker(self, item: ExternalSecret) -> MassDeletion | None:
        """Return the mass deletion that this one is part of, unless acknowledged.

        What was deleted before and is still absent counts too: many deletions do not
        become few by coming one after another.
        """
        universe = frozenset(self._siblings.same_stores(item))
        with self._lock:
            if item.ref in self._cleared:
                return None
            doomed = universe & {ref for ref, each in self._absent.items() if each.nothing_left}
        found = mass_deletion(doomed, universe)
        if found is not None and found.token in self._siblings.acknowledged(item):
            with self._lock:
                self._cleared |= doomed
            return None
        return found


def _retained(item: ExternalSecret, materialized: Materialized) -> Outcome[ExternalSecret]:
    """Nothing is left, and nothing may be deleted: what there is stays as it is."""
    return Outcome(
        item,
        Progress.UNCHANGED,
        message="secret retained due to DeletionPolicy=Retain",
        missing=materialized.missing,
    )


def _loses_keys(desired: DesiredSecret, live: LiveSecret | None) -> bool:
    action = plan_secret(replace(desired, allow_empty=True, guards=NO_GUARDS), live)
    return any(change.verb is KeyVerb.REMOVED for change in action.changes)


def _stopped(item: ExternalSecret, breaker: MassDeletion) -> Outcome[ExternalSecret]:
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
        remedy=f"if that is meant, give sync --acknowledge {breaker.token}, or annotate the "
        f"store with secretsync.io/acknowledge={breaker.token}",
        action=action,
    )
