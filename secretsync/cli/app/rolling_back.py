"""What `app rollback` does once its options are read: pin first, then sync to the pin.

In this order a kill in between loses nothing: whoever syncs next goes to the pin.
"""

from __future__ import annotations

import click

from secretsync.cli.app.report import echo_json
from secretsync.cli.app.session import AppSession
from secretsync.cli.app.showing import SealingFlags
from secretsync.cli.app.syncing import check_windows, sync_once
from secretsync.errors import ConfigError
from secretsync.gitops.status.history import entry_versions, journal_of, rollback_target
from secretsync.gitops.status.overview import place_of
from secretsync.gitops.status.pins import PIN, Pin, pin_of, pin_text

__all__ = ["release_pin", "roll_back"]


def roll_back(
    session: AppSession,
    number: int | None,
    flags: SealingFlags,
    *,
    prune: bool | None,
    tokens: tuple[str, ...],
) -> int:
    """Pin the Application to an entry of its history, sync, return the exit code.

    Raises:
        ConfigError: there is no such entry.
        SecretSyncError: that revision cannot be rendered any more; nothing is pinned then.
    """
    app = session.find()
    entry = rollback_target(app.status.get("history") or [], number)
    versions = entry_versions(journal_of(app.meta.annotations), int(entry.get("id") or 0))
    resolved = session.engine.resolve(app)
    pin = Pin.at(entry, app, resolved=resolved, versions=versions)
    check_windows(session, session.engine.look(app, revisions=pin.revisions))
    session.store.annotate(app, {PIN: pin_text(pin)})
    click.echo(f"{app.ref}: {pin}, until the next commit or app rollback --release", err=True)
    look = session.engine.look(session.again(app), tokens=tokens)
    return sync_once(session, look, flags, prune=prune, action="rollback")


def release_pin(session: AppSession) -> int:
    """Remove the pin; return the exit code.

    Raises:
        ConfigError: there is none.
    """
    app = session.find()
    pin = pin_of(app)
    if pin is None:
        raise ConfigError(f"{app.ref} is not rolled back", remedy="see app get")
    session.engine.release(app)
    if session.request.output == "json":
        echo_json({"application": place_of(app), "released": pin.number})
    else:
        click.echo(f"{app.ref}: released from entry {pin.number}; app sync, or automation, goes on")
    return 0
