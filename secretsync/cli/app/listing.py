"""`secretsync app list`: the applications of a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from secretsync.cli.options import help_epilog, namespace_option, output_option, to_option

__all__ = ["command"]


@click.command(
    "list",
    epilog=help_epilog("0 all synced and healthy, 1 some are not, 2 error", "app list --to kube"),
)
@to_option
@namespace_option
@output_option
def command(*, cluster: str, namespace: str, output: str) -> int:
    """List the applications of the cluster (with -n: of one namespace)."""
    # Imported here, as in every verb: --help needs no YAML reader.
    from secretsync.cli.app.report import echo_json, table  # noqa: PLC0415 - see above
    from secretsync.cli.problems import show_problems  # noqa: PLC0415 - see above
    from secretsync.cluster.opening import open_cluster, parse_cluster  # noqa: PLC0415 - see above
    from secretsync.gitops.status.app_store import AppStore  # noqa: PLC0415 - see above
    from secretsync.gitops.status.overview import row_of  # noqa: PLC0415 - see above

    opened = open_cluster(parse_cluster(cluster), read_only=True)
    try:
        apps, problems = AppStore(opened).list(namespace)
    finally:
        opened.close()
    show_problems(problems)
    rows = [row_of(app) for app in apps]
    if output == "json":
        echo_json(rows)
    else:
        names = ("namespace", "name", "project", "sync", "health", "revision", "pinned")
        table([tuple(map(str.upper, names)), *(_cells(row, names) for row in rows)])
    good = all(row["sync"] == "Synced" and row["health"] == "Healthy" for row in rows)
    return 0 if good and not problems else 1


def _cells(row: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("" if row[name] is None else str(row[name]) for name in names)
