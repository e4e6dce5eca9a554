"""Works on applications one after the other: look, decide, sync, write down.

Neighbours: `app_part` starts it and fills the queue, `gitops.decision` decides,
`app_operations` runs syncs. A kill at any moment is made good by the next look.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from secretsync.cluster.base import Cluster
from secretsync.controller.app_items import REFRESH, AppItem, AppItems
from secretsync.controller.app_looking import AppLooker
from secretsync.controller.app_operations import RETRY_S, AppOperations
from secretsync.controller.app_recorder import AppRecorder
from secretsync.controller.app_retries import AppRetries
from secretsync.errors import ClusterError, ConfigError, SecretSyncError
from secretsync.gitops.attempts import attempt_of, drifted_since
from secretsync.gitops.backoff import look_wait_s
from secretsync.gitops.decision import Act, Decision, Situation, decide
from secretsync.gitops.deletion.deleting import is_held
from secretsync.gitops.deletion.deletion_hooks import hold_for_hooks
from secretsync.gitops.deletions import Deletions
from secretsync.gitops.diff.drift import DRIFTED, told
from secretsync.gitops.engine import Engine
from secretsync.gitops.errors import GitOpsError, SourceUnavailable
from secretsync.gitops.look import Look
from secretsync.gitops.model import (
    ObjectKey,
    OperationPhase,
)
from secretsync.gitops.status.operation_status import (
    raw_sources,
    sources_digest,
    state_from,
    sync_operation,
)
from secretsync.gitops.sync.approval import unagreed
from secretsync.refresh.clock import Clock
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.resources.application import Application
from secretsync.resources.meta import ObjectRef

__all__ = ["REFRESH", "SKIP", "AppLoop"]

log = logging.getLogger(__name__)

SKIP = "argocd.argoproj.io/skip-reconcile"
_HERE = "the service cannot work with files or processes"
_LOG = "see its log, and the space that its volume has left"


class AppLoop:
    """Threads that take from the queue.

    Args:
        workers: applications that are worked on at the same time.
    """

    def __init__(
        self,
        cluster: Cluster,
        engine: Engine,
        items: AppItems,
        queue: LaneQueue,
        recorder: AppRecorder,
        clock: Clock,
        *,
        workers: int,
    ) -> None:
        self._cluster = cluster
        self._engine = engine
        self._items = items
        self._queue = queue
        self._recorder = recorder
        self._clock = clock
        self._workers = workers
        self._looker = AppLooker(engine, items, recorder)
        self._operations = AppOperations(engine, items, queue, recorder, clock)
        self._retries = AppRetries(engine, self._operations, queue, clock)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="application")

    def start(self) -> None:
        """Begin to take from the queue; it ends when the queue is closed."""
        for _ in range(self._workers):
            self._pool.submit(self._work)

    def close(self) -> None:
        """Wait for what is under way."""
        self._pool.shutdown()

    def _work(self) -> None:
        while True:
            _, keys = self._queue.take(most=1)
            if not keys:
                return
            try:
                self._process(keys[0])
            except ClusterError as exc:
                log.warning(
                    "application put off", extra={"object": str(keys[0]), "cause": exc.message}
                )
                self._again_whole(keys[0])
            except Exception as exc:
                log.exception("application failed", extra={"object": str(keys[0])}, exc_info=exc)
                self._unforeseen(keys[0], exc)
                self._again_whole(keys[0])
            finally:
                self._queue.done(keys[0])

    def _again_whole(self, ref: ObjectRef) -> None:
        self._items.looked(ref, None)
        self._queue.add_after(ref, Lane.DUE, RETRY_S)

    def _unforeseen(self, ref: ObjectRef, error: Exception) -> None:
        """Say in the status that something went wrong that nobody foresaw."""
        said = GitOpsError(
            f"an error that nobody foresaw: {type(error).__name__}", remedy="see the service's log"
        )
        try:
            app = self._engine.store.get(ref.namespace, ref.name)
            if app is not None:
                self._engine.note_failure(app, said)
        except Exception as exc:
            log.warning("cannot say so in the status", extra={"object": str(ref)}, exc_info=exc)

    def _process(self, ref: ObjectRef) -> None:
        item = self._items.get(ref)
        if item is None or self._items.held:
            return  # Whoever lets go of them all asks for each again.
        try:
            app = self._engine.store.get(ref.namespace, ref.name)
        except ConfigError as exc:
            log.warning("application refused", extra={"object": str(ref), "cause": exc.message})
            return
        if app is None or app.meta.annotations.get(SKIP) == "true":
            return
        if app.meta.deleted_at is not None:
            self._delete(app)
            return
        if app.meta.annotations.get(REFRESH):
            self._engine.store.annotate(app, {REFRESH: None})
            self._engine.refresh(app, hard=app.meta.annotations[REFRESH] == "hard")
            item.look = None
        try:
            look = self._looker.look(item, app)
        except ClusterError:
            raise
        except OSError as exc:  # A full disk, say: as little is known then.
            log.exception("cannot look", extra={"object": str(ref)}, exc_info=exc)
            self._unknown(
                ref,
                item,
                app,
                GitOpsError(f"{_HERE}: {exc.strerror or type(exc).__name__}", remedy=_LOG),
            )
            return
        except SecretSyncError as exc:
            self._unknown(ref, item, app, exc)
            return
        item.misses = 0
        if look.unpinned:
            self._engine.release(app)
        self._act(ref, item, app, look)

    def _unknown(
        self, ref: ObjectRef, item: AppItem, app: Application, error: SecretSyncError
    ) -> None:
        """Say that nothing is known of an application, and do what can be done without."""
        self._items.looked(ref, None)
        self._engine.note_failure(app, error)
        self._end_unrenderable(app)
        self._operations.elsewhere(ref, item, app)
        # A commit is looked at at once; what only went wrong is tried again too.
        item.misses = item.misses + 1 if isinstance(error, SourceUnavailable) else 0
        self._queue.add_after(ref, Lane.DUE, look_wait_s(item.misses))

    def _act(self, ref: ObjectRef, item: AppItem, app: Application, look: Look) -> None:
        """Go on with what was begun, do what was asked for, or what automation wants."""
        state = state_from(app.status.get("operationState") or {})
        if state is not None and not state.phase.completed:
            self._operations.go_on(ref, item, app, look, state)
            return
        if app.operation is not None:
            self._operations.ask(ref, item, app, look)
            return
        if self._cluster.collects_garbage:  # A directory runs no hooks.
            hold_for_hooks(self._cluster, app, look.rendered.objects)
        windows = look.windows(self._clock.now(), manual=False)
        if windows.blocked:
            self._recorder.blocked(app, windows.blocked)
        decision = self._decide(app, look, windows.blocked)
        drift = _drift(app, look)
        conditions = [("SyncError", decision.condition)] if decision.condition else []
        conditions += [(DRIFTED, text) for text in drift]
        self._items.looked(ref, look)
        if decision.act is Act.SYNC:
            self._automatic(ref, item, look, decision, conditions, drift=drift)
            return
        self._engine.note(look, conditions)
        if decision.act is Act.WAIT:
            self._queue.add_after(ref, Lane.DUE, decision.wait_s)
        self._operations.at_window(ref, windows.wait_s(self._clock.now()))
        if app.spec.automated is None:
            self._retries.go_on(ref, item, app, look, state)

    def _decide(self, app: Application, look: Look, blocked: str) -> Decision:
        return decide(
            Situation(
                policy=app.spec.sync_policy,
                automated=app.spec.automated,
                comparison=look.comparison,
                revisions=look.rendered.revisions,
                sources=sources_digest(raw_sources(look.app)),
                attempt=attempt_of(app.status),
                prune=look.prune,
                made_up=look.rendered.made_up,
                now=self._clock.now(),
                blocked=blocked,
                waiting=unagreed(app, look.comparison.pairs, self._clock.now()),
            )
        )

    def _automatic(
        self,
        ref: ObjectRef,
        item: AppItem,
        look: Look,
        decision: Decision,
        conditions: Sequence[tuple[str, str]],
        *,
        drift: Sequence[str],
    ) -> None:
        operation = sync_operation(
            look.rendered.revisions,
            multiple=look.app.spec.multiple,
            prune=decision.prune,
            only=decision.only,
            heals=decision.heals,
            options=look.app.spec.sync_policy.sync_options,
            reason=decision.reason,
            drift=drift if decision.heals else (),
        )
        action = "heal" if decision.heals else "sync"
        self._recorder.started(look.app, decision.reason, look.rendered.revisions)
        failures = decision.failures
        self._operations.run(
            ref, item, look, operation, action=action, failures=failures, noting=conditions
        )

    def _end_unrenderable(self, app: Application) -> None:
        """End an operation that nobody can go on with: its revision is gone."""
        state = state_from(app.status.get("operationState") or {})
        if state is not None and state.phase is OperationPhase.TERMINATING:
            self._engine.terminate(app, served=False)

    def _delete(self, app: Application) -> None:
        """Delete what the application made, then let it go."""
        if not is_held(app):
            return

        def told(key: ObjectKey, what: str) -> None:
            log.info("cascade", extra={"application": str(app.ref), "key": str(key), "did": what})

        wait_s = Deletions(self._engine).go_on(app, told)
        if wait_s is not None:
            self._queue.add_after(app.ref, Lane.DUE, wait_s)


def _drift(app: Application, look: Look) -> tuple[str, ...]:
    """Return what drifted, and who did it: durable, since it is of the status and what is live."""
    drifted = drifted_since(
        attempt_of(app.status),
        look.comparison,
        revisions=look.rendered.revisions,
        sources=sources_digest(raw_sources(look.app)),
    )
    return told(drifted)
