"""Targets that are not Secrets (`target.manifest`): judged, compared, written.

Off unless `--unsafe-allow-generic-targets` is given: such objects are not encrypted at
rest, and whoever may write an ExternalSecret writes them with the service's rights.

Neighbours: `core.manifest_target` makes the object, `manifest_changes` compares, `pipeline`
asks, `applying` is the same for Secrets.

Source: External Secrets Operator 2.9, guide "Targeting Custom Resources". Different from
there: an object that is not this ExternalSecret's is not taken over without being asked.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from secretsync.cluster.base import Cluster, Kind
from secretsync.core.hashes import field_manager
from secretsync.core.manifest_target import manifest_object
from secretsync.core.materialize import Materialized
from secretsync.core.plan import KeyChange, SecretAction, Verb
from secretsync.core.secrets import ADOPT_ANNOTATION, ALLOW_EMPTY_ANNOTATION
from secretsync.core.target_template import Texts
from secretsync.errors import Rejected
from secretsync.refresh.keeping import is_once
from secretsync.refresh.manifest_changes import Object, blanks, changes_of, settled
from secretsync.refresh.outcomes import Outcome, Progress
from secretsync.resources.external_secret import ExternalSecret
from secretsync.resources.meta import ObjectRef
from secretsync.resources.names import MANAGED_TARGET_LABEL

__all__ = ["ManifestTargets", "TargetKey", "target_kind"]

SYNCED = "ResourceSynced"
FAILED = "ResourceSyncedError"
MISSING = "ResourceMissing"

#: apiVersion, kind, namespace and name.
TargetKey = tuple[str, str, str, str]


def target_kind(cluster: Cluster, item: ExternalSecret) -> Kind:
    """Return the kind of an ExternalSecret's target that is no Secret.

    Raises:
        Rejected: it is not namespaced.
        NotFound: the cluster does not serve it.
    """
    manifest = item.target.manifest
    if manifest is None:
        raise AssertionError("only asked of an ExternalSecret with a manifest")
    kind = cluster.resolve(manifest.api_version, manifest.kind)
    if not kind.namespaced:
        raise Rejected(
            f"{manifest.kind} belongs to no namespace, and an ExternalSecret writes in its own",
            remedy="use a kind that is namespaced",
        )
    return kind


@dataclass(frozen=True, slots=True)
class _Target:
    """One target while it is worked on."""

    item: ExternalSecret
    kind: Kind
    live: Object | None

    @property
    def ref(self) -> ObjectRef:
        return ObjectRef(self.kind.kind, self.item.meta.namespace, self.item.target.name)

    @property
    def manager(self) -> str:
        return field_manager(self.item.meta.name)

    def action(self, verb: Verb, changes: tuple[KeyChange, ...] = ()) -> SecretAction:
        return SecretAction(verb, self.ref, self.item.ref, reason=SYNCED, changes=changes)


class ManifestTargets:
    """Writes them; safe to share between threads.

    Args:
        allowed: the switch; without it each is refused before anything is read.
        writes: False plans only.
    """

    def __init__(self, cluster: Cluster, *, allowed: bool, writes: bool) -> None:
        self._cluster = cluster
        self._allowed = allowed
        self._writes = writes
        self._lock = threading.Lock()
        self._written: dict[TargetKey, str] = {}

    def before(self, item: ExternalSecret) -> Outcome[ExternalSecret] | None:
        """Return how it ends without reading a store, or None where one must be read.

        Raises:
            ClusterError: the cluster cannot be asked.
        """
        if not self._allowed:
            return Outcome(
                item,
                Progress.FAILED,
                FAILED,
                "targets that are not Secrets are switched off",
                remedy="have a Secret made, or start with --unsafe-allow-generic-targets",
                field="spec.target.manifest",
            )
        once = is_once(item) and item.status.synced_resource_version
        if once and self._live(item, target_kind(self._cluster, item)) is not None:
            return Outcome(item, Progress.UNCHANGED, SYNCED, "resource synced")
        return None

    def reconcile(
        self, item: ExternalSecret, materialized: Materialized, texts: Texts
    ) -> Outcome[ExternalSecret]:
        """Make the target as it should be.

        Raises:
            ClusterError: the cluster refused or failed; nothing is half-written.
            TargetTemplateError: the object cannot be made of the values.
        """
        kept = _kept(item, materialized)
        if kept is not None:
            return kept
        kind = target_kind(self._cluster, item)
        target = _Target(item, kind, self._live(item, kind))
        refusal = _refusal(target)
        if refusal is not None:
            return refusal
        obj = manifest_object(item, materialized.data, texts)
        _own(obj, item)
        predicted = self._predicted(target, obj)
        changes = tuple(changes_of(target.live, predicted))
        blanked = [change.key for change in changes if blanks(change)]
        if blanked and item.meta.annotations.get(ALLOW_EMPTY_ANNOTATION) != "true":
            what = f"an empty value would replace one that is not: {', '.join(blanked)}"
            meant = f'annotate the ExternalSecret with {ALLOW_EMPTY_ANNOTATION}: "true"'
            return _failed(target, what, f"{meant} if that is meant")
        verb = self._write(target, obj, predicted)
        action = target.action(verb, changes)
        progress = Progress.UNCHANGED if verb is Verb.UNCHANGED else Progress.APPLIED
        return Outcome(
            item,
            progress,
            SYNCED,
            "resource synced",
            action=action,
            versions=materialized.versions,
            missing=materialized.missing,
        )

    def foreign(self, key: TargetKey, resource_version: str) -> bool:
        """Return whether a version of a target is another than the one last seen or written.

        False before the first look, which is to come.
        """
        with self._lock:
            return self._written.get(key, resource_version) != resource_version

    def collect(self, item: ExternalSecret) -> None:
        """Delete the target of an ExternalSecret that is gone, where that owned it.

        Raises:
            ClusterError: the cluster refused or failed.
        """
        kind = target_kind(self._cluster, item)
        live = self._live(item, kind)
        owner = _controller(live) if live is not None else None
        if owner is not None and owner.get("uid") == item.meta.uid:
            self._cluster.delete(kind, item.meta.namespace, item.target.name)

    def _live(self, item: ExternalSecret, kind: Kind) -> Object | None:
        return self._cluster.get(kind, item.meta.namespace, item.target.name)

    def _predicted(self, target: _Target, obj: Object) -> Object:
        """Return the object as the cluster would make it; only asked where it is there."""
        if target.live is None:
            return obj
        meta = target.live["metadata"]
        pinned = {**obj["metadata"], "uid": meta.get("uid", "")}
        return self._cluster.apply(
            target.kind,
            {**obj, "metadata": pinned},
            field_manager=target.manager,
            dry_run=True,
        )

    def _write(self, target: _Target, obj: Object, predicted: Object) -> Verb:
        if target.live is not None and settled(target.live) == settled(predicted):
            self._note(target, target.live)
            return Verb.UNCHANGED
        verb = Verb.CREATE if target.live is None else Verb.UPDATE
        if not self._writes:
            return verb
        if target.live is None:
            written = self._cluster.create(target.kind, obj, field_manager=target.manager)
        else:
            meta = target.live["metadata"]
            seen = {key: meta[key] for key in ("uid", "resourceVersion") if key in meta}
            pinned = {**obj, "metadata": {**obj["metadata"], **seen}}
            written = self._cluster.apply(target.kind, pinned, field_manager=target.manager)
        self._note(target, written)
        return verb

    def _note(self, target: _Target, obj: Object) -> None:
        item, kind = target.item, target.kind
        key = (kind.api_version, kind.kind, item.meta.namespace, item.target.name)
        with self._lock:
            self._written[key] = obj["metadata"].get("resourceVersion", "")


def _kept(item: ExternalSecret, materialized: Materialized) -> Outcome[ExternalSecret] | None:
    """Return the outcome where too little is known to write anything."""
    missing = materialized.missing
    if not missing or (materialized.data and all(each.definite for each in missing)):
        return None
    keys = ", ".join(dict.fromkeys(each.key for each in missing))
    return Outcome(
        item,
        Progress.WAITING,
        SYNCED,
        f"resource retained: {keys} does not exist upstream",
        missing=missing,
    )


def _refusal(target: _Target) -> Outcome[ExternalSecret] | None:
    item, live = target.item, target.live
    policy = item.target.creation_policy
    if live is None:
        if policy != "Merge":
            return None
        message = "resource will not be created due to CreationPolicy=Merge"
        action = target.action(Verb.UNCHANGED)
        return Outcome(item, Progress.UNCHANGED, MISSING, message, action=action)
    if live["metadata"].get("deletionTimestamp"):
        return _failed(target, "the target is being deleted", "wait until it is gone")
    if policy in ("Merge", "CreateOrMerge") or _is_ours(item, live):
        return None
    if item.meta.annotations.get(ADOPT_ANNOTATION) == "true":
        return None
    return _failed(
        target,
        "the target exists and was not made by this ExternalSecret",
        f'annotate the ExternalSecret with {ADOPT_ANNOTATION}: "true" to take it over',
    )


def _is_ours(item: ExternalSecret, live: Object) -> bool:
    """Return whether this ExternalSecret, served by ESO or by us, made an object."""
    meta = live["metadata"]
    owner = _controller(live)
    if owner is not None:
        return (owner.get("kind"), owner.get("name")) == ("ExternalSecret", item.meta.name)
    return (meta.get("labels") or {}).get(MANAGED_TARGET_LABEL) == "true"


def _failed(target: _Target, message: str, remedy: str) -> Outcome[ExternalSecret]:
    action = target.action(Verb.BLOCKED)
    return Outcome(
        target.item,
        Progress.FAILED,
        FAILED,
        f"could not update resource: {message}",
        remedy=remedy,
        action=action,
    )


def _controller(obj: Object) -> Mapping[str, Any] | None:
    references = obj["metadata"].get("ownerReferences") or []
    return next((each for each in references if each.get("controller")), None)


def _own(obj: Object, item: ExternalSecret) -> None:
    if item.live and item.target.creation_policy == "Owner":
        obj["metadata"]["ownerReferences"] = [
            {
                "apiVersion": "external-secrets.io/v1",
                "kind": "ExternalSecret",
                "name": item.meta.name,
                "uid": item.meta.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
