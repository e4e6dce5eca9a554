"""What is decided before a generator may run: a run has effects that nobody takes back.

A lease of Vault is handed out for every try. So no generator runs for a Secret that may not
be written, or that was made once and for all. Neighbours: `pipeline` asks here before it
reads; `generations` decides about intervals and edits.
"""

from __future__ import annotations

from dataclasses import replace

from secretsync.core.hashes import data_hash
from secretsync.core.materialize import Materialized, desired_secret
from secretsync.core.plan import SecretAction, Verb, plan_secret
from secretsync.core.secrets import (
    CREATED_BY_LABEL,
    DATA_HASH_ANNOTATION,
    MANAGED_LABEL,
    DesiredSecret,
    LiveSecret,
    written_dates,
    written_versions,
)
from secretsync.errors import SecretSyncError
from secretsync.refresh.applying import Applier
from secretsync.refresh.claims import Claims
from secretsync.refresh.keeping import made_once
from secretsync.refresh.outcomes import Outcome, Progress, contested
from secretsync.refresh.reading import is_transient
from secretsync.resources.external_secret import ExternalSecret
from secretsync.resources.guards import NO_GUARDS

__all__ = ["GenerationGate"]

_CHANGED = (
    "secret synced; it was changed since it was made, and stays so: generated values are in no "
    "other place. Delete the Secret to have new ones"
)


class GenerationGate:
    """Says which ExternalSecrets with generators need no reading."""

    def __init__(self, applier: Applier, claims: Claims) -> None:
        self._applier = applier
        self._claims = claims

    def before(self, item: ExternalSecret) -> Outcome[ExternalSecret] | None:
        """Return how it ends without a generator, or None where one may run; total."""
        if not item.generators():
            return None
        try:
            return self._before(item)
        except SecretSyncError as exc:
            return Outcome(
                item,
                Progress.FAILED,
                reason="SecretSyncedError",
                message=f"could not update secret: {exc.message}",
                remedy=exc.remedy,
                transient=is_transient(exc),
                retry_after_s=getattr(exc, "retry_after_s", None),
            )

    def _before(self, item: ExternalSecret) -> Outcome[ExternalSecret] | None:
        if item.target.creation_policy == "None":
            return Outcome(item, Progress.UNCHANGED)
        rival = self._claims.rival(item)
        if rival is not None:
            return contested(item, rival)
        live = self._applier.live(item.meta.namespace, item.target.name)
        if live is not None and made_once(item, live):
            return self._kept(item, live)
        action = plan_secret(_as_it_is(desired_secret(item, Materialized({})), live), live)
        if action.verb is Verb.BLOCKED:
            return Outcome(
                item,
                Progress.FAILED,
                reason=action.reason,
                message=action.message,
                remedy=action.remedy,
                action=action,
            )
        if live is None and action.verb is not Verb.CREATE:
            message = action.message
            return Outcome(item, Progress.UNCHANGED, action.reason, message, action=action)
        return None

    def write(self, item: ExternalSecret, desired: DesiredSecret) -> SecretAction:
        """Write what was generated, unless somebody else made the Secret once meanwhile.

        Raises:
            ClusterError: the cluster refused or failed; nothing is half-written.
        """

        def planner(
            wanted: DesiredSecret, live: LiveSecret | None
        ) -> tuple[DesiredSecret, SecretAction]:
            if live is not None and made_once(item, live):
                return _left(wanted, live)
            return wanted, plan_secret(wanted, live)

        live = self._applier.live(desired.namespace, desired.name)
        return self._applier.settle(desired, live, planner)

    def _kept(self, item: ExternalSecret, live: LiveSecret) -> Outcome[ExternalSecret]:
        """Leave the data alone; only what says whose the Secret is may be put back."""
        desired = desired_secret(item, Materialized({}))
        action = self._applier.settle(desired, live, _planned)
        message = _CHANGED if _changed(desired, live) else "secret synced"
        progress = Progress.UNCHANGED if action.verb is Verb.UNCHANGED else Progress.APPLIED
        return Outcome(item, progress, message=message, action=action)


def _planned(desired: DesiredSecret, live: LiveSecret | None) -> tuple[DesiredSecret, SecretAction]:
    if live is None:  # It went away in between: the watch says so, and it is made anew.
        gone = SecretAction(Verb.UNCHANGED, desired.ref, desired.parent)
        return desired, gone
    return _left(desired, live)


def _left(desired: DesiredSecret, live: LiveSecret) -> tuple[DesiredSecret, SecretAction]:
    """Return what is written into a Secret whose data stays: its marks, where they are gone."""
    marks = {name: desired.labels[name] for name in _MARKS if name in desired.labels}
    kept = replace(_as_it_is(desired, live), type="", labels=marks, annotations={}, finalizers=())
    return kept, plan_secret(kept, live)


_MARKS = (MANAGED_LABEL, CREATED_BY_LABEL)


def _as_it_is(desired: DesiredSecret, live: LiveSecret | None) -> DesiredSecret:
    """Return the same without any wish for other data."""
    desired = replace(desired, guards=NO_GUARDS)
    if live is None:
        return desired
    return replace(
        desired,
        data=live.data,
        versions=written_versions(live),
        dates=written_dates(live),
        immutable=False,
        additive=True,
        hold_removals=True,
        allow_empty=True,
    )


def _changed(desired: DesiredSecret, live: LiveSecret) -> bool:
    if desired.keep_foreign_keys:
        return False  # others' keys are theirs to change
    revealed = {key: value.reveal() for key, value in live.data.items()}
    return live.annotations.get(DATA_HASH_ANNOTATION) != data_hash(revealed)
