"""`secretsync app get`: one application as its status tells."""

from __future__ import annotations

from typing import Any

import click

from secretsync.cli.app.options import app_options
from secretsync.cli.options import help_epilog

__all__ = ["command"]


@click.command(
    epilog=help_epilog("0 synced and healthy, 1 it is not, 2 error", "app get web --to kube")
)
@app_options
def command(**options: Any) -> int:
    """Show one application: sync, health, operation, pin, conditions, objects."""
    from secretsync.cli.app.report import echo_json, table  # noqa: PLC0415 - --help stays light
    from secretsync.cli.app.session import AppRequest, opened  # noqa: PLC0415 - see above
    from secretsync.cli.app.windows import windows_now  # noqa: PLC0415 - see above
    from secretsync.gitops.status.overview import row_of  # noqa: PLC0415 - see above

    request = AppRequest(**options)
    with opened(request, writes=False, values=False) as session:
        app = session.find()
        windows = windows_now(session, app)
    row = {**row_of(app), **windows}
    resources = list(app.status.get("resources") or ())
    if request.output == "json":
        echo_json({**row, "resources": resources})
    else:
        for name in ("namespace", "name", "project", "sync", "health", "revision", "operation"):
            click.echo(f"{name + ':':<11} {row[name]}")
        for each in row["windows"]:
            click.echo(f"{'window:':<11} {each}")
        if row["syncs"] != "allowed":
            click.echo(f"{'SYNCS:':<11} {row['syncs']}")
        if row["pinned"] is not None:
            click.echo(f"{'PINNED:':<11} entry {row['pinned']} of the history")
        for each in row["conditions"]:
            click.echo(f"  {each['type']}: {each['message']}")
        head = [("KIND", "NAMESPACE", "NAME", "STATUS", "HEALTH")]
        table(head + [_cells(each) for each in resources])
    return 0 if row["sync"] == "Synced" and row["health"] == "Healthy" else 1


def _cells(each: dict[str, Any]) -> tuple[str, str, str, str, str]:
    names = ("kind", "namespace", "name", "status")
    kind, namespace, name, status = (str(each.get(field) or "") for field in names)
    return kind, namespace, name, status, str((each.get("health") or {}).get("status") or "")
