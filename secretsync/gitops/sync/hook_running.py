"""Starts hooks, sees how they end, and deletes them where their policy says so.

While a hook runs it carries a finalizer: whoever deletes it then (a Job's own time to live,
a person) takes nothing away before its end was seen.

Neighbours: `hooks` reads the annotations, `syncing` says when, `object_writing` writes.

Source: Argo CD 3.6, "Resource hooks".
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from secretsync.cluster.base import Cluster, Kind, Propagation
from secretsync.errors import ClusterError, Conflict, NotFound
from secretsync.gitops.diff.pairing import owner_of
from secretsync.gitops.model import (
    FIELD_MANAGER,
    Health,
    HealthStatus,
    Object,
    ObjectKey,
    OperationPhase,
    OperationState,
    Pair,
    ResourceResult,
    ResultCode,
)
from secretsync.gitops.objects.hooks import deletes_before, deletes_when
from secretsync.gitops.projects.instances import instance_of
from secretsync.gitops.sync.object_writing import UNREADABLE, ObjectWriter
from secretsync.gitops.sync.ordering import Task
from secretsync.gitops.sync.sync_run import SyncRun, named, place_of, result_of
from secretsync.resources.application import Application

__all__ = [
    "HOOK_FINALIZER",
    "NOT_RUN",
    "HookRunner",
    "api_version_of",
    "delete_hook",
    "end_hooks",
    "ended_as",
    "held",
    "is_hook_held",
]

HOOK_FINALIZER = "argocd.argoproj.io/hook-finalizer"
#: What is said of a hook in a cluster where nobody would run it.
NOT_RUN = "hooks are not run here"
#: A Job's controller writes too while its hook is let go.
RELEASE_ATTEMPTS = 5

HealthOf = Callable[[Object], Health | None]
_ENDS = frozenset({HealthStatus.HEALTHY, HealthStatus.DEGRADED})


class HookRunner:
    """Runs hooks of one cluster; safe in threads.

    Args:
        health_of: tells when a hook has ended.
        runs_hooks: False in a cluster where nobody would run a Job: they are reported.
    """

    def __init__(
        self, cluster: Cluster, writer: ObjectWriter, health_of: HealthOf, *, runs_hooks: bool
    ) -> None:
        self._cluster = cluster
        self._writer = writer
        self._health_of = health_of
        self._runs_hooks = runs_hooks

    def start(self, run: SyncRun, task: Task, ends_at: datetime) -> bool:
        """Make a hook, unless it runs already; return False where the process stops."""
        pair = named(task, run.state)
        result = replace(result_of(task), key=pair.key)
        if not self._runs_hooks:
            ended = OperationPhase.SUCCEEDED
            run.note(replace(result, code=ResultCode.SYNCED, hook_phase=ended, message=NOT_RUN))
            return True
        began = run.known(place_of(task, run.state)) is not None
        if began and self._writer.look(pair) is not None:
            return True
        try:
            if deletes_before(task.obj) and not began:
                self._writer.delete(pair, Propagation.BACKGROUND)
                if not run.until(lambda: self._is_gone(pair), ends_at):
                    return False
            message = self._writer.make(run.app, held(pair), run.options)
        except ClusterError as exc:
            run.note(_failed(result, exc.message))
            return True
        run.note(replace(result, hook_phase=OperationPhase.RUNNING, message=message))
        return True

    def ended(self, run: SyncRun, task: Task) -> bool:
        """Look at a hook; note its end, and do what its policy says. Return whether it ended."""
        pair = named(task, run.state)
        known = run.known(place_of(task, run.state))
        if known is None or (known.hook_phase is not None and known.hook_phase.completed):
            return True
        live = self._writer.look(pair)
        if live is UNREADABLE:
            return False  # An outage says nothing of what it hides.
        health = ended_as(live, self._health_of)
        if health is None:
            return False
        succeeded = health.status is HealthStatus.HEALTHY
        phase = OperationPhase.SUCCEEDED if succeeded else OperationPhase.FAILED
        code = ResultCode.SYNCED if succeeded else ResultCode.SYNC_FAILED
        known = replace(known, code=code, hook_phase=phase, message=health.message or known.message)
        run.note(known)
        try:
            if deletes_when(task.obj, succeeded=succeeded):
                delete_hook(self._cluster, pair, instance=instance_of(run.app))
            else:
                _release(self._cluster, pair)
        except ClusterError as exc:
            run.note(replace(known, message=f"{known.message}; {exc.message}"))
        return True

    def fail(self, run: SyncRun, task: Task) -> None:
        """Note that a hook did not end in time; it stays, for whoever asks why."""
        place, pair = place_of(task, run.state), named(task, run.state)
        if place in run.done():
            return
        message = "not healthy in time: it has not ended"
        try:
            _release(self._cluster, pair)
        except ClusterError as exc:
            message = f"{message}; {exc.message}"
        run.note(_failed(replace(result_of(task), key=pair.key), message))

    def stop(self, run: SyncRun) -> None:
        """Delete the hooks that still run: the sync has failed without them."""
        for each in run.state.results:
            if each.hook_phase is not OperationPhase.RUNNING:
                continue
            message = "ended, because the sync has failed"
            try:
                delete_hook(
                    self._cluster, (each.key, api_version_of(each)), instance=instance_of(run.app)
                )
            except ClusterError as exc:
                message = f"{message}; {exc.message}"
            run.note(_failed(each, message))

    def _is_gone(self, pair: Pair) -> bool:
        """Return whether an earlier hook has gone; one that a kill left held is let go."""
        live = self._writer.look(pair)
        if live is not None and live is not UNREADABLE and is_hook_held(live):
            _release(self._cluster, pair)
            live = self._writer.look(pair)
        return live is None


def ended_as(live: Mapping[str, Any] | None, health_of: HealthOf) -> Health | None:
    """Return how a hook has ended, None while it runs.

    What has no health has done all that it can once it is there. One that somebody
    deletes before it ended has failed; one that is deleted after it ended has not.

    Args:
        live: None where it is not there.
    """
    gone = Health(HealthStatus.DEGRADED, "it was deleted in the meantime")
    if live is None:
        return gone
    metadata = {k: v for k, v in live["metadata"].items() if k != "deletionTimestamp"}
    health = health_of({**live, "metadata": metadata})
    if health is None:
        return Health(HealthStatus.HEALTHY)
    if health.status in _ENDS:
        return health
    return gone if live["metadata"].get("deletionTimestamp") else None


def held(pair: Pair) -> Pair:
    """Return a hook with the finalizer that keeps it until its end was seen."""
    if pair.target is None:
        return pair
    metadata = pair.target["metadata"]
    finalizers = [*(metadata.get("finalizers") or ()), HOOK_FINALIZER]
    metadata = {**metadata, "finalizers": list(dict.fromkeys(finalizers))}
    return replace(pair, target={**pair.target, "metadata": metadata})


def is_hook_held(live: Mapping[str, Any]) -> bool:
    """Return whether an object carries the finalizer of a hook."""
    return HOOK_FINALIZER in (live["metadata"].get("finalizers") or ())


def delete_hook(cluster: Cluster, hook: Pair | tuple[ObjectKey, str], *, instance: str) -> None:
    """Delete a hook and what it made, finished or not; one that is gone is fine.

    Args:
        hook: the object, or its key and apiVersion, which may come from a status that more
            people can write than can write what it names.
        instance: the application; what does not carry its tracking is left alone.

    Raises:
        ClusterError: the cluster refused or failed.
    """
    key, api_version = hook if isinstance(hook, tuple) else (hook.key, _version(hook))
    try:
        kind = cluster.resolve(api_version, key.kind)
    except NotFound:
        return
    live = cluster.get(kind, key.namespace, key.name)
    if live is None or owner_of(live, key) != instance:
        return
    if _let_go(cluster, kind, key):
        cluster.delete(kind, key.namespace, key.name, propagation=Propagation.BACKGROUND)


def end_hooks(cluster: Cluster, app: Application, state: OperationState) -> OperationState:
    """Delete the hooks that an operation left running; one that cannot be is left to the next.

    Returns:
        The state, in which they have failed.
    """
    results = []
    for each in state.results:
        result = each
        if each.hook_phase is OperationPhase.RUNNING:
            with contextlib.suppress(ClusterError):
                delete_hook(cluster, (each.key, api_version_of(each)), instance=instance_of(app))
            result = _failed(each, "ended with its operation")
        results.append(result)
    return replace(state, results=tuple(results))


def api_version_of(result: ResourceResult) -> str:
    """Return the apiVersion of what a result is about."""
    group = result.key.group
    return f"{group}/{result.version}" if group else result.version


def _release(cluster: Cluster, pair: Pair) -> None:
    try:
        kind = cluster.resolve(_version(pair), pair.key.kind)
    except NotFound:
        return
    _let_go(cluster, kind, pair.key)


def _let_go(cluster: Cluster, kind: Kind, key: ObjectKey) -> bool:
    """Take our finalizer off a hook; return whether the hook is there."""
    for attempt in range(RELEASE_ATTEMPTS):
        live = cluster.get(kind, key.namespace, key.name)
        if live is None:
            return False
        if not is_hook_held(live):
            return True
        left = [each for each in live["metadata"]["finalizers"] if each != HOOK_FINALIZER]
        # Nobody else's finalizer may be lost: the list counts only as it was read.
        version = live["metadata"].get("resourceVersion")
        patch: Object = {"metadata": {"finalizers": left or None, "resourceVersion": version}}
        try:
            cluster.merge_patch(kind, key.namespace, key.name, patch, field_manager=FIELD_MANAGER)
        except NotFound:
            return False
        except Conflict:
            if attempt + 1 == RELEASE_ATTEMPTS:
                raise
        else:
            return True
    return True


def _version(pair: Pair) -> str:
    return str((pair.target or pair.live or {}).get("apiVersion", ""))


def _failed(result: ResourceResult, message: str) -> ResourceResult:
    failed = OperationPhase.FAILED
    return replace(result, code=ResultCode.SYNC_FAILED, hook_phase=failed, message=message)
