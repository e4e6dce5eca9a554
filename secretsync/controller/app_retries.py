"""Tries operations again that failed, as often as whoever asked for them said.

Neighbours: `gitops.asked_retries` says when, `app_operations` runs them, `app_loop` asks
where automation is off.
"""

from __future__ import annotations

from secretsync.controller.app_items import AppItem
from secretsync.controller.app_operations import RETRY_S, AppOperations
from secretsync.errors import ClusterError, SecretSyncError
from secretsync.gitops.asked_retries import asked_retry
from secretsync.gitops.engine import Engine
from secretsync.gitops.errors import SourceUnavailable
from secretsync.gitops.look import Look
from secretsync.gitops.model import OperationState
from secretsync.gitops.sync.asked_syncs import refusal
from secretsync.refresh.clock import Clock
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.resources.application import Application
from secretsync.resources.meta import ObjectRef

__all__ = ["AppRetries"]


class AppRetries:
    """Tries again; safe in threads, one an application at a time."""

    def __init__(
        self, engine: Engine, operations: AppOperations, queue: LaneQueue, clock: Clock
    ) -> None:
        self._engine = engine
        self._operations = operations
        self._queue = queue
        self._clock = clock

    def go_on(
        self,
        ref: ObjectRef,
        item: AppItem,
        app: Application,
        look: Look,
        state: OperationState | None,
    ) -> None:
        """Try the last operation again, now or when its time has come, if it is to be.

        Args:
            look: at the newest revision.
            state: of the last operation.

        Raises:
            ClusterError: the cluster cannot be asked, or refused it.
        """
        retry = asked_retry(state, self._clock.now())
        if state is None or retry is None:
            return
        if retry.wait_s > 0:
            self._queue.add_after(ref, Lane.DUE, retry.wait_s)
            return
        if not retry.newest and state.revisions and state.revisions != look.rendered.revisions:
            try:
                look = self._engine.look(app, revisions=state.revisions)
            except (SourceUnavailable, ClusterError):
                self._queue.add_after(ref, Lane.DUE, RETRY_S)
                return
            except SecretSyncError:
                return  # That revision is gone; its failure is in the status.
        if refusal(state.operation, look.app, look.comparison) is not None:
            return  # The status says what is wrong with it, or what it failed of.
        failures = state.retry_count + 1
        self._operations.run(ref, item, look, state.operation, action="sync", failures=failures)
