"""`secretsync app terminate`: end a sync that is under way."""

from __future__ import annotations

from typing import Any

import click

from secretsync.cli.app.options import app_options
from secretsync.cli.options import help_epilog

__all__ = ["command"]


@click.command(
    epilog=help_epilog("0 it ends, 2 nothing is under way, or error", "app terminate web --to kube")
)
@app_options
def command(**options: Any) -> int:
    """End the sync that is under way; what it has applied stays."""
    from secretsync.cli.app.report import echo_json  # noqa: PLC0415 - --help stays light
    from secretsync.cli.app.session import AppRequest, opened  # noqa: PLC0415 - see above
    from secretsync.errors import ConfigError  # noqa: PLC0415 - see above
    from secretsync.gitops.status.operation_status import state_from  # noqa: PLC0415 - see above
    from secretsync.gitops.status.overview import place_of  # noqa: PLC0415 - see above

    request = AppRequest(**options)
    with opened(request, writes=True, values=False) as session:
        app = session.find()
        state = state_from(app.status.get("operationState") or {})
        under_way = state is not None and not state.phase.completed
        if not under_way and app.operation is None:
            raise ConfigError(f"{app.ref}: no operation is under way", remedy="see app get")
        session.engine.terminate(app, served=not session.directory)
        after = session.again(app)
    phase = (after.status.get("operationState") or {}).get("phase") or ""
    if request.output == "json":
        echo_json({"application": place_of(app), "phase": phase})
    else:
        click.echo(f"{app.ref}: {phase or 'nothing is under way any more'}")
    return 0
