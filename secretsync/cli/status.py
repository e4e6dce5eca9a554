"""`secretsync status`: what is synced, how old, from which version, what is wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

import click

from secretsync.cli.options import help_epilog, namespace_option, output_option, to_option
from secretsync.cli.problems import broken_objects, problem_json, show_problems
from secretsync.cluster.opening import open_cluster, parse_cluster
from secretsync.errors import ConfigError
from secretsync.refresh.clock import Clock
from secretsync.refresh.overview import Overview, Row, parse_reference

__all__ = ["command"]


@click.command(
    epilog=help_epilog(
        "0 all good, 1 something is not, 2 error",
        "status externalsecret/database-credentials --to kube -n shop",
    )
)
@click.argument("object_name", metavar="[KIND/NAME]", required=False, default="")
@to_option
@namespace_option
@output_option
def command(*, object_name: str, cluster: str, namespace: str, output: str) -> int:
    """Show what is synced, how old it is, from which versions, and what is wrong.

    KIND is externalsecret, sealedsecret, pushsecret, secretstore, clustersecretstore,
    clusterexternalsecret, clusterpushsecret or secret. Without it everything is shown, of all
    namespaces unless -n names one.
    """
    wanted = parse_reference(object_name) if object_name else None
    opened = open_cluster(parse_cluster(cluster), read_only=True)
    try:
        rows = Overview(opened, Clock().now()).rows(namespace)
        broken = broken_objects(opened)
    finally:
        opened.close()
    show_problems(broken)
    if wanted is not None:
        rows = [row for row in rows if (row.kind, row.name) == wanted]
        if not rows:
            raise ConfigError(
                f"{object_name} does not exist in {cluster}",
                remedy="check the name and -n; `secretsync status --to ...` lists everything",
            )
    if output == "json":
        document = {
            "objects": [asdict(row) for row in rows],
            "problems": [problem_json(problem) for problem in broken],
        }
        click.echo(json.dumps(document, indent=2))
    else:
        _show(rows)
    good = all(row.good for row in rows) and (wanted is not None or not broken)
    return 0 if good else 1


def _show(rows: Sequence[Row]) -> None:
    table = [("OBJECT", "STATE", "AGE", "VERSIONS", "MESSAGE")]
    for row in rows:
        where = f"{row.namespace}/{row.name}" if row.namespace else row.name
        versions = " ".join(
            f"{key.rpartition(':')[2]}={version[:8]}" for key, version in row.versions.items()
        )
        state = row.reason or ("Ready" if row.good else "Unknown")
        message = "" if row.good and row.message == "secret synced" else row.message
        table.append((f"{row.kind} {where}", state, _age(row.age_s), versions, message))
    widths = [max(len(line[column]) for line in table) for column in range(4)]
    for line in table:
        cells = [f"{cell:<{width}}" for cell, width in zip(line, widths, strict=False)]
        click.echo("  ".join([*cells, line[4]]).rstrip())


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"
