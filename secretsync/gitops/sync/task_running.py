"""Applies and prunes the objects of one wave, several at a time, and notes each result.

Kinds go in their order: what a later one needs is there before it. What shares a rank goes
side by side. Neighbours: `syncing` says which, `object_writing` does one.

Source: Argo CD 3.6, "Sync phases and waves", "Sync options".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import timedelta
from itertools import islice

from secretsync.errors import ClusterError, ClusterUnavailable
from secretsync.gitops.model import Pair, ResourceResult, ResultCode
from secretsync.gitops.objects.sync_options import is_kept
from secretsync.gitops.sync.approval import APPROVED, agreed_to, must_be_agreed_to
from secretsync.gitops.sync.object_writing import UNREADABLE, ObjectWriter
from secretsync.gitops.sync.ordering import Task, defined_by, ranks
from secretsync.gitops.sync.sync_run import SyncRun, result_of

__all__ = ["TaskRunner"]

#: How long objects wait for their definition; those of one that is refused fail by themselves.
DEFINED_WITHIN = timedelta(seconds=30)

Done = tuple[ResourceResult, bool]


class TaskRunner:
    """Does tasks of one cluster; safe in threads.

    Args:
        parallel: how many objects of a sync are written at once.
    """

    def __init__(self, writer: ObjectWriter, *, parallel: int) -> None:
        self._writer = writer
        self._parallel = parallel

    def apply(self, run: SyncRun, tasks: Sequence[Task]) -> bool:
        """Apply objects, kind by kind; return whether the cluster was there all the time.

        What is as it should be is noted at once, and asks nothing of the cluster.
        """
        for group in ranks(tasks):
            same: list[Task] = []
            left: list[Task] = []
            for task in group:
                (same if self._writer.is_unchanged(task.pair) else left).append(task)
            run.note(*(self._applied(run, task)[0] for task in same))
            if not self._side_by_side(run, left, self._applied):
                return False
            defined = [task.pair for task in left if defined_by(task.obj) != ("", "")]
            if defined and not run.failed():
                self._until_served(run, defined)
            if run.stopped:
                return False
        return True

    def _until_served(self, run: SyncRun, definitions: Sequence[Pair]) -> None:
        """Wait until objects of new kinds can be made: those that need them come next."""
        ends_at = run.now() + DEFINED_WITHIN
        run.until(lambda: all(map(self._writer.is_served, definitions)), ends_at)

    def prune(self, run: SyncRun, tasks: Sequence[Task]) -> bool:
        """Delete what the sources no longer have; return whether the cluster was there."""
        return all(self._side_by_side(run, group, self._pruned) for group in ranks(tasks))

    def gone(self, tasks: Iterable[Task]) -> bool:
        """Return whether nothing of what was to be pruned is still being deleted."""
        return not any(task.prunes and self._being_deleted(task) for task in tasks)

    def _side_by_side(
        self,
        run: SyncRun,
        tasks: Sequence[Task],
        do: Callable[[SyncRun, Task], Done],
    ) -> bool:
        """Do tasks and note what came of each; only this thread notes.

        Returns:
            False where the cluster could not be reached: the rest is not tried.
        """
        reached = True
        if len(tasks) <= 1 or self._parallel <= 1:
            for task in tasks:
                result, reached = do(run, task)
                run.note(result)
                if not reached:
                    return False
            return True
        coming = iter(tasks)
        with ThreadPoolExecutor(min(self._parallel, len(tasks))) as pool:

            def begin(most: int) -> set[Future[Done]]:
                return {pool.submit(do, run, task) for task in islice(coming, most)}

            # No more are begun than that, so that a kill or an outage leaves few unnoted.
            left = begin(2 * self._parallel)
            try:
                while left:
                    done, left = wait(left, return_when=FIRST_COMPLETED)
                    found = [future.result() for future in done if not future.cancelled()]
                    run.note(*sorted((result for result, _ in found), key=lambda r: r.key))
                    reached = reached and all(ok for _, ok in found)
                    if reached:
                        left |= begin(len(done))
                    else:
                        left = {future for future in left if not future.cancel()}
            finally:
                # Whoever ended the sync waits for what is under way, and for nothing more.
                pool.shutdown(cancel_futures=True)
        return reached

    def _applied(self, run: SyncRun, task: Task) -> Done:
        result = result_of(task)
        try:
            message = self._writer.apply(run.app, task.pair, run.options, force=run.force)
        except ClusterError as exc:
            failed = replace(result, code=ResultCode.SYNC_FAILED, message=exc.message)
            return failed, not isinstance(exc, ClusterUnavailable)
        return replace(result, code=ResultCode.SYNCED, message=message), True

    def _pruned(self, run: SyncRun, task: Task) -> Done:
        result = result_of(task)
        skipped = _kept_because(run, task)
        if skipped:
            return replace(result, code=ResultCode.PRUNE_SKIPPED, message=skipped), True
        try:
            self._writer.delete(task.pair, run.options.propagation)
        except ClusterError as exc:
            failed = replace(result, code=ResultCode.SYNC_FAILED, message=exc.message)
            return failed, not isinstance(exc, ClusterUnavailable)
        return replace(result, code=ResultCode.PRUNED, message="pruned"), True

    def _being_deleted(self, task: Task) -> bool:
        live = self._writer.look(task.pair)
        if live is UNREADABLE:
            return True  # Not known to be gone: it is waited for.
        return live is not None and bool(live["metadata"].get("deletionTimestamp"))


def _kept_because(run: SyncRun, task: Task) -> str:
    """Return why an object is not pruned, "" where it is."""
    if not run.prune:
        return "ignored (requires pruning)"
    if run.options.has("Prune=false", task.obj) or is_kept(task.obj):
        return "ignored (no prune)"
    if must_be_agreed_to(run.options, task.obj) and not agreed_to(
        run.app, task.pair.key, run.state.started_at
    ):
        return f"ignored (needs the annotation {APPROVED})"
    return ""
