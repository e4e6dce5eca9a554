"""`secretsync refresh`: one object of the cluster, now, once."""

from __future__ import annotations

import click

from secretsync.cli.options import help_epilog, namespace_option, output_option, to_option
from secretsync.cli.problems import show_problems
from secretsync.cluster.base import KINDS, Cluster
from secretsync.cluster.opening import open_cluster, parse_cluster
from secretsync.errors import ConfigError
from secretsync.refresh.clock import Clock
from secretsync.refresh.overview import parse_reference
from secretsync.resources.meta import ObjectRef
from secretsync.resources.problems import errors

__all__ = ["command"]


@click.command(
    epilog=help_epilog(
        "0 all applied or unchanged, 1 at least one object failed, 2 nothing was attempted",
        "refresh es/database-credentials --to kube -n shop",
    )
)
@click.argument("object_name", metavar="KIND/NAME")
@to_option
@namespace_option
@output_option
@click.option(
    "--controller-class",
    default="default",
    show_default=True,
    help="Serve stores of this spec.controller, and those without one.",
)
def command(
    *, object_name: str, cluster: str, namespace: str, output: str, controller_class: str
) -> int:
    """Refresh one ExternalSecret, or all that read from one store, now and once.

    KIND is externalsecret, secretstore or clustersecretstore.
    """
    # Imported here, as in every verb: --help needs no YAML reader and no pipeline.
    from secretsync.cli.report import outcome_problem, show_result  # noqa: PLC0415 - see above
    from secretsync.cli.session import fingerprinter  # noqa: PLC0415 - see above
    from secretsync.refresh.oneshot import Result  # noqa: PLC0415 - see above
    from secretsync.refresh.single import refresh_now  # noqa: PLC0415 - see above

    spec = parse_cluster(cluster)
    kind, name = parse_reference(object_name)
    opened = open_cluster(spec)
    try:
        where = namespace or opened.default_namespace
        _require(opened, kind, where, name)
        outcomes, problems = refresh_now(
            opened,
            kind,
            where,
            name,
            clock=Clock(),
            controller_class=controller_class,
        )
        show_problems(problems)
        failed = [
            outcome_problem(item, lambda ref, field: (opened.name, 0))
            for item in outcomes
            if item.failed
        ]
        show_problems(failed)
        prints = fingerprinter(opened, spec, writes=True)
        found = [*problems, *failed]
        show_result(Result(outcomes), found, prints, output=output, prune=False)
    finally:
        opened.close()
    if not errors(found):
        return 0
    return 1 if outcomes else 2


def _require(cluster: Cluster, kind: str, namespace: str, name: str) -> None:
    """Refuse an object that is not there; one that cannot be read is an error of its own."""
    if kind == "Secret":
        return  # Refused with a better reason: it is not what is refreshed.
    target = ObjectRef(kind, namespace if KINDS[kind].namespaced else "", name)
    if cluster.get(KINDS[kind], target.namespace, name) is None:
        raise ConfigError(
            f"{target} does not exist in {cluster.name}",
            remedy="check the name and -n; PATH objects are refreshed by sync",
        )
