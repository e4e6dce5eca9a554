"""An application compared: each object as it should be beside what is in the cluster.

The truth is a server-side dry run with our field manager. It is spared where the
object's managedFields already prove that applying would change nothing, and where the
same was asked before. Errors never look like Synced, and never like an absence.
Neighbours: `rendering` gives the objects, `syncing` closes the differences, `pairing`
decides what stands beside what, `object_diff` compares one object.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from secretsync.cluster.base import KINDS, Cluster, Kind
from secretsync.core.fingerprints import Fingerprinter
from secretsync.errors import ClusterError, NotFound
from secretsync.gitops.diff.object_diff import Answer, Asker, Remembered
from secretsync.gitops.diff.pairing import Slot, compare_options, extraneous, listed_in, paired
from secretsync.gitops.diff.summing import summary
from secretsync.gitops.diff.takeover import migrated_managers
from secretsync.gitops.model import (
    FIELD_MANAGER,
    Comparison,
    Health,
    HealthStatus,
    Object,
    ObjectKey,
    Pair,
    SyncStatus,
)
from secretsync.gitops.objects.ignoring import PathFinder, rules_of
from secretsync.gitops.objects.normalizing import LAST_APPLIED
from secretsync.gitops.objects.sync_options import SyncOptions
from secretsync.gitops.projects.instances import instance_of
from secretsync.resources.application import Application

__all__ = ["Comparer", "HealthOf", "known_from", "without_values"]

HealthOf = Callable[[Object], Health | None]

_CREATE_NAMESPACE = "CreateNamespace=true"
_IDENTITY = ("apiVersion", "kind", "metadata", "type")


@dataclass(frozen=True)
class Comparer:
    """Compares applications with one cluster; safe in threads.

    Args:
        cluster: where the objects are.
        fingerprints: stand for the values of Secrets.
        health_of: the health of a live object; None for kinds without.
        jq: evaluates jqPathExpressions; without it such a rule fails the comparison.
        field_manager: who applies.
        parallel: how many objects of an application are asked for at once.
        remembered: answers of earlier dry runs; shared by all applications.
    """

    cluster: Cluster
    fingerprints: Fingerprinter
    health_of: HealthOf
    jq: PathFinder | None = None
    field_manager: str = FIELD_MANAGER
    parallel: int = 8
    remembered: Remembered = field(default_factory=Remembered)

    def compare(
        self,
        app: Application,
        objects: Iterable[Object],
        *,
        inventory: Mapping[ObjectKey, str] | None = None,
        known: Mapping[ObjectKey, Object | None] | None = None,
    ) -> Comparison:
        """Return the application beside what is in the cluster.

        Args:
            app: whose objects they are.
            objects: what should be, as rendered.
            inventory: what it is known to have, key → apiVersion; None reads its status.
            known: live objects that need not be read again, with managedFields; None is
                a definite absence.

        Returns:
            Never raises a ClusterError: what could not be read or asked is UNKNOWN, with
            the condition ComparisonError.
        """
        had = listed_in(app.status) if inventory is None else inventory
        found = paired(
            objects,
            instance=instance_of(app),
            namespace=app.spec.destination.namespace,
            inventory=had,
            resolve=self.cluster.resolve,
        )
        compare = _One(self, app, self._asker(app), known or {})
        pairs = [pair for pair in self._each(compare.pair, found.slots) if pair is not None]
        result = summary(app, pairs, warnings=found.warnings)
        return self._with_namespace(app, result)

    def _with_namespace(self, app: Application, found: Comparison) -> Comparison:
        """Look at the namespace that a sync would make, where its metadata is managed."""
        policy = app.spec.sync_policy
        managed, name = policy.managed_namespace_metadata, app.spec.destination.namespace
        if managed is None or not name or _CREATE_NAMESPACE not in policy.sync_options:
            return found
        try:
            live = self.cluster.get(KINDS["Namespace"], "", name)
        except ClusterError as exc:
            problem = ("ComparisonError", f"Namespace {name}: {exc.message}")
            conditions = (*found.conditions, problem)
            return replace(found, status=SyncStatus.UNKNOWN, conditions=conditions)
        metadata = {} if live is None else live["metadata"]
        wanted = {"labels": managed.labels, "annotations": managed.annotations}
        differs = live is not None and any(
            (metadata.get(section) or {}).get(key) != value
            for section, pairs in wanted.items()
            for key, value in pairs
        )
        if not differs:
            return found
        unknown = found.status is SyncStatus.UNKNOWN
        status = SyncStatus.UNKNOWN if unknown else SyncStatus.OUT_OF_SYNC
        return replace(found, status=status, namespace_differs=True)

    def _asker(self, app: Application) -> Asker:
        options = SyncOptions.of(app.spec.sync_policy.sync_options)
        migrates = not options.has("ClientSideApplyMigration=false")
        return Asker(
            self.cluster,
            self.fingerprints,
            self.jq,
            self.field_manager,
            self.remembered,
            instance_of(app),
            compare_options(app.meta.annotations),
            options,
            migrated_managers(app.meta.annotations, migrates=migrates),
        )

    def _each(
        self, compare: Callable[[Slot], Pair | None], slots: tuple[Slot, ...]
    ) -> list[Pair | None]:
        if self.parallel <= 1 or len(slots) <= 1:
            return [compare(slot) for slot in slots]
        with ThreadPoolExecutor(min(self.parallel, len(slots))) as pool:
            return list(pool.map(compare, slots))


@dataclass(frozen=True)
class _One:
    """Compares the objects of one application."""

    comparer: Comparer
    app: Application
    asker: Asker
    known: Mapping[ObjectKey, Object | None]

    def pair(self, slot: Slot) -> Pair | None:
        """Return one pair, None for an object of the inventory that is not there."""
        if slot.problem or slot.kind is None:
            return self._unserved(slot)
        try:
            live = self._live(slot, slot.kind)
        except NotFound:
            live = None  # The kind went meanwhile, and with it all its objects.
        except ClusterError as exc:
            return Pair(slot.key, slot.target, None, SyncStatus.UNKNOWN, message=exc.message)
        if slot.target is None:
            return self._extra(slot, live)
        return self._wanted(slot, slot.target, slot.kind, live)

    def _unserved(self, slot: Slot) -> Pair | None:
        """A kind that is not served has no objects; one that nobody knows of may have."""
        if slot.kind is None and not slot.problem:
            if slot.target is None:
                return None
            return self._missing(slot, message="the cluster does not serve this kind")
        return Pair(slot.key, slot.target, None, SyncStatus.UNKNOWN, message=slot.problem)

    def _live(self, slot: Slot, kind: Kind) -> Object | None:
        if slot.key in self.known:
            return self.known[slot.key]
        if slot.nameless:
            return None
        return self.comparer.cluster.get(kind, slot.key.namespace, slot.key.name)

    def _extra(self, slot: Slot, live: Object | None) -> Pair | None:
        if live is None:
            return None
        ours = slot.is_ours(live) and not live["metadata"].get("ownerReferences")
        if not ours:
            return None
        status = SyncStatus.SYNCED if extraneous(live) else SyncStatus.OUT_OF_SYNC
        return Pair(slot.key, None, live, status, health=self.comparer.health_of(live))

    def _missing(self, slot: Slot, *, message: str = "") -> Pair:
        status = SyncStatus.SYNCED if slot.hook else SyncStatus.OUT_OF_SYNC
        health = Health(HealthStatus.MISSING)
        return Pair(
            slot.key, slot.target, None, status, health=health, hook=slot.hook, message=message
        )

    def _wanted(self, slot: Slot, target: Object, kind: Kind, live: Object | None) -> Pair:
        if live is None:
            return self._missing(slot)
        if slot.hook:
            answer = Answer(SyncStatus.SYNCED)
        else:
            rules = rules_of(self.app.spec.ignore_differences, slot.key)
            answer = self.asker.compare(kind, target, live, rules=rules)
        return Pair(
            slot.key,
            target,
            live,
            answer.status,
            answer.changes,
            self.comparer.health_of(live),
            hook=slot.hook,
            ours=slot.is_ours(live),
            message=answer.message,
        )


def known_from(
    earlier: Comparison, changed: Collection[ObjectKey]
) -> dict[ObjectKey, Object | None]:
    """Return what need not be read again after an earlier comparison.

    Secrets are: their values are kept nowhere.

    Args:
        earlier: of the same application.
        changed: what a watch, or a sync, has touched since.
    """
    return {
        pair.key: pair.live
        for pair in earlier.pairs
        if pair.status is not SyncStatus.UNKNOWN
        and pair.key not in changed
        and not (pair.key.group == "" and pair.key.kind == "Secret")
    }


def without_values(found: Comparison) -> Comparison:
    """Return a comparison to keep: its Secrets hold metadata and nothing else.

    Args:
        found: what is still to be synced must be synced from this one.
    """
    return replace(found, pairs=tuple(_valueless(pair) for pair in found.pairs))


def _valueless(pair: Pair) -> Pair:
    if (pair.key.group, pair.key.kind) != ("", "Secret"):
        return pair
    target, live = map(_identity, (pair.target, pair.live))
    return replace(pair, target=target, live=live)


def _identity(secret: Object | None) -> Object | None:
    if secret is None:
        return None
    kept = {name: secret[name] for name in _IDENTITY if name in secret}
    annotations = kept["metadata"].get("annotations") or {}
    # kubectl's copy of the object has the values too.
    told = {name: text for name, text in annotations.items() if name != LAST_APPLIED}
    return {**kept, "metadata": {**kept["metadata"], "annotations": told}}
