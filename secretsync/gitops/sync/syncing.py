"""Works the tasks of a sync off: phase by phase, wave by wave, and notes each result.

Results are written as they come, so that a kill goes on where it was: at most what was
under way is done once more. Between waves it waits until what was applied is healthy; the
last wave without hooks ends when it is applied.

Neighbours: `ordering` gives the tasks, `task_running` and `hook_running` do them,
`sync_run` keeps how far it is, `engine` starts syncs.

Source: Argo CD 3.6, "Sync phases and waves", "Resource hooks", "Sync options".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from secretsync.cluster.base import Cluster
from secretsync.gitops.model import (
    Comparison,
    Health,
    HealthStatus,
    Object,
    ObjectKey,
    OperationPhase,
    OperationState,
    Pair,
    ResultCode,
    SyncPhase,
    SyncStatus,
)
from secretsync.gitops.objects.ignoring import PathFinder
from secretsync.gitops.objects.sync_options import SyncOptions
from secretsync.gitops.sync.asked_syncs import Selection, unserved
from secretsync.gitops.sync.hook_running import HookRunner
from secretsync.gitops.sync.object_writing import UNREADABLE, ObjectWriter
from secretsync.gitops.sync.ordering import Task, steps, tasks_of
from secretsync.gitops.sync.sync_refusals import refused
from secretsync.gitops.sync.sync_run import Progress, SyncRun, place_of, result_of
from secretsync.gitops.sync.task_running import TaskRunner
from secretsync.resources.application import Application

__all__ = ["Syncer"]

#: What a wave waits to pass.
_NOT_YET = frozenset({HealthStatus.PROGRESSING, HealthStatus.MISSING})

WAVE_WITHIN = timedelta(minutes=10)
#: Objects of one sync that are written at once.
PARALLEL = 8


class Syncer:
    """Syncs applications; safe in threads.

    Args:
        health_of: the health of a live object; None for kinds without one.
        runs_hooks: False in a cluster where nobody would run a Job: they are reported.
        wait: sleeps; returns False where the process is to stop.
        wave_within: how long a wave may take to be healthy, or what is deleted to go.
        jq: evaluates jqPathExpressions of RespectIgnoreDifferences.
        parallel: how many objects of one sync are written at once.
    """

    def __init__(
        self,
        cluster: Cluster,
        health_of: Callable[[Object], Health | None],
        *,
        runs_hooks: bool,
        wait: Callable[[float], bool],
        wave_within: timedelta = WAVE_WITHIN,
        jq: PathFinder | None = None,
        parallel: int = PARALLEL,
    ) -> None:
        self._health_of = health_of
        self._wait = wait
        self._wave_within = wave_within
        self._writer = ObjectWriter(cluster, wait=wait, jq=jq)
        self._tasks = TaskRunner(self._writer, parallel=parallel)
        self._hooks = HookRunner(cluster, self._writer, health_of, runs_hooks=runs_hooks)

    def run(
        self,
        app: Application,
        comparison: Comparison,
        state: OperationState,
        *,
        progress: Progress,
        now: Callable[[], datetime],
    ) -> OperationState:
        """Go on from a state until the operation is completed, or the process stops.

        Args:
            state: where to go on from.
            progress: told of results; what it raises ends the sync there.
            now: the time.
        """
        if (error := unserved(state.operation, app)) is not None:
            ended, phase = now(), OperationPhase.ERROR
            return replace(state, phase=phase, message=error.sentence, finished_at=ended)
        sync = state.operation.get("sync") or {}
        selection = Selection.of(sync)
        options = SyncOptions.of(app.spec.sync_policy.sync_options, sync.get("syncOptions") or ())
        strategy = sync.get("syncStrategy") or {}
        force = any((strategy.get(name) or {}).get("force") for name in ("apply", "hook"))
        run = SyncRun(
            app,
            state,
            options,
            progress,
            now,
            self._wait,
            prune=bool(sync.get("prune")),
            force=force,
        )
        pairs = [pair for pair in comparison.pairs if selection.has(pair.key)]
        if refused(run, pairs):
            return run.ended()
        hooks = not selection.partial and "apply" not in strategy
        return self._work(run, tasks_of(_wanted(pairs, options), options, hooks=hooks))

    def _work(self, run: SyncRun, tasks: list[Task]) -> OperationState:
        if run.options.has("CreateNamespace=true") and not _makes_namespace(run.app, tasks):
            problem = self._writer.make_namespace(run.app)
            if problem:
                return run.ended(f"the namespace cannot be made: {problem}")
        normal = [task for task in tasks if task.phase is not SyncPhase.SYNC_FAIL]
        waves = list(steps(normal))
        for number, (_, _, group) in enumerate(waves, start=1):
            if not self._step(run, group, last=number == len(waves)):
                return run.state  # The process stops; the state says where.
            if run.failed():
                self._hooks.stop(run)
                if not self._step(run, _on_failure(tasks), last=True):
                    return run.state
                break
        return run.ended()

    def _step(self, run: SyncRun, group: list[Task], *, last: bool) -> bool:
        """Do one wave; return False where the process stops in it."""
        ends_at = run.now() + self._wave_within
        done = run.done()
        todo = [task for task in group if place_of(task, run.state) not in done]
        if not self._tasks.prune(run, [task for task in todo if task.prunes]):
            return True
        if not self._until_gone(run, group, ends_at):
            return False
        started = self._started(run, [task for task in todo if not task.prunes], ends_at)
        if run.stopped or not started:
            return False
        awaited = [task for task in group if not task.prunes and (task.hook or not last)]
        left = list(awaited)

        def settled() -> bool:
            if _has_failed(run, group):
                return True
            left[:] = [task for task in left if not self._settled(run, task)]
            return not left or _has_failed(run, group)

        if not run.until(settled, ends_at):
            return False
        if not _has_failed(run, group):
            self._unsettled(run, left)
        return True

    def _until_gone(self, run: SyncRun, group: list[Task], ends_at: datetime) -> bool:
        """Wait until what was pruned is gone; what stays for ever fails the sync."""
        pruned = [task for task in group if task.prunes and _was_pruned(run, task)]
        if not run.until(lambda: self._tasks.gone(pruned), ends_at):
            return False
        for task in pruned:
            if not self._tasks.gone([task]):
                text = "it is still being deleted: something holds it by a finalizer"
                result = replace(result_of(task), code=ResultCode.SYNC_FAILED, message=text)
                run.note(result)
        return True

    def _started(self, run: SyncRun, tasks: list[Task], ends_at: datetime) -> bool:
        """Apply objects and start hooks, in their order; False where the process stops."""
        before: list[Task] = []
        for task in tasks:
            if not task.hook:
                before.append(task)
                continue
            if not self._tasks.apply(run, before):
                return True
            before = []
            if not self._hooks.start(run, task, ends_at):
                return False
        self._tasks.apply(run, before)
        return True

    def _settled(self, run: SyncRun, task: Task) -> bool:
        """Look at what was applied; return whether it has come to an end."""
        if task.hook:
            return self._hooks.ended(run, task)
        health = self._health(task)
        if health is not None and health.status is HealthStatus.DEGRADED:
            result = replace(result_of(task), code=ResultCode.SYNC_FAILED)
            run.note(replace(result, message=f"degraded: {health.message}"))
        return health is None or health.status not in _NOT_YET

    def _health(self, task: Task) -> Health | None:
        """Return the health of what a task applied; None where its kind has none.

        What cannot be read is Progressing: an outage says nothing of what it hides.
        """
        live = self._writer.look(task.pair)
        if live is UNREADABLE:
            return Health(HealthStatus.PROGRESSING, "its state cannot be read")
        if live is None:
            return Health(HealthStatus.MISSING, "it was deleted in the meantime")
        return self._health_of(live)

    def _unsettled(self, run: SyncRun, tasks: Sequence[Task]) -> None:
        """Fail what did not come to an end in time."""
        for task in tasks:
            if task.hook:
                self._hooks.fail(run, task)
                continue
            health = self._health(task)
            if health is None or health.status not in _NOT_YET:
                continue
            text = f"not healthy in time: {health.message}"
            run.note(replace(result_of(task), code=ResultCode.SYNC_FAILED, message=text))


def _wanted(pairs: Iterable[Pair], options: SyncOptions) -> list[Pair]:
    """Leave out what is as it should be, where only the rest is asked for."""
    if not options.has("ApplyOutOfSyncOnly=true"):
        return list(pairs)
    return [pair for pair in pairs if pair.hook or pair.status is not SyncStatus.SYNCED]


def _has_failed(run: SyncRun, group: Iterable[Task]) -> bool:
    """Return whether something of one wave has failed; hooks of a failure follow one."""
    places = {place_of(task, run.state) for task in group}
    return any((each.key, each.sync_phase) in places for each in run.failed())


def _was_pruned(run: SyncRun, task: Task) -> bool:
    known = run.known(place_of(task, run.state))
    return known is not None and known.code is ResultCode.PRUNED


def _makes_namespace(app: Application, tasks: Iterable[Task]) -> bool:
    """Return whether the sources have the destination's namespace themselves."""
    name = app.spec.destination.namespace
    namespace = ObjectKey("", "Namespace", "", name)
    return any(task.pair.key == namespace and not task.prunes for task in tasks)


def _on_failure(tasks: Iterable[Task]) -> list[Task]:
    return [task for task in tasks if task.phase is SyncPhase.SYNC_FAIL]
