"""One sync while it runs: what it was asked for, and how far each task of it is.

Neighbours: `syncing` drives it, `hook_running` and `task_running` do tasks of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from secretsync.gitops.diff.pairing import with_name
from secretsync.gitops.model import (
    ObjectKey,
    OperationPhase,
    OperationState,
    Pair,
    ResourceResult,
    ResultCode,
    SyncPhase,
)
from secretsync.gitops.objects.hooks import hook_name
from secretsync.gitops.objects.sync_options import SyncOptions
from secretsync.gitops.sync.ordering import Task
from secretsync.resources.application import Application

__all__ = ["Place", "Progress", "SyncRun", "named", "place_of", "result_of"]

Progress = Callable[[OperationState], None]
Place = tuple[ObjectKey, SyncPhase]

_DONE = frozenset({ResultCode.SYNCED, ResultCode.PRUNED, ResultCode.PRUNE_SKIPPED})
_FAILED = frozenset({OperationPhase.FAILED, OperationPhase.ERROR})

#: How long the first wait for something takes, and how long one takes at most.
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 1.0


@dataclass
class SyncRun:
    """One sync; one thread notes what came of its tasks.

    Args:
        progress: told of each state; what it raises ends the sync there.
        now: the time.
        wait: sleeps so many seconds; returns False where the process is to stop.
        prune: what left the sources may be deleted.
        force: an object that cannot be changed is made anew.
        stopped: the process stops; the state says where to go on.
    """

    app: Application
    state: OperationState
    options: SyncOptions
    progress: Progress
    now: Callable[[], datetime]
    wait: Callable[[float], bool]
    prune: bool = False
    force: bool = False
    stopped: bool = False

    def note(self, *results: ResourceResult) -> None:
        """Write results; those of the same object and phase make way."""
        if not results:
            return
        new = {_place(each): each for each in results}
        kept = [each for each in self.state.results if _place(each) not in new]
        self.state = replace(self.state, results=(*kept, *new.values()))
        self.progress(self.state)

    def known(self, place: Place) -> ResourceResult | None:
        """Return what is noted of a task."""
        return next((each for each in self.state.results if _place(each) == place), None)

    def done(self) -> set[Place]:
        """Return what needs no further work."""
        return {
            _place(each)
            for each in self.state.results
            if each.code in _DONE and (each.hook_phase is None or each.hook_phase.completed)
        }

    def failed(self) -> list[ResourceResult]:
        """Return what went wrong."""
        return [
            each
            for each in self.state.results
            if each.code is ResultCode.SYNC_FAILED or each.hook_phase in _FAILED
        ]

    def until(self, done: Callable[[], bool], ends_at: datetime) -> bool:
        """Wait for something, for a time; return False where the process stops."""
        pause_s = FIRST_WAIT_S
        while not done():
            if self.now() >= ends_at:
                return True
            if not self.wait(pause_s):
                self.stopped = True
                return False
            pause_s = min(2 * pause_s, LONGEST_WAIT_S)
            self.progress(self.state)  # Whoever ends the sync from outside does it here.
        return True

    def ended(self, problem: str = "") -> OperationState:
        """Return the state of the operation at its end.

        Args:
            problem: what kept it from its tasks; "" tells from their results.
        """
        failed = self.failed()
        message = "successfully synced (all tasks run)"
        if failed:
            message = f"one or more objects failed to apply, reason: {_reasons(failed)}"
        phase = OperationPhase.FAILED if failed or problem else OperationPhase.SUCCEEDED
        return replace(self.state, phase=phase, message=problem or message, finished_at=self.now())


def result_of(task: Task) -> ResourceResult:
    """Return the result of a task that nothing is known about yet."""
    version = str(task.obj.get("apiVersion") or "").rpartition("/")[2]
    kind = str(task.phase) if task.hook else ""
    return ResourceResult(task.pair.key, version, task.phase, hook_type=kind)


def named(task: Task, state: OperationState) -> Pair:
    """Return the object of a task with the name that it has in this sync."""
    target = task.pair.target
    if not task.hook or target is None or target["metadata"].get("name"):
        return task.pair
    revision = state.revisions[0] if state.revisions else ""
    name = hook_name(target, revision, task.phase, int(state.started_at.timestamp()))
    key = replace(task.pair.key, name=name)
    return replace(task.pair, key=key, target=with_name(target, name), live=None)


def place_of(task: Task, state: OperationState) -> Place:
    """Return what the result of a task is found by."""
    return named(task, state).key, task.phase


def _place(result: ResourceResult) -> Place:
    return result.key, result.sync_phase


def _reasons(failed: Iterable[ResourceResult]) -> str:
    """Return the first reason, and those that came of it in hooks of a failure."""
    results = list(failed)
    mending = [each for each in results if each.sync_phase is SyncPhase.SYNC_FAIL]
    first = [each for each in results if each not in mending][:1]
    return "; ".join(dict.fromkeys(each.message for each in (*first, *mending[:1])))
