"""One sync asked for by a command: run, written down, its Secrets made."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from secretsync.cli.app.behind import going_with
from secretsync.cli.app.life import signs_of_life
from secretsync.cli.app.session import AppSession, user
from secretsync.cli.app.showing import SealingFlags, prunes, show_synced, wants_prune
from secretsync.errors import ConfigError
from secretsync.gitops.look import Look
from secretsync.gitops.model import OperationState, SyncStatus
from secretsync.gitops.status.operation_claims import OperationTaken, OperationTerminated
from secretsync.gitops.status.operation_status import state_from, sync_operation, timestamp
from secretsync.gitops.window_guard import WindowGuard

__all__ = ["check_windows", "sync_once"]


def sync_once(
    session: AppSession, look: Look, flags: SealingFlags, *, prune: bool | None, action: str
) -> int:
    """Sync what was looked at; return the exit code.

    Args:
        prune: None as automated.prune says.
        action: as the journal names it.

    Raises:
        ConfigError: nothing may be attempted.
        ClusterError: the cluster cannot be written to.
    """
    app, engine = look.app, session.engine
    if look.comparison.status is SyncStatus.UNKNOWN and not look.comparison.pairs:
        raise ConfigError(f"{app.ref} could not be compared", remedy="see app plan")
    running = state_from(app.status.get("operationState") or {})
    under_way = running is not None and not running.phase.completed
    if under_way and not session.directory:
        raise ConfigError(
            f"{app.ref}: another operation is under way",
            remedy="wait for it with app wait, or end it with app terminate",
        )
    check_windows(session, look)
    # Whoever serves a cluster must know who is at it; a folder has one writer.
    runner = "" if session.directory else secrets.token_hex(4)
    pruning = prunes(app, look, prune)
    operation = sync_operation(
        look.rendered.revisions,
        multiple=app.spec.multiple,
        username=user(),
        prune=pruning,
        options=app.spec.sync_policy.sync_options,
        hooks=action != "rollback",
        command=runner,
    )
    if look.unpinned:
        engine.release(app)
    going = going_with(session, look)
    # A directory has one writer, so whoever left an operation there is dead.
    begun = None
    if under_way and running is not None and running.revisions == look.rendered.revisions:
        begun = _again(running, wants=wants_prune(app, prune), may=pruning)
    state = _run(session, look, operation, begun=begun, runner=runner)
    code = show_synced(session, look, state, flags, prune=_prunes(state), going=going)
    engine.operator.record(look, state, action=action)
    after = session.again(app)
    revisions = look.rendered.revisions
    engine.note(engine.look(after, revisions=None if look.pin else revisions))
    return code


def _run(
    session: AppSession,
    look: Look,
    operation: Mapping[str, Any],
    *,
    begun: OperationState | None,
    runner: str,
) -> OperationState:
    """Run an operation to its end, or until somebody or a window that closes ends it."""
    engine, guard = session.engine, WindowGuard(look, session.clock.now, manual=True)
    with signs_of_life(session, look.app, runner) as told:

        def progress(reached: OperationState) -> None:
            told(reached)
            if not reached.phase.completed and (blocked := guard.verdict.blocked):
                raise OperationTerminated(f"ended in the middle: {blocked}", reached)

        try:
            return engine.sync(look, operation, begun=begun, progress=progress)
        except OperationTaken as exc:
            raise ConfigError(exc.message, remedy=exc.remedy) from exc
        except OperationTerminated as exc:
            return engine.operator.give_up(look, exc.reached, exc.message)


def _again(running: OperationState, *, wants: bool, may: bool) -> OperationState:
    """Return an operation to go on with, which prunes as this command wants it.

    Args:
        may: the guard allows it now. One that was begun was allowed to prune then.
    """
    sync = running.operation.get("sync") or {}
    pruning = may or (wants and _prunes(running))
    return replace(running, operation={**running.operation, "sync": {**sync, "prune": pruning}})


def _prunes(state: OperationState) -> bool:
    return bool((state.operation.get("sync") or {}).get("prune"))


def check_windows(session: AppSession, look: Look) -> None:
    """Refuse a sync that somebody asks for while the project's windows are closed to it.

    Raises:
        ConfigError: with the windows.
    """
    windows = look.windows(session.clock.now(), manual=True)
    if windows.blocked:
        raise ConfigError(
            f"{look.app.ref}: {windows.blocked}",
            remedy=f"{_when(windows.until)}, or have manualSync set in the AppProject",
        )


def _when(until: datetime | None) -> str:
    return "wait" if until is None else f"wait until {timestamp(until)} or later"
