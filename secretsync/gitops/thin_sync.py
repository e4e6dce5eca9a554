"""Applies and prunes the objects of a comparison, in kind order: the smallest syncer.

Neighbours: `engine` syncs through whatever has this method.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from secretsync.cluster.base import KINDS, Cluster, Propagation
from secretsync.errors import ClusterError
from secretsync.gitops.model import (
    FIELD_MANAGER,
    Comparison,
    ObjectKey,
    OperationPhase,
    OperationState,
    Pair,
    ResourceResult,
    ResultCode,
    SyncPhase,
)
from secretsync.gitops.takeover import takeover_patch
from secretsync.resources.application import Application

__all__ = ["ThinSyncer"]

_FIRST = ("Namespace", "CustomResourceDefinition", "ServiceAccount", "Secret", "ConfigMap")

Progress = Callable[[OperationState], None]


class ThinSyncer:
    """Syncs one application at a time; safe in threads."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def run(
        self,
        app: Application,
        comparison: Comparison,
        state: OperationState,
        *,
        progress: Progress,
        now: Callable[[], datetime],
    ) -> OperationState:
        """Apply what differs, then prune where the operation says so; never raises.

        Args:
            state: where to go on from.
            progress: told of each object.
            now: the time.
        """
        sync = state.operation.get("sync") or {}
        only = {_key(each) for each in sync.get("resources") or ()}
        done = {each.key for each in state.results if each.code is not None}
        if "CreateNamespace=true" in app.spec.sync_policy.sync_options:
            self._namespace(app)
        pairs = [p for p in comparison.pairs if not only or p.key in only]
        for pair in sorted(pairs, key=_order):
            if pair.key in done or (pair.target is None and not pair.requires_pruning):
                continue
            result = self._one(pair, _propagation(app), prune=bool(sync.get("prune")))
            state = replace(state, results=(*state.results, result))
            progress(state)
        failed = [each for each in state.results if each.code is ResultCode.SYNC_FAILED]
        phase = OperationPhase.FAILED if failed else OperationPhase.SUCCEEDED
        message = "successfully synced (all tasks run)"
        if failed:
            message = f"one or more objects failed to apply, reason: {failed[0].message}"
        return replace(state, phase=phase, message=message, finished_at=now())

    def _namespace(self, app: Application) -> None:
        name = app.spec.destination.namespace
        obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        try:
            if name and self._cluster.get(KINDS["Namespace"], "", name) is None:
                self._cluster.create(KINDS["Namespace"], obj, field_manager=FIELD_MANAGER)
        except ClusterError:
            return  # What needs it fails, and says why.

    def _one(self, pair: Pair, propagation: Propagation, *, prune: bool) -> ResourceResult:
        obj = pair.target or pair.live or {}
        version = str(obj.get("apiVersion") or "").rpartition("/")[2]
        result = ResourceResult(pair.key, version, SyncPhase.SYNC)
        try:
            kind = self._cluster.resolve(obj["apiVersion"], pair.key.kind)
            if pair.target is None:
                if not prune:
                    text = "ignored (requires pruning)"
                    return replace(result, code=ResultCode.PRUNE_SKIPPED, message=text)
                self._cluster.delete(
                    kind,
                    pair.key.namespace,
                    pair.key.name,
                    propagation=propagation,
                )
                return replace(result, code=ResultCode.PRUNED, message="pruned")
            patch = takeover_patch(pair.live) if pair.live is not None else None
            if patch is not None:
                self._cluster.merge_patch(
                    kind, pair.key.namespace, pair.key.name, patch, field_manager=FIELD_MANAGER
                )
            if pair.live is None or pair.changes:
                self._cluster.apply(kind, pair.target, field_manager=FIELD_MANAGER)
            return replace(result, code=ResultCode.SYNCED, message=f"{pair.key.kind} configured")
        except ClusterError as exc:
            return replace(result, code=ResultCode.SYNC_FAILED, message=exc.message)


def _propagation(app: Application) -> Propagation:
    for option in app.spec.sync_policy.sync_options:
        name, _, value = option.partition("=")
        if name == "PrunePropagationPolicy" and value in ("background", "orphan"):
            return Propagation(value.capitalize())
    return Propagation.FOREGROUND


def _key(raw: dict[str, str]) -> ObjectKey:
    names = ("group", "kind", "namespace", "name")
    return ObjectKey(*(str(raw.get(name) or "") for name in names))


def _order(pair: Pair) -> tuple[bool, int, ObjectKey]:
    kind = pair.key.kind
    rank = _FIRST.index(kind) if kind in _FIRST else len(_FIRST)
    return pair.target is None, rank, pair.key
