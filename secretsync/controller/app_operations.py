"""Operations of applications: what was asked for, what a kill left, what automation wants.

Neighbours: `app_loop` looks and decides, `gitops.operating` does the work,
`gitops.window_guard` keeps it within sync windows.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from secretsync.controller.app_items import AppItem, AppItems
from secretsync.controller.app_recorder import AppRecorder
from secretsync.errors import ClusterError, Conflict, SecretSyncError
from secretsync.gitops.engine import Engine
from secretsync.gitops.errors import SourceUnavailable
from secretsync.gitops.look import Look
from secretsync.gitops.model import OperationPhase, OperationState
from secretsync.gitops.runner import Runners
from secretsync.gitops.status.operation_claims import (
    TERMINATED,
    OperationTaken,
    OperationTerminated,
)
from secretsync.gitops.status.operation_status import (
    RUNNER,
    is_heal,
    raw_sources,
    state_from,
    state_status,
    timestamp,
)
from secretsync.gitops.sync.asked_syncs import refusal
from secretsync.gitops.window_guard import Paused, WindowGuard
from secretsync.refresh.clock import Clock
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.resources.application import Application
from secretsync.resources.meta import ObjectRef

__all__ = ["RETRY_S", "AppOperations"]

log = logging.getLogger(__name__)

#: After an error that nobody foresaw, and while somebody else runs an operation.
RETRY_S = 15.0


class Interrupted(Exception):
    """The sync that runs is to end now."""


class AppOperations:
    """Runs operations; safe in threads, one an application at a time."""

    def __init__(
        self,
        engine: Engine,
        items: AppItems,
        queue: LaneQueue,
        recorder: AppRecorder,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._items = items
        self._queue = queue
        self._recorder = recorder
        self._clock = clock
        self._runners = Runners(clock.monotonic_s)

    def ask(self, ref: ObjectRef, item: AppItem, app: Application, look: Look) -> None:
        """Do what the live field `operation` asks for; who takes it first, does it.

        Raises:
            ClusterError: the cluster cannot be asked, or refused it.
        """
        operation = dict(app.operation or {})
        guard = WindowGuard(look, self._clock.now, manual=not _automated(operation))
        if guard.verdict.blocked:  # What is asked for waits until a window opens.
            self._recorder.blocked(app, guard.verdict.blocked)
            self._engine.note(look)
            self.at_window(ref, guard.verdict.wait_s(self._clock.now()))
            return
        sync = operation.get("sync") or {}
        revisions = _revisions(operation)
        refused: SecretSyncError | None = None
        if revisions and revisions != look.rendered.revisions:
            try:
                look = self._at(app, revisions)
            except (SourceUnavailable, ClusterError):
                self._queue.add_after(ref, Lane.DUE, RETRY_S)
                return
            except SecretSyncError as exc:
                refused = exc
        refused = refused or refusal(operation, look.app, look.comparison)
        pruning = bool(sync.get("prune")) and look.prune.allowed
        operation["sync"] = {**sync, "prune": pruning}
        begun = OperationState(operation, OperationPhase.RUNNING, self._clock.now())
        if refused is not None:
            begun = self._ended(begun, refused)
        else:
            begun = replace(begun, revisions=look.rendered.revisions)
        try:
            self._engine.take(app, begun)
        except Conflict:
            self._queue.add(ref, Lane.NEW)
            return
        if refused is not None:
            self._recorder.completed(app, begun)
            self._queue.add(ref, Lane.NEW)
            return
        self._recorder.started(app, "asked for", look.rendered.revisions)
        self.run(ref, item, look, operation, action="sync", begun=begun)

    def elsewhere(self, ref: ObjectRef, item: AppItem, app: Application) -> None:
        """Do what is asked for, or was begun, at other revisions than the newest.

        The newest cannot be looked at; to leave it is often just what somebody asks for.

        Raises:
            ClusterError: the cluster cannot be asked, or refused it.
        """
        state = state_from(app.status.get("operationState") or {})
        begun = state if state is not None and not state.phase.completed else None
        if begun is not None and _automated(begun.operation):
            return  # A newer commit goes first.
        revisions = begun.revisions if begun is not None else _revisions(app.operation or {})
        read = self._engine.store.get(ref.namespace, ref.name) if revisions else None
        if read is None:
            return
        try:
            if begun is not None:
                look = self._engine.look(read, revisions=revisions)
                self.go_on(ref, item, read, look, begun)
            else:
                self.ask(ref, item, read, self._at(read, revisions))
        except ClusterError:
            raise
        except SecretSyncError:
            return  # It cannot either: the status says what is wrong with the newest.

    def go_on(
        self, ref: ObjectRef, item: AppItem, app: Application, look: Look, state: OperationState
    ) -> None:
        """Go on with an operation whose worker was killed, or end it.

        Raises:
            ClusterError: the cluster cannot be asked, or refused it.
        """
        info = state.operation.get("info") or ()
        ran = any(each.get("name") == RUNNER for each in info)
        if ran and self._runners.lives(app):
            self._queue.add_after(ref, Lane.DUE, RETRY_S)
            return
        self._runners.forget(ref)
        if state.phase is OperationPhase.TERMINATING or ran:
            self._engine.terminate(app, served=False)
            item.interrupt = ""
            self._queue.add(ref, Lane.NEW)
            return
        automated = _automated(state.operation)
        if state.revisions != look.rendered.revisions:
            if automated:  # A newer commit goes first.
                self._engine.terminate(app, served=False)
                self._queue.add(ref, Lane.NEW)
                return
            try:
                look = self._engine.look(app, revisions=state.revisions)
            except (SourceUnavailable, ClusterError):
                self._queue.add_after(ref, Lane.DUE, RETRY_S)
                return
            except SecretSyncError as exc:
                self._end(app, state, exc)
                return
        action = "heal" if is_heal(state.operation) else "sync"
        self.run(ref, item, look, state.operation, action=action, begun=state)

    def run(
        self,
        ref: ObjectRef,
        item: AppItem,
        look: Look,
        operation: Any,
        *,
        action: str,
        begun: OperationState | None = None,
        failures: int = 0,
        noting: Sequence[tuple[str, str]] | None = None,
    ) -> None:
        """Run a sync to its end, or until it is interrupted, or a window closes on it.

        Args:
            look: at what is synced.
            operation: as the status holds it.
            action: as the history names it.
            begun: how far it was when its worker was killed.
            failures: how often this revision has failed before.
            noting: conditions; what was found is written to the status too.

        Raises:
            ClusterError: the status cannot be written.
        """
        item.interrupt = ""
        item.automatic = _automated(operation)
        manual, since = not item.automatic, begun.started_at if begun else None
        guard = WindowGuard(look, self._clock.now, manual=manual, begun=since)
        reached: list[OperationState] = []

        def progress(state: OperationState) -> None:
            reached.append(state)
            if state.phase.completed:
                return
            guard.check()
            if reason := item.interrupt or self._items.held:
                raise Interrupted(reason)
            if item.terminated == timestamp(state.started_at):
                raise OperationTerminated(TERMINATED, state)

        try:
            guard.check()
            state = self._engine.sync(
                look,
                operation,
                begun=begun,
                failures=failures,
                progress=progress,
                noting=noting,
                action=action,
            )
        except Paused as exc:
            self._pause(ref, look, exc, reached[-1] if reached else begun)
            return
        except OperationTaken as exc:  # A command was first, say: what it leaves is seen next.
            log.info("sync left to another", extra={"object": str(ref), "cause": exc.message})
            self._items.looked(ref, None)
            self._queue.add(ref, Lane.NEW)
            return
        except (Interrupted, OperationTerminated) as exc:
            ended = exc.reached if isinstance(exc, OperationTerminated) else reached[-1]
            state = self._engine.operator.give_up(look, ended, str(exc))
            self._engine.operator.record(look, state, action=action)
        if not state.phase.completed:
            return  # The process stops; the next one goes on from the status.
        self._recorder.completed(look.app, state)
        self._items.synced(ref, look, state)
        item.interrupt, item.automatic = "", False
        # The next look sees what came of it, and writes the status.
        self._queue.add(ref, Lane.NEW)

    def at_window(self, ref: ObjectRef, wait_s: float | None) -> None:
        """Look again when a window opens or closes.

        Args:
            wait_s: seconds until then, None where none does.
        """
        if wait_s is not None:
            self._queue.add_after(ref, Lane.DUE, wait_s)

    def _at(self, app: Application, revisions: tuple[str, ...]) -> Look:
        """Look at the revisions that were asked for, by name or by commit."""
        sources = zip(app.spec.all_sources, revisions, strict=False)
        asked = tuple(replace(source, target_revision=wanted) for source, wanted in sources)
        spec = replace(app.spec, source=None, sources=asked)
        resolved = self._engine.resolve(replace(app, spec=spec))
        return self._engine.look(app, revisions=resolved)

    def _end(self, app: Application, state: OperationState, error: SecretSyncError) -> None:
        """End an operation that cannot go on; its status says why."""
        ended = self._ended(state, error)
        status = {"operationState": state_status(ended, raw_sources(app))}
        self._engine.store.write_status(app, status)
        self._recorder.completed(app, ended)
        self._queue.add(app.ref, Lane.NEW)

    def _ended(self, state: OperationState, error: SecretSyncError) -> OperationState:
        now, phase = self._clock.now(), OperationPhase.ERROR
        return replace(state, phase=phase, message=error.sentence, finished_at=now)

    def _pause(
        self, ref: ObjectRef, look: Look, paused: Paused, reached: OperationState | None
    ) -> None:
        """Leave a sync where it is until a window opens; its progress is in the status."""
        self._recorder.blocked(look.app, paused.reason)
        message = f"waiting: {paused.reason}"
        if reached is not None and reached.message != message:
            self._engine.store.write_status(look.app, {"operationState": {"message": message}})
        self.at_window(ref, paused.wait_s)


def _revisions(operation: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the revisions that are asked for; none are the newest."""
    sync = operation.get("sync") or {}
    found = sync.get("revisions") or ([sync["revision"]] if sync.get("revision") else [])
    return tuple(str(each) for each in found)


def _automated(operation: Mapping[str, Any]) -> bool:
    return bool((operation.get("initiatedBy") or {}).get("automated"))
