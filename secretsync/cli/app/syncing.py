"""One sync asked for by a command: run, written down, its Secrets made."""

from __future__ import annotations

from secretsync.cli.app.session import AppSession, user
from secretsync.cli.app.showing import SealingFlags, prunes, show_synced
from secretsync.errors import ConfigError
from secretsync.gitops.engine import Look
from secretsync.gitops.model import SyncStatus
from secretsync.gitops.operation_status import state_from, sync_operation

__all__ = ["sync_once"]


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
    pruning = prunes(app, look, prune)
    operation = sync_operation(
        look.rendered.revisions,
        multiple=app.spec.multiple,
        username=user(),
        prune=pruning,
        options=app.spec.sync_policy.sync_options,
        hooks=action != "rollback",
        command=not session.directory,
    )
    if look.unpinned:
        engine.release(app)
    # A directory has one writer, so whoever left an operation there is dead.
    same = under_way and running is not None and running.revisions == look.rendered.revisions
    state = engine.sync(look, operation, begun=running if same else None)
    code = show_synced(session, look, state, flags, prune=pruning)
    engine.record(look, state, action=action)
    after = session.again(app)
    revisions = look.rendered.revisions
    engine.note(engine.look(after, revisions=None if look.pin else revisions))
    return code
