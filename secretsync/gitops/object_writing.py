"""Applies, replaces and deletes one object of an application, as its sync options say.

Neighbour: `syncing` says which and when.

Source: Argo CD 3.6, "Sync options". Different from there: every apply is a server-side one.
"""

from __future__ import annotations

from typing import Any

from secretsync.cluster.base import KINDS, Cluster, Kind, Preconditions, Propagation
from secretsync.errors import AlreadyExists, ClusterError, Rejected
from secretsync.gitops.model import FIELD_MANAGER, Object, Pair
from secretsync.gitops.sync_options import SyncOptions
from secretsync.gitops.takeover import takeover_patch
from secretsync.resources.application import Application

__all__ = ["ObjectWriter"]

_NEVER_RECREATED = frozenset({"Namespace", "CustomResourceDefinition"})


class ObjectWriter:
    """Writes objects; holds nothing."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def get(self, pair: Pair) -> Object | None:
        """Return an object as it is now.

        Raises:
            ClusterError: it cannot be read.
        """
        return self._cluster.get(self._kind(pair), pair.key.namespace, pair.key.name)

    def apply(self, pair: Pair, options: SyncOptions, *, force: bool) -> str:
        """Make an object as it should be; return what was done, in kubectl's words.

        Raises:
            ClusterError: the cluster refused or failed.
        """
        target = pair.target
        if target is None:
            raise AssertionError("what has no target is pruned, not applied")
        kind = self._kind(pair)
        what = f"{kind.folder}/{pair.key.name}"
        if pair.live is not None and not pair.changes and not pair.hook:
            return f"{what} unchanged"
        if options.has("Replace=true", target) and pair.live is not None:
            return self._replace(kind, target, what)
        self._take_over(kind, pair)
        try:
            self._cluster.apply(kind, target, field_manager=FIELD_MANAGER)
        except Rejected:
            if not (force or options.has("Force=true", target)) or pair.live is None:
                raise
            return self._recreate(kind, pair, what)
        return f"{what} {'created' if pair.live is None else 'configured'}"

    def delete(self, pair: Pair, propagation: Propagation) -> None:
        """Delete an object; one that is gone is fine.

        Raises:
            ClusterError: the cluster refused or failed.
        """
        uid = ((pair.live or {}).get("metadata") or {}).get("uid", "")
        self._cluster.delete(
            self._kind(pair),
            pair.key.namespace,
            pair.key.name,
            preconditions=Preconditions(uid=uid) if uid and pair.target is None else None,
            propagation=propagation,
        )

    def make_namespace(self, app: Application) -> str:
        """Make the destination's namespace, or its managed metadata; return a problem."""
        name = app.spec.destination.namespace
        if not name:
            return ""
        managed = app.spec.sync_policy.managed_namespace_metadata
        metadata: dict[str, Any] = {"name": name}
        if managed is not None:
            metadata |= {"labels": dict(managed.labels), "annotations": dict(managed.annotations)}
        obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        kind = KINDS["Namespace"]
        try:
            if managed is not None:
                self._cluster.apply(kind, obj, field_manager=FIELD_MANAGER)
            elif self._cluster.get(kind, "", name) is None:
                self._cluster.create(kind, obj, field_manager=FIELD_MANAGER)
        except AlreadyExists:
            return ""
        except ClusterError as exc:
            return exc.message
        return ""

    def _take_over(self, kind: Kind, pair: Pair) -> None:
        patch = takeover_patch(pair.live) if pair.live is not None else None
        if patch is not None:
            self._cluster.merge_patch(
                kind, pair.key.namespace, pair.key.name, patch, field_manager=FIELD_MANAGER
            )

    def _replace(self, kind: Kind, target: Object, what: str) -> str:
        self._cluster.replace(kind, target, field_manager=FIELD_MANAGER)
        return f"{what} replaced"

    def _recreate(self, kind: Kind, pair: Pair, what: str) -> str:
        if pair.key.kind in _NEVER_RECREATED or pair.target is None:
            raise Rejected(
                f"{what} cannot be changed in place, and is not deleted to be made anew",
                remedy="change it by hand",
            )
        self._cluster.delete(
            kind, pair.key.namespace, pair.key.name, propagation=Propagation.BACKGROUND
        )
        self._cluster.create(kind, pair.target, field_manager=FIELD_MANAGER)
        return f"{what} replaced"

    def _kind(self, pair: Pair) -> Kind:
        obj = pair.target or pair.live or {}
        return self._cluster.resolve(str(obj.get("apiVersion", "")), pair.key.kind)
