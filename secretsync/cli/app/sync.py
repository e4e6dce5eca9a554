"""`secretsync app sync`: close the difference, once."""

from __future__ import annotations

from typing import Any

import click

from secretsync.cli.app.options import (
    acknowledge_option,
    app_options,
    hard_refresh_option,
    prune_option,
)
from secretsync.cli.options import allowed_by, allowing_options, help_epilog, sealing_options

__all__ = ["command"]


@click.command(
    epilog=help_epilog(
        "0 all applied or unchanged, 1 at least one object failed, 2 nothing was attempted",
        "app sync app.yaml --to dir:out",
    )
)
@app_options
@hard_refresh_option
@click.option("--revision", default="", help="Sync to this revision, not the newest.")
@prune_option
@acknowledge_option
@allowing_options
@sealing_options
def command(
    *,
    revision: str,
    prune: bool | None,
    acknowledge: tuple[str, ...],
    sealing_key: tuple[str, ...],
    sealing_namespace: str,
    **options: Any,
) -> int:
    """Make the cluster as the repository says; prune as automated.prune says.

    In a directory cluster the Secrets of ExternalSecrets and SealedSecrets are made in
    the same run; in Kubernetes the service makes them.
    """
    from secretsync.cli.app.session import AppRequest, opened  # noqa: PLC0415 - --help stays light
    from secretsync.cli.app.showing import SealingFlags  # noqa: PLC0415 - see above
    from secretsync.cli.app.syncing import sync_once  # noqa: PLC0415 - see above

    allowed = allowed_by(options)
    flags = SealingFlags(sealing_key, sealing_namespace, allowed=allowed)
    with opened(AppRequest(**options), writes=True) as session:
        app = session.find(put=True)
        look = session.look(app, revision=revision, tokens=acknowledge)
        return sync_once(session, look, flags, prune=prune, action="sync")
