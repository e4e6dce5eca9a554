"""Carry one decision out: create, apply or delete a Secret, and decide anew on a race."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from secretsync.cluster.base import KINDS, Cluster, Preconditions
from secretsync.core.plan import SecretAction, Verb, plan_secret
from secretsync.core.secrets import DesiredSecret, LiveSecret, live_secret
from secretsync.core.wire import apply_object, create_object, needs_patch, update_patch
from secretsync.errors import AlreadyExists, Conflict, NotFound

__all__ = ["Applier", "Planner"]

#: From what is wanted and what is there to what is wanted in view of that, and the
#: decision.
Planner = Callable[[DesiredSecret, LiveSecret | None], tuple[DesiredSecret, SecretAction]]

SECRET = KINDS["Secret"]
#: How often a decision is made anew because somebody wrote in between.
MAX_RACES = 4


class Applier:
    """Plans against the live Secret and writes the difference.

    Args:
        known_absent: answers from a watch whether a Secret is surely not there, which
            saves the read before a create; a create still never overwrites.
        writes: False plans only.
        intend: told what a Secret is about to be, before it is written, so that a watch
            can tell our own writes from drift.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        known_absent: Callable[[str, str], bool] | None = None,
        writes: bool = True,
        intend: Callable[[DesiredSecret], None] | None = None,
    ) -> None:
        self._cluster = cluster
        self._known_absent = known_absent or (lambda namespace, name: False)
        self._writes = writes
        self._intend = intend or (lambda desired: None)

    def live(self, namespace: str, name: str) -> LiveSecret | None:
        """Return the Secret as it is now, or None where it is definitely absent."""
        obj = self._cluster.get(SECRET, namespace, name)
        return None if obj is None else live_secret(obj)

    def look(self, namespace: str, name: str) -> LiveSecret | None:
        """Return the same; where a watch knows that it is absent, nobody is asked."""
        return None if self._known_absent(namespace, name) else self.live(namespace, name)

    def reconcile(self, desired: DesiredSecret) -> SecretAction:
        """Make the Secret as desired; returns what was done, or would be.

        Raises:
            ClusterError: the cluster refused or failed; nothing is half-written.
        """
        # The watch shows managed Secrets only; one to merge into need not be managed yet.
        look = self.live if desired.must_exist else self.look
        return self.settle(desired, look(desired.namespace, desired.name), _as_it_is)

    def settle(
        self, wanted: DesiredSecret, live: LiveSecret | None, planner: Planner
    ) -> SecretAction:
        """Make a Secret that was just looked at as wanted.

        Args:
            live: as it was seen; a race is noticed, and decided anew.
            planner: decides, by the rules of the object's kind.

        Raises:
            ClusterError: the cluster refused or failed; nothing is half-written.
        """
        for race in range(MAX_RACES):
            desired, action = planner(wanted, live)
            if not self._writes:
                return action
            if action.verb is not Verb.BLOCKED:
                self._intend(desired)
            try:
                self._write(desired, action, live)
            except (AlreadyExists, Conflict, NotFound) as exc:
                # A create finds nothing only where its namespace is missing: no race.
                missing = isinstance(exc, NotFound) and action.verb is Verb.CREATE
                if missing or race == MAX_RACES - 1:
                    raise
                live = self.live(desired.namespace, desired.name)
            else:
                return action
        raise AssertionError("unreachable: the last race either returns or raises")

    def _write(self, desired: DesiredSecret, action: SecretAction, live: LiveSecret | None) -> None:
        manager = desired.field_managers[0]
        if action.verb is Verb.CREATE:
            self._cluster.create(SECRET, create_object(desired, action), field_manager=manager)
        elif action.verb is Verb.UPDATE and live is not None:
            if needs_patch(desired, action, live):
                self._cluster.merge_patch(
                    SECRET,
                    desired.namespace,
                    desired.name,
                    update_patch(desired, action, live),
                    field_manager=manager,
                )
            else:
                self._cluster.apply(
                    SECRET, apply_object(desired, action, live), field_manager=manager
                )

    def delete(self, action: SecretAction, live: LiveSecret) -> SecretAction:
        """Delete a Secret exactly as it was seen.

        Raises:
            Conflict: it changed since; look again before deleting.
        """
        if self._writes:
            self._cluster.delete(
                SECRET,
                live.namespace,
                live.name,
                preconditions=Preconditions(live.uid, live.resource_version),
            )
        return replace(action, verb=Verb.DELETE)


def _as_it_is(
    desired: DesiredSecret, live: LiveSecret | None
) -> tuple[DesiredSecret, SecretAction]:
    return desired, plan_secret(desired, live)
