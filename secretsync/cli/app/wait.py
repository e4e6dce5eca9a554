"""`secretsync app wait`: until an application is as it should be."""

from __future__ import annotations

from typing import Any

import click

from secretsync.cli.app.options import app_options
from secretsync.cli.options import help_epilog

__all__ = ["command"]

POLL_S = 1.0


@click.command(
    epilog=help_epilog("0 it is so, 1 not in time, 2 error", "app wait web --health --to kube")
)
@app_options
@click.option("--sync", is_flag=True, help="Wait until it is Synced.")
@click.option("--health", is_flag=True, help="Wait until it is Healthy.")
@click.option("--operation", is_flag=True, help="Wait until no operation is under way.")
@click.option(
    "--timeout",
    "timeout_s",
    default=0.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Seconds to wait; 0 for without end.",
)
def command(*, sync: bool, health: bool, operation: bool, timeout_s: float, **options: Any) -> int:
    """Wait until the application is synced, healthy and at rest (without flags: all three)."""
    # Imported here, as in every verb: --help needs no YAML reader.
    from secretsync.cli.app.report import echo_json  # noqa: PLC0415 - see above
    from secretsync.cli.app.session import AppRequest, opened  # noqa: PLC0415 - see above
    from secretsync.gitops.status.overview import place_of, row_of  # noqa: PLC0415 - see above

    request = AppRequest(**options)
    every = not (sync or health or operation)
    wanted = [
        name
        for name, asked in (("sync", sync), ("health", health), ("operation", operation))
        if asked or every
    ]
    with opened(request, writes=False, values=False) as session:
        app, clock = session.find(), session.clock
        end_s = clock.monotonic_s() + timeout_s
        while True:
            row = row_of(app)
            missing = [name for name in wanted if not _is_so(row, name, app.operation)]
            if not missing or (timeout_s and clock.monotonic_s() >= end_s):
                break
            if not clock.wait(POLL_S):
                break
            app = session.again(app)
    if request.output == "json":
        echo_json({"application": place_of(app), **row, "missing": missing})
    else:
        click.echo(f"{app.ref}: {row['sync']}, {row['health']}, {row['operation'] or 'at rest'}")
    if missing:
        click.echo(f"secretsync: not in time: {', '.join(missing)}", err=True)
    return 1 if missing else 0


def _is_so(row: dict[str, Any], name: str, asked: object) -> bool:
    if name == "sync":
        return bool(row["sync"] == "Synced")
    if name == "health":
        return bool(row["health"] == "Healthy")
    return asked is None and row["operation"] not in ("Running", "Terminating")
