"""What earlier runs from the same PATHs made and this one does not want.

It is reported as `extra`, and deleted where that is asked for and safe: never on an
input that was not read whole, never many at once without an acknowledgement.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from secretsync.cluster.base import KINDS, Cluster, Preconditions
from secretsync.core.plan import KeyChange, KeyVerb, SecretAction, Verb
from secretsync.core.safety import mass_deletion
from secretsync.core.secrets import INVENTORY_LABEL, LiveSecret, live_secret
from secretsync.errors import ClusterError
from secretsync.refresh.outcomes import Outcome
from secretsync.resources.meta import ObjectRef, Parent

__all__ = ["Extra", "Leftovers", "removal"]


@dataclass(frozen=True, slots=True)
class Extra:
    """A Secret that an earlier run from the same PATHs made and this one does not want.

    Args:
        error: why it could not be, or was not, deleted.
    """

    action: SecretAction
    error: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Finds and prunes them.

    Args:
        inventory: names the set of PATHs; "" keeps no inventory.
        acknowledged: tokens of mass deletions that may go on.
        writes: False plans only.
        incomplete: part of the input could not be read, so absence proves nothing.
    """

    cluster: Cluster
    inventory: str
    acknowledged: tuple[str, ...]
    writes: bool
    incomplete: bool

    def extras(self, outcomes: Sequence[Outcome[Parent]], *, prune: bool) -> list[Extra]:
        """Report, or prune, what the same PATHs made before and no longer want.

        Raises:
            ClusterError: it cannot be listed.
        """
        if not self.inventory:
            return []
        items = [outcome.item for outcome in outcomes]
        wanted = {(item.meta.namespace, item.target_key) for item in items}
        created = {
            (outcome.action.target.namespace, outcome.action.target.name)
            for outcome in outcomes
            if outcome.action is not None and outcome.action.verb is Verb.CREATE
        }
        page = self.cluster.list(
            KINDS["Secret"], label_selector=f"{INVENTORY_LABEL}={self.inventory}"
        )
        found = [live_secret(obj) for obj in page.items]
        # What has a controller by now comes and goes with that one.
        made = [live for live in found if live.owner is None]
        leftovers = [live for live in made if (live.namespace, live.name) not in wanted]
        actions = [removal(live) for live in leftovers]
        if not prune:
            return [Extra(action) for action in actions]
        # What this run made is no reason to let all go that was there before it.
        before = [live for live in made if (live.namespace, live.name) not in created]
        refusal = self._refusal(actions, before)
        if refusal is not None:
            return [Extra(action, *refusal) for action in actions]
        return [
            self._pruned(action, live.uid, live.resource_version)
            for action, live in zip(actions, leftovers, strict=True)
        ]

    def _refusal(
        self, actions: Iterable[SecretAction], made: Sequence[LiveSecret]
    ) -> tuple[str, str] | None:
        """Return why nothing is pruned, and what to do about it.

        An object that could not be read or parsed is no proof that its Secret is
        unwanted: with an error in the input nothing goes.
        """
        if self.incomplete:
            return "not pruned: the input has errors", "repair the input, then prune"
        breaker = mass_deletion(
            [action.target for action in actions],
            [ObjectRef("Secret", live.namespace, live.name) for live in made],
        )
        if breaker is None or breaker.token in self.acknowledged:
            return None
        share = f"{len(breaker.objects)} of the {breaker.total} Secrets made from these PATHs"
        remedy = f"if that is meant, add --acknowledge {breaker.token}"
        return f"mass deletion stopped: {share} would go at once", remedy

    def _pruned(self, action: SecretAction, uid: str, resource_version: str) -> Extra:
        if not self.writes:
            return Extra(action)
        try:
            self.cluster.delete(
                KINDS["Secret"],
                action.target.namespace,
                action.target.name,
                preconditions=Preconditions(uid, resource_version),
            )
        except ClusterError as exc:
            return Extra(action, f"not pruned: {exc.message}", exc.remedy)
        return Extra(action)


def removal(live: LiveSecret) -> SecretAction:
    """Return the action that a Secret and all of its keys go."""
    ref = ObjectRef("Secret", live.namespace, live.name)
    changes = tuple(
        KeyChange(key, KeyVerb.REMOVED, before=value) for key, value in sorted(live.data.items())
    )
    return SecretAction(Verb.DELETE, ref, ref, reason="extra", changes=changes)
