"""One run over the objects of PATH: what `plan` and `sync` do.

PATH's objects are the desired input and are not stored; stores and credentials are
looked up in PATH first, then in the cluster.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from secretsync.cluster.base import Cluster
from secretsync.core.secrets import INVENTORY_LABEL
from secretsync.errors import ClusterError
from secretsync.refresh.allowances import Allowances
from secretsync.refresh.applying import Applier
from secretsync.refresh.claims import Claims
from secretsync.refresh.clock import Clock
from secretsync.refresh.generating import GeneratorRunner
from secretsync.refresh.generator_objects import GivenGenerators
from secretsync.refresh.keeping import is_once, made_once
from secretsync.refresh.leftovers import Extra, Leftovers
from secretsync.refresh.outcomes import Outcome, Progress
from secretsync.refresh.push_oneshot import push_all
from secretsync.refresh.push_outcomes import PushOutcome
from secretsync.refresh.push_wiring import build_pushes
from secretsync.refresh.selectors import ClusterCredentials, Overlay
from secretsync.refresh.stores import StoreSource
from secretsync.refresh.wiring import Options, build_engine
from secretsync.resources.external_secret import ExternalSecret
from secretsync.resources.manifests import Manifests
from secretsync.resources.meta import ObjectRef, Parent
from secretsync.resources.problems import Problem
from secretsync.resources.sealed_secret import SealedSecret

__all__ = ["OneShot", "PathSiblings", "Result", "SealedRun"]


@dataclass(frozen=True, slots=True)
class Result:
    """Everything a run found and did."""

    outcomes: Sequence[Outcome[Parent]]
    extras: Sequence[Extra] = ()
    problems: Sequence[Problem] = ()
    pushes: Sequence[PushOutcome] = ()

    @property
    def ended(self) -> list[Outcome[Parent] | PushOutcome]:
        """What became of every object, of those that make Secrets first."""
        return [*self.outcomes, *self.pushes]


class SealedRun(Protocol):
    """Unseals the SealedSecrets of one run."""

    def __call__(
        self,
        batch: Sequence[SealedSecret],
        applier: Applier,
        claims: Claims,
        labels: Mapping[str, str],
    ) -> Sequence[Outcome[SealedSecret]]:
        """Process them; total: one outcome each, in their order.

        Args:
            claims: of all objects of the run.
            labels: extra ones for what is written.
        """
        ...


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
        unseal: what to do with SealedSecrets.
        allowed: what the command line allows.
        inventory: names the set of PATHs; "" keeps no inventory.
        acknowledged: tokens of mass deletions that may go on.
        writes: False plans only.
        incomplete: part of the input could not be read, so absence proves nothing.
    """

    cluster: Cluster
    manifests: Manifests
    clock: Clock
    writes: bool
    unseal: SealedRun
    inventory: str = ""
    controller_class: str = "default"
    allowed: Allowances = field(default_factory=Allowances)
    acknowledged: tuple[str, ...] = ()
    incomplete: bool = False

    def run(self, *, prune: bool) -> Result:
        """Plan or sync everything; total: faults are in the outcomes."""
        items = list(self.manifests.external_secrets)
        sealed = list(self.manifests.sealed_secrets)
        labels = {INVENTORY_LABEL: self.inventory} if self.inventory else {}
        stores = StoreSource(self.cluster, self.manifests)
        claims = Claims([*items, *sealed])
        overlay = Overlay.of(self.manifests)
        credentials = ClusterCredentials(self.cluster, overlay, allowed=self.allowed)
        runner = GeneratorRunner.of(
            self.cluster,
            GivenGenerators(self.manifests),
            credentials,
            self.clock,
            controller_class=self.controller_class,
        )
        engine = build_engine(
            self.cluster,
            lookup=stores,
            credentials=credentials,
            siblings=PathSiblings(items, stores, self.acknowledged),
            claims=claims,
            clock=self.clock,
            options=Options(
                controller_class=self.controller_class,
                writes=self.writes,
                labels=labels,
                generators=runner,
                generic_targets=self.allowed.generic_targets,
            ),
        )
        pipeline = build_pushes(
            engine,
            self.cluster,
            listing=stores,
            credentials=credentials,
            runner=runner,
            overlay=overlay,
            writes=self.writes,
        )
        try:
            # First, since a store may authenticate with one of them.
            unsealed = self.unseal(sealed, engine.applier, claims, labels) if sealed else ()
            kept = {item.ref: _kept(item) for item in items if _is_kept(item, engine.applier)}
            due = [item for item in items if item.ref not in kept]
            made = {outcome.item.ref: outcome for outcome in engine.pipeline.run(due)}
            found = kept | made
            outcomes: list[Outcome[Parent]] = [*(found[item.ref] for item in items), *unsealed]
            # Last, since what is pushed may just have been made.
            pushes = push_all(
                self.manifests.push_secrets, pipeline, made=outcomes, writes=self.writes
            )
        finally:
            engine.close()
        return replace(self._result(outcomes, prune=prune), pushes=pushes)

    def _result(self, outcomes: Sequence[Outcome[Parent]], *, prune: bool) -> Result:
        leftovers = Leftovers(
            self.cluster, self.inventory, self.acknowledged, self.writes, self.incomplete
        )
        try:
            return Result(outcomes, leftovers.extras(outcomes, prune=prune))
        except ClusterError as exc:
            what = f"what earlier runs made cannot be listed: {exc.message}"
            return Result(outcomes, problems=(Problem(what, exc.remedy, file=self.cluster.name),))


def _is_kept(item: ExternalSecret, applier: Applier) -> bool:
    """Return whether a Secret that is made once was made already."""
    if not is_once(item):
        return False
    try:
        return made_once(item, applier.live(item.meta.namespace, item.target.name))
    except ClusterError:
        return False  # The pipeline meets the same fault, and reports it.


def _kept(item: ExternalSecret) -> Outcome[ExternalSecret]:
    return Outcome(item, Progress.UNCHANGED, message="secret exists and is not refreshed again")
