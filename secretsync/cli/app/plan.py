"""`secretsync app plan`: what app sync would change. It reads, it never writes."""

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
        "0 no difference, 1 differences, 2 error (an error wins over differences)",
        "app plan app.yaml --to kube:staging",
    )
)
@app_options
@hard_refresh_option
@click.option("--revision", default="", help="Plan for this revision, not the newest.")
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
    """Show what app sync would change, per object and field; write nothing."""
    from secretsync.cli.app.session import AppRequest, opened  # noqa: PLC0415 - --help stays light
    from secretsync.cli.app.showing import SealingFlags, show  # noqa: PLC0415 - see above

    allowed = allowed_by(options)
    flags = SealingFlags(sealing_key, sealing_namespace, allowed=allowed)
    with opened(AppRequest(**options), writes=False) as session:
        app = session.find()
        look = session.look(app, revision=revision, tokens=acknowledge)
        return show(session, look, flags, prune=prune)
