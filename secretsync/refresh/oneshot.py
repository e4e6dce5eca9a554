"""One run over the objects of PATH: what `plan` and `sync` do.

PATH's objects are the desired input and are not stored; stores and credentials are
looked up in PATH first, then in the cluster.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from providers.base import SecretBytes
from secretsync.cluster.base import KINDS, Cluster, Preconditions
from secretsync.core.materialize import Materialized, desired_secret
from secretsync.core.plan import KeyChange, KeyVerb, SecretAction, Verb, foreign
from secretsync.core.safety import mass_deletion
from secretsync.core.secrets import INVENTORY_LABEL, LiveSecret, live_secret
from secretsync.errors import ClusterError
from secretsync.refresh.applying import Applier
from secretsync.refresh.claims import Claims
from secretsync.refresh.clock import Clock
from secretsync.refresh.outcomes import Outcome, Progress
from secretsync.refresh.selectors import ClusterCredentials
from secretsync.refresh.stores import StoreSource
from secretsync.refresh.wiring import Options, build_engine
from secretsync.resources.external_secret import ExternalSecret
from secretsync.resources.manifests import Manifests
from secretsync.resources.meta import ObjectRef, Parent
from secretsync.resources.problems import Problem

__all__ = ["Extra", "OneShot", "PathSiblings", "Result"]


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
class Result:
    """Everything a run found and did."""

    outcomes: Sequence[Outcome[Parent]]
    extras: Sequence[Extra] = ()
    problems: Sequence[Problem] = ()


class PathSiblings:
    """The ExternalSecrets of one run, by the stores they read from."""

    def __init__(
        self, items: Sequence[ExternalSecret], stores: StoreSource, tokens: Collection[str]
    ) -> None:
        self._items = items
        self._stores = stores
        self._tokens = tokens

    def same_stores(self, external_secret: ExternalSecret) -> Collection[ObjectRef]:
        """Return those that share a store with it."""
        mine = set(_store_refs(external_secret))
        return [item.ref for item in self._items if mine & set(_store_refs(item))]

    def acknowledged(self, external_secret: ExternalSecret) -> Collection[str]:
        """Return the tokens on its stores and those given to the command."""
        given = {self._stores.acknowledgement(ref) for ref in _store_refs(external_secret)}
        return given | set(self._tokens)


def _store_refs(item: ExternalSecret) -> list[ObjectRef]:
    return [
        ObjectRef(
            ref.kind, "" if ref.kind == "ClusterSecretStore" else item.meta.namespace, ref.name
        )
        for ref in item.stores()
    ]


@dataclass(frozen=True, slots=True)
class OneShot:
    """A run over PATH.

    Args:
        inventory: names the set of PATHs; "" keeps no inventory.
        acknowledged: tokens of mass deletions that may go on.
        writes: False plans only.
        incomplete: part of the input could not be read, so absence proves nothing.
    """

    cluster: Cluster
    manifests: Manifests
    clock: Clock
    writes: bool
    inventory: str = ""
    controller_class: str = "default"
    acknowledged: tuple[str, ...] = ()
    incomplete: bool = False

    def run(self, *, prune: bool) -> Result:
        """Plan or sync everything; total: faults are in the outcomes."""
        items = list(self.manifests.external_secrets)
        stores = StoreSource(self.cluster, self.manifests)
        engine = build_engine(
            self.cluster,
            lookup=stores,
            credentials=ClusterCredentials(self.cluster, self._overlay()),
            siblings=PathSiblings(items, stores, self.acknowledged),
            claims=Claims(items),
            clock=self.clock,
            options=Options(
                controller_class=self.controller_class,
                writes=self.writes,
                labels={INVENTORY_LABEL: self.inventory} if self.inventory else None,
            ),
        )
        try:
            kept = {item.ref: _kept(item) for item in items if _is_kept(item, engine.applier)}
            due = [item for item in items if item.ref not in kept]
            made = {outcome.item.ref: outcome for outcome in engine.pipeline.run(due)}
        finally:
            engine.close()
        found = kept | made
        outcomes = [found[item.ref] for item in items]
        try:
            return Result(outcomes, self._extras(outcomes, prune=prune))
        except ClusterError as exc:
            what = f"what earlier runs made cannot be listed: {exc.message}"
            return Result(outcomes, problems=(Problem(what, exc.remedy, file=self.cluster.name),))

    def _overlay(self) -> Mapping[tuple[str, str], Mapping[str, SecretBytes]]:
        return {
            (secret.meta.namespace, secret.meta.name): secret.data
            for secret in self.manifests.secrets
        }

    def _extras(self, outcomes: Sequence[Outcome[Parent]], *, prune: bool) -> list[Extra]:
        """Report, or prune, what the same PATHs made before and no longer want."""
        if not self.inventory:
            return []
        items = [outcome.item for outcome in outcomes]
        wanted = {(item.meta.namespace, item.target_name) for item in items}
        created = {
            (outcome.action.target.namespace, outcome.action.target.name)
            for outcome in outcomes
            if outcome.action is not None and outcome.action.verb is Verb.CREATE
        }
        page = self.cluster.list(
            KINDS["Secret"], label_selector=f"{INVENTORY_LABEL}={self.inventory}"
        )
        made = [live_secret(obj) for obj in page.items]
        leftovers = [live for live in made if (live.namespace, live.name) not in wanted]
        actions = [_removal(live) for live in leftovers]
        if not prune:
            return [Extra(action) for action in actions]
        # What this run made is no reason to let all go that was there before it.
        before = [live for live in made if (live.namespace, live.name) not in created]
        refusal = self._prune_refusal(actions, before)
        if refusal is not None:
            return [Extra(action, *refusal) for action in actions]
        return [
            self._pruned(action, live.uid, live.resource_version)
            for action, live in zip(actions, leftovers, strict=True)
        ]

    def _prune_refusal(
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


def _is_kept(item: ExternalSecret, applier: Applier) -> bool:
    """Return whether a Secret that is made once was made already.

    PATH has no status that would tell of a first sync: the Secret itself does, where
    it is there and this ExternalSecret's own.
    """
    periodic = item.refresh_policy == "Periodic"
    if not (item.refresh_policy == "CreatedOnce" or (periodic and item.refresh_interval_s <= 0)):
        return False
    try:
        live = applier.live(item.meta.namespace, item.target.name)
    except ClusterError:
        return False  # The pipeline meets the same fault, and reports it.
    if live is None or live.deleting:
        return False
    return not foreign(desired_secret(item, Materialized({})), live)


def _kept(item: ExternalSecret) -> Outcome[ExternalSecret]:
    return Outcome(item, Progress.UNCHANGED, message="secret exists and is not refreshed again")


def _removal(live: LiveSecret) -> SecretAction:
    ref = ObjectRef("Secret", live.namespace, live.name)
    changes = tuple(
        KeyChange(key, KeyVerb.REMOVED, before=value) for key, value in sorted(live.data.items())
    )
    return SecretAction(Verb.DELETE, ref, ref, reason="extra", changes=changes)
