"""Works the tasks of a sync off: phase by phase, wave by wave, and notes each result.

A result is written before the next object is touched, so that a kill goes on where it was.
Between waves it waits until what was applied is healthy; the last wave without hooks ends
when it is applied.

Neighbours: `ordering` gives the tasks, `object_writing` does one, `engine` starts syncs.

Source: Argo CD 3.6, "Sync phases and waves", "Resource hooks", "Sync options".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from secretsync.cluster.base import Cluster, Propagation
from secretsync.errors import ClusterError, NotFound
from secretsync.gitops.hooks import deletes_before, deletes_when, hook_name
from secretsync.gitops.model import (
    Comparison,
    Health,
    HealthStatus,
    Object,
    ObjectKey,
    OperationPhase,
    OperationState,
    Pair,
    ResourceResult,
    ResultCode,
    SyncPhase,
    SyncStatus,
)
from secretsync.gitops.object_writing import ObjectWriter
from secretsync.gitops.ordering import Task, defined_by, steps, tasks_of
from secretsync.gitops.sync_options import SyncOptions
from secretsync.resources.application import Application
from secretsync.resources.timestamps import parse_timestamp

__all__ = ["Syncer"]

Progress = Callable[[OperationState], None]
Done = tuple[ObjectKey, SyncPhase]

#: Stands for an object that the cluster could not be asked about.
UNREADABLE: Object = {}
#: What a wave waits to pass.
_NOT_YET = frozenset({HealthStatus.PROGRESSING, HealthStatus.MISSING})
#: What ends a hook; one that somebody deleted has not succeeded.
_HOOK_ENDS = frozenset({HealthStatus.HEALTHY, HealthStatus.DEGRADED, HealthStatus.MISSING})

POLL_S = 1.0
WAVE_WITHIN = timedelta(minutes=10)


@dataclass
class _Run:
    """One sync while it runs."""

    app: Application
    state: OperationState
    options: SyncOptions
    progress: Progress
    prune: bool
    force: bool

    def note(self, result: ResourceResult) -> None:
        """Write a result; one of the same object and phase takes its place."""
        same = (result.key, result.sync_phase)
        kept = [each for each in self.state.results if (each.key, each.sync_phase) != same]
        self.state = replace(self.state, results=(*kept, result))
        self.progress(self.state)

    def done(self) -> set[Done]:
        """Return what needs no further work."""
        return {
            (each.key, each.sync_phase)
            for each in self.state.results
            if each.code in (ResultCode.SYNCED, ResultCode.PRUNED, ResultCode.PRUNE_SKIPPED)
            and (each.hook_phase is None or each.hook_phase.completed)
        }

    def failed(self) -> list[ResourceResult]:
        """Return what went wrong."""
        ends = (OperationPhase.FAILED, OperationPhase.ERROR)
        return [
            each
            for each in self.state.results
            if each.code is ResultCode.SYNC_FAILED or each.hook_phase in ends
        ]


class Syncer:
    """Syncs one application at a time; safe in threads.

    Args:
        health_of: the health of a live object; None for kinds without one.
        runs_hooks: False in a cluster where nobody would run a Job: they are reported.
        wait: sleeps; returns False where the process is to stop.
        wave_within: how long a wave may take to be healthy, or what is deleted to go.
    """

    def __init__(
        self,
        cluster: Cluster,
        health_of: Callable[[Object], Health | None],
        *,
        runs_hooks: bool,
        wait: Callable[[float], bool],
        wave_within: timedelta = WAVE_WITHIN,
    ) -> None:
        self._cluster = cluster
        self._health_of = health_of
        self._runs_hooks = runs_hooks
        self._wait = wait
        self._wave_within = wave_within
        self._writer = ObjectWriter(cluster)

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
            progress: told of each result; what it raises ends the sync there.
            now: the time.
        """
        sync = state.operation.get("sync") or {}
        only = {_key(each) for each in sync.get("resources") or ()}
        options = SyncOptions.of(app.spec.sync_policy.sync_options, sync.get("syncOptions") or ())
        strategy = sync.get("syncStrategy") or {}
        force = any((strategy.get(name) or {}).get("force") for name in ("apply", "hook"))
        run = _Run(app, state, options, progress, bool(sync.get("prune")), force)
        pairs = [pair for pair in comparison.pairs if not only or pair.key in only]
        defined = {defined_by(pair.target) for pair in pairs if pair.target is not None}
        refused = [pair for pair in pairs if not force and _unusable(pair, options, defined)]
        shared = [pair for pair in pairs if pair.target is not None and not pair.ours]
        if options.has("FailOnSharedResource=true") and shared:
            return self._refuse(run, shared, "another application has it", now)
        if refused and not state.results:
            # As a dry run would: nothing is applied where a part is known to fail.
            return self._refuse(run, refused, "", now)
        hooks = not only and "apply" not in strategy
        tasks = tasks_of(self._wanted(pairs, options), options, hooks=hooks)
        return self._work(run, tasks, now)

    def _wanted(self, pairs: Iterable[Pair], options: SyncOptions) -> list[Pair]:
        """Leave out what is as it should be, where only the rest is asked for."""
        if not options.has("ApplyOutOfSyncOnly=true"):
            return list(pairs)
        return [pair for pair in pairs if pair.hook or pair.status is not SyncStatus.SYNCED]

    def _refuse(
        self, run: _Run, pairs: list[Pair], message: str, now: Callable[[], datetime]
    ) -> OperationState:
        for pair in pairs:
            text = message or pair.message
            result = _result(Task(pair, SyncPhase.SYNC, 0))
            run.note(replace(result, code=ResultCode.SYNC_FAILED, message=text))
        return self._ended(run, now)

    def _work(self, run: _Run, tasks: list[Task], now: Callable[[], datetime]) -> OperationState:
        if run.options.has("CreateNamespace=true"):
            problem = self._writer.make_namespace(run.app)
            if problem:
                message = f"the namespace cannot be made: {problem}"
                failed = OperationPhase.FAILED
                return replace(run.state, phase=failed, message=message, finished_at=now())
        normal = [task for task in tasks if task.phase is not SyncPhase.SYNC_FAIL]
        waves = list(steps(normal))
        for number, (_, _, group) in enumerate(waves, start=1):
            last = number == len(waves)
            if not self._step(run, group, last=last, now=now):
                return run.state  # The process stops; the state says where.
            if run.failed():
                self._step(run, _on_failure(tasks), last=True, now=now)
                break
        return self._ended(run, now)

    def _ended(self, run: _Run, now: Callable[[], datetime]) -> OperationState:
        failed = run.failed()
        message = "successfully synced (all tasks run)"
        if failed:
            message = f"one or more objects failed to apply, reason: {failed[0].message}"
        phase = OperationPhase.FAILED if failed else OperationPhase.SUCCEEDED
        return replace(run.state, phase=phase, message=message, finished_at=now())

    def _step(
        self, run: _Run, group: list[Task], *, last: bool, now: Callable[[], datetime]
    ) -> bool:
        """Do one wave; return False where the process stops in it."""
        ends_at = now() + self._wave_within
        done = run.done()
        todo = [task for task in group if _place(task, run.state) not in done]
        for task in (each for each in todo if each.prunes):
            run.note(self._pruned(run, task))
        if not self._until(run, lambda: self._gone(group), ends_at, now):
            return False
        for task in (each for each in todo if not each.prunes):
            if task.hook:
                if not self._start_hook(run, task, ends_at, now):
                    return False
            else:
                run.note(self._applied(run, task))
        if run.failed():
            return True
        awaited = group if not last else [task for task in group if task.hook]
        if not self._until(run, lambda: self._settled(run, awaited), ends_at, now):
            return False
        self._unsettled(run, awaited)
        return True

    def _until(
        self,
        run: _Run,
        done: Callable[[], bool],
        ends_at: datetime,
        now: Callable[[], datetime],
    ) -> bool:
        """Wait for something, for a time; return False where the process stops."""
        while not done():
            if now() >= ends_at:
                return True
            if not self._wait(POLL_S):
                return False
            run.progress(run.state)  # Whoever ends the sync from outside does it here.
        return True

    def _applied(self, run: _Run, task: Task) -> ResourceResult:
        result = _result(task)
        try:
            message = self._writer.apply(task.pair, run.options, force=run.force)
        except ClusterError as exc:
            return replace(result, code=ResultCode.SYNC_FAILED, message=exc.message)
        return replace(result, code=ResultCode.SYNCED, message=message)

    def _pruned(self, run: _Run, task: Task) -> ResourceResult:
        result, obj = _result(task), task.obj
        skipped = ""
        if not run.prune:
            skipped = "ignored (requires pruning)"
        elif run.options.has("Prune=false", obj):
            skipped = "ignored (no prune)"
        elif run.options.has("Prune=confirm", obj) and not _approved(run):
            skipped = "ignored (needs the annotation argocd.argoproj.io/deletion-approved)"
        if skipped:
            return replace(result, code=ResultCode.PRUNE_SKIPPED, message=skipped)
        try:
            self._writer.delete(task.pair, run.options.propagation)
        except ClusterError as exc:
            return replace(result, code=ResultCode.SYNC_FAILED, message=exc.message)
        return replace(result, code=ResultCode.PRUNED, message="pruned")

    def _gone(self, group: list[Task]) -> bool:
        return not any(task.prunes and self._being_deleted(task) for task in group)

    def _being_deleted(self, task: Task) -> bool:
        live = self._live(task.pair)
        if live is UNREADABLE:
            return True  # Not known to be gone: it is waited for.
        return live is not None and bool(live["metadata"].get("deletionTimestamp"))

    def _live(self, pair: Pair) -> Object | None:
        """Return an object, None where it is definitely absent, UNREADABLE where nobody knows."""
        try:
            return self._writer.get(pair)
        except NotFound:
            return None
        except ClusterError:
            return UNREADABLE

    def _start_hook(
        self, run: _Run, task: Task, ends_at: datetime, now: Callable[[], datetime]
    ) -> bool:
        """Make a hook, unless it runs already; return False where the process stops."""
        place = _place(task, run.state)
        began = any((each.key, each.sync_phase) == place for each in run.state.results)
        result = _result(task)
        if not self._runs_hooks:
            text = "hooks are not run here"
            succeeded = OperationPhase.SUCCEEDED
            code = ResultCode.SYNCED
            run.note(replace(result, code=code, hook_phase=succeeded, message=text))
            return True
        named = _named(task, run.state)
        if began and self._live(named) is not None:
            return True
        try:
            if deletes_before(task.obj) and not began:
                self._writer.delete(named, Propagation.BACKGROUND)
                if not self._until(run, lambda: self._live(named) is None, ends_at, now):
                    return False
            message = self._writer.apply(named, run.options, force=False)
        except ClusterError as exc:
            failed = OperationPhase.FAILED
            run.note(
                replace(result, code=ResultCode.SYNC_FAILED, hook_phase=failed, message=exc.message)
            )
            return True
        running = OperationPhase.RUNNING
        run.note(replace(result, key=named.key, hook_phase=running, message=message))
        return True

    def _settled(self, run: _Run, group: list[Task]) -> bool:
        """Look at what was applied; return whether all of it has come to an end."""
        settled = True
        for task in group:
            if task.prunes:
                continue
            health = self._health(run, task)
            if task.hook:
                settled &= self._hook_ended(run, task, health)
            elif health is not None and health.status is HealthStatus.DEGRADED:
                result = replace(_result(task), code=ResultCode.SYNC_FAILED)
                run.note(replace(result, message=f"degraded: {health.message}"))
            elif health is not None and health.status in _NOT_YET:
                settled = False
        return settled or bool(run.failed())

    def _health(self, run: _Run, task: Task) -> Health | None:
        """Return the health of what a task applied; None where its kind has none.

        What cannot be read is Progressing: an outage says nothing of what it hides.
        """
        live = self._live(_named(task, run.state) if task.hook else task.pair)
        if live is UNREADABLE:
            return Health(HealthStatus.PROGRESSING, "its state cannot be read")
        if live is None:
            return Health(HealthStatus.MISSING, "it was deleted in the meantime")
        return self._health_of(live)

    def _hook_ended(self, run: _Run, task: Task, health: Health | None) -> bool:
        """Note the end of a hook, and delete it where its policy says so."""
        named, place = _named(task, run.state), _place(task, run.state)
        known = next(
            (each for each in run.state.results if (each.key, each.sync_phase) == place), None
        )
        if known is None or (known.hook_phase is not None and known.hook_phase.completed):
            return True
        # What has no health has done all that it can once it is there.
        status = HealthStatus.HEALTHY if health is None else health.status
        if status not in _HOOK_ENDS:
            return False
        succeeded = status is HealthStatus.HEALTHY
        phase = OperationPhase.SUCCEEDED if succeeded else OperationPhase.FAILED
        code = ResultCode.SYNCED if succeeded else ResultCode.SYNC_FAILED
        text = health.message if health is not None and health.message else known.message
        run.note(replace(known, code=code, hook_phase=phase, message=text))
        if deletes_when(task.obj, succeeded=succeeded):
            try:
                self._writer.delete(named, Propagation.BACKGROUND)
            except ClusterError as exc:
                run.note(replace(known, code=code, hook_phase=phase, message=exc.message))
        return True

    def _unsettled(self, run: _Run, group: list[Task]) -> None:
        """Fail what did not come to an end in time."""
        if run.failed():
            return
        done = run.done()
        for task in group:
            if task.prunes or (task.hook and _place(task, run.state) in done):
                continue
            health = self._health(run, task)
            if not task.hook and (health is None or health.status not in _NOT_YET):
                continue
            why = health.message if health is not None else "it has not ended"
            result = replace(_result(task), key=_place(task, run.state)[0])
            run.note(
                replace(
                    result,
                    code=ResultCode.SYNC_FAILED,
                    message=f"not healthy in time: {why}",
                    hook_phase=OperationPhase.FAILED if task.hook else None,
                )
            )


def _unusable(pair: Pair, options: SyncOptions, defined: set[tuple[str, str]]) -> bool:
    """Return whether it is known before that an object cannot be applied.

    Args:
        defined: groups and kinds whose definitions the same sync applies.
    """
    target = pair.target
    if target is None or not pair.message or (pair.key.group, pair.key.kind) in defined:
        return False
    tolerated = ("SkipDryRunOnMissingResource=true", "Force=true", "Replace=true")
    return not any(options.has(option, target) for option in tolerated)


def _on_failure(tasks: list[Task]) -> list[Task]:
    return [task for task in tasks if task.phase is SyncPhase.SYNC_FAIL]


def _result(task: Task) -> ResourceResult:
    version = str(task.obj.get("apiVersion") or "").rpartition("/")[2]
    kind = str(task.phase) if task.hook else ""
    return ResourceResult(task.pair.key, version, task.phase, hook_type=kind)


def _named(task: Task, state: OperationState) -> Pair:
    """Return a hook with the name that it has in this sync."""
    target = task.pair.target
    if target is None or target["metadata"].get("name"):
        return task.pair
    revision = state.revisions[0] if state.revisions else ""
    name = hook_name(target, revision, task.phase, int(state.started_at.timestamp()))
    metadata = {key: value for key, value in target["metadata"].items() if key != "generateName"}
    named = {**target, "metadata": {**metadata, "name": name}}
    return replace(task.pair, key=replace(task.pair.key, name=name), target=named, live=None)


def _approved(run: _Run) -> bool:
    text = run.app.meta.annotations.get("argocd.argoproj.io/deletion-approved", "")
    approved_at = parse_timestamp(text)
    return approved_at is not None and approved_at >= run.state.started_at


def _place(task: Task, state: OperationState) -> Done:
    """Return what the result of a task is found by."""
    pair = _named(task, state) if task.hook else task.pair
    return pair.key, task.phase


def _key(raw: dict[str, str]) -> ObjectKey:
    names = ("group", "kind", "namespace", "name")
    return ObjectKey(*(str(raw.get(name) or "") for name in names))
