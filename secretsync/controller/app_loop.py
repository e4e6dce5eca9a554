"""Works on applications one after the other: look, decide, sync, write down.

Neighbours: `app_part` starts it and fills the queue, `gitops.decision` decides,
`gitops.engine` does. A kill at any moment is made good by the next look.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

from secretsync.cluster.base import Cluster
from secretsync.controller.app_items import AppItem, AppItems
from secretsync.controller.app_recorder import AppRecorder
from secretsync.errors import ClusterError, ConfigError, Conflict, SecretSyncError
from secretsync.gitops.comparing import known_from
from secretsync.gitops.decision import Act, Decision, Situation, decide
from secretsync.gitops.deleting import FINALIZER, delete_application
from secretsync.gitops.engine import Engine, Look
from secretsync.gitops.model import (
    Comparison,
    Object,
    ObjectKey,
    OperationPhase,
    OperationState,
    Pair,
    SyncStatus,
)
from secretsync.gitops.operation_status import (
    RUNNER,
    attempt_of,
    raw_sources,
    sources_digest,
    state_from,
    sync_operation,
)
from secretsync.refresh.clock import Clock
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.resources.application import Application
from secretsync.resources.meta import ObjectRef

__all__ = ["REFRESH", "SKIP", "AppLoop"]

log = logging.getLogger(__name__)

REFRESH = "argocd.argoproj.io/refresh"
SKIP = "argocd.argoproj.io/skip-reconcile"
#: After an error that nobody foresaw, and while a finalizer is at work.
RETRY_S = 15.0
DELETING_S = 1.0
RENDER_RETRY_S = 60.0
#: A command that runs a sync by itself is left alone that long.
COMMAND_WITHIN = timedelta(hours=1)


class Interrupted(Exception):
    """The sync that runs is to end now."""


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
                self._again_whole(keys[0])
            finally:
                self._queue.done(keys[0])

    def _again_whole(self, ref: ObjectRef) -> None:
        self._items.looked(ref, None)
        self._queue.add_after(ref, Lane.DUE, RETRY_S)

    def _process(self, ref: ObjectRef) -> None:
        item = self._items.get(ref)
        if item is None:
            return
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
            item.look = None
        try:
            look = self._look(item, app)
        except SecretSyncError as exc:
            if isinstance(exc, ClusterError):
                raise
            self._items.looked(ref, None)
            self._engine.note_failure(app, exc)
            self._end_unrenderable(app)
            # A commit is looked at at once; what only went wrong is tried again too.
            self._queue.add_after(ref, Lane.DUE, RENDER_RETRY_S)
            return
        if look.unpinned:
            self._engine.release(app)
        self._act(ref, item, app, look)

    def _look(self, item: AppItem, app: Application) -> Look:
        """Look again at what has changed, or at everything."""
        changed = self._items.taken_changes(item)
        earlier = item.look

        def compare(shown: Application, objects: Any) -> Comparison:
            known: dict[ObjectKey, Object | None] | None = None
            if earlier is not None:
                known = known_from(earlier.comparison, changed)
            return self._engine.comparer.compare(shown, objects, known=known)

        look = self._engine.look(app, compare=compare)
        drifted = [p for p in look.comparison.pairs if p.key in changed and _drifted(p)]
        same = earlier is not None and earlier.rendered.digest == look.rendered.digest
        if drifted and same and earlier is not None and not _pending(app):
            before = {p.key: p.status for p in earlier.comparison.pairs}
            fresh = [p for p in drifted if before.get(p.key) is SyncStatus.SYNCED]
            if fresh:
                self._recorder.drifted(app, fresh)
        self._recorder.looked(look)
        self._recorder.status_changed(app, look)
        return look

    def _act(self, ref: ObjectRef, item: AppItem, app: Application, look: Look) -> None:
        """Go on with what was begun, do what was asked for, or what automation wants."""
        state = state_from(app.status.get("operationState") or {})
        if state is not None and not state.phase.completed:
            self._go_on(ref, item, app, look, state)
            return
        if app.operation is not None:
            self._asked(ref, item, app, look)
            return
        decision = self._decide(app, look)
        conditions = [("SyncError", decision.condition)] if decision.condition else []
        self._engine.note(look, conditions)
        self._items.looked(ref, look)
        if decision.act is Act.WAIT:
            self._queue.add_after(ref, Lane.DUE, decision.wait_s)
        elif decision.act is Act.SYNC:
            self._automatic(ref, item, look, decision)

    def _decide(self, app: Application, look: Look) -> Decision:
        return decide(
            Situation(
                policy=app.spec.sync_policy,
                automated=app.spec.automated,
                comparison=look.comparison,
                revisions=look.rendered.revisions,
                sources=sources_digest(raw_sources(look.app)),
                attempt=attempt_of(app.status),
                prune=look.prune,
                now=self._clock.now(),
            )
        )

    def _automatic(self, ref: ObjectRef, item: AppItem, look: Look, decision: Decision) -> None:
        operation = sync_operation(
            look.rendered.revisions,
            multiple=look.app.spec.multiple,
            prune=decision.prune,
            only=decision.only,
            heals=decision.heals,
            options=look.app.spec.sync_policy.sync_options,
            reason=decision.reason,
        )
        action = "heal" if decision.reason == "heal" else "sync"
        self._recorder.started(look.app, decision.reason, look.rendered.revisions)
        self._sync(ref, item, look, operation, action=action, failures=decision.failures)

    def _asked(self, ref: ObjectRef, item: AppItem, app: Application, look: Look) -> None:
        """Do what the live field `operation` asks for; who takes it first, does it."""
        operation = dict(app.operation or {})
        try:
            self._engine.store.take_operation(app)
        except Conflict:
            self._queue.add(ref, Lane.NEW)
            return
        sync = operation.get("sync") or {}
        revisions = sync.get("revisions") or ([sync["revision"]] if sync.get("revision") else [])
        if revisions and tuple(revisions) != look.rendered.revisions:
            look = self._at(app, tuple(str(each) for each in revisions))
        pruning = bool(sync.get("prune")) and look.prune.allowed
        operation["sync"] = {**sync, "prune": pruning}
        self._recorder.started(app, "asked for", look.rendered.revisions)
        self._sync(ref, item, look, operation, action="sync")

    def _at(self, app: Application, revisions: tuple[str, ...]) -> Look:
        """Look at the revisions that were asked for, by name or by commit."""
        sources = zip(app.spec.all_sources, revisions, strict=False)
        asked = tuple(replace(source, target_revision=wanted) for source, wanted in sources)
        spec = replace(app.spec, source=None, sources=asked)
        resolved = self._engine.renderer.resolve(replace(app, spec=spec))
        return self._engine.look(app, revisions=resolved)

    def _go_on(
        self, ref: ObjectRef, item: AppItem, app: Application, look: Look, state: OperationState
    ) -> None:
        """Go on with an operation whose worker was killed, or end it."""
        info = state.operation.get("info") or ()
        ran = any(each.get("name") == RUNNER for each in info)
        if ran and self._clock.now() - state.started_at < COMMAND_WITHIN:
            self._queue.add_after(ref, Lane.DUE, RETRY_S)
            return
        if state.phase is OperationPhase.TERMINATING or ran:
            self._engine.terminate(app, served=False)
            item.interrupt = ""
            self._queue.add(ref, Lane.NEW)
            return
        automated = (state.operation.get("initiatedBy") or {}).get("automated")
        if state.revisions != look.rendered.revisions:
            if automated:  # A newer commit goes first.
                self._engine.terminate(app, served=False)
                self._queue.add(ref, Lane.NEW)
                return
            look = self._engine.look(app, revisions=state.revisions)
        self._sync(ref, item, look, state.operation, action="sync", begun=state)

    def _sync(
        self,
        ref: ObjectRef,
        item: AppItem,
        look: Look,
        operation: Any,
        *,
        action: str,
        begun: OperationState | None = None,
        failures: int = 0,
    ) -> None:
        item.interrupt = ""
        item.automatic = bool((operation.get("initiatedBy") or {}).get("automated"))
        reached: list[OperationState] = []

        def progress(state: OperationState) -> None:
            reached.append(state)
            if item.interrupt and not state.phase.completed:
                raise Interrupted(item.interrupt)

        try:
            state = self._engine.sync(
                look, operation, begun=begun, failures=failures, progress=progress
            )
        except Interrupted as exc:
            state = self._engine.give_up(look, reached[-1], str(exc))
        if not state.phase.completed:
            return  # The process stops; the next one goes on from the status.
        self._recorder.completed(look.app, state)
        self._engine.record(look, state, action=action)
        self._items.looked(ref, None)
        item.interrupt, item.automatic = "", False
        # The next look sees what came of it, and writes the status.
        self._queue.add(ref, Lane.NEW)

    def _end_unrenderable(self, app: Application) -> None:
        """End an operation that nobody can go on with: its revision is gone."""
        state = state_from(app.status.get("operationState") or {})
        if state is not None and state.phase is OperationPhase.TERMINATING:
            self._engine.terminate(app, served=False)

    def _delete(self, app: Application) -> None:
        """Delete what the application made, then let it go."""
        if not any(each.startswith(FINALIZER) for each in app.meta.finalizers):
            return

        def told(key: ObjectKey, what: str) -> None:
            log.info("cascade", extra={"application": str(app.ref), "key": str(key), "did": what})

        gone = delete_application(self._cluster, self._engine.store, app, cascade=True, told=told)
        if not gone:
            self._queue.add_after(app.ref, Lane.DUE, DELETING_S)


def _drifted(pair: Pair) -> bool:
    return pair.status is SyncStatus.OUT_OF_SYNC and pair.target is not None and not pair.hook


def _pending(app: Application) -> bool:
    state = state_from(app.status.get("operationState") or {})
    return app.operation is not None or (state is not None and not state.phase.completed)
