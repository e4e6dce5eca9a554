"""`secretsync run`: the service. Its options; `serving` does the work."""

from __future__ import annotations

import sys
from typing import Any

import click

from secretsync.cli.cache_folder import cache_folder
from secretsync.cli.options import (
    allowed_by,
    allowing_options,
    help_epilog,
    namespace_option,
    to_option,
)
from secretsync.cli.sealing_options import sealing_options, sealing_settings
from secretsync.logs import configure_logging

__all__ = ["command"]


@click.command(epilog=help_epilog("0 clean stop, 2 bad configuration", "run --to kube"))
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@to_option
@namespace_option
@click.option(
    "--controller-class",
    default="default",
    show_default=True,
    help="Serve stores of this spec.controller, and those without one.",
)
@click.option(
    "--concurrent",
    default=8,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Secrets that are written at the same time.",
)
@click.option(
    "--metrics-addr",
    default="127.0.0.1:8080",
    show_default=True,
    help="Where /metrics is served; 0 for nowhere.",
)
@click.option(
    "--live-addr",
    default="127.0.0.1:8082",
    show_default=True,
    help="Where /healthz and /readyz are served; 0 for nowhere.",
)
@click.option(
    "--log-format",
    type=click.Choice(["json", "text"]),
    default="text",
    show_default=True,
    help="Form of the log on standard error.",
)
@click.option(
    "--loglevel",
    type=click.Choice(["debug", "info", "warn", "error"]),
    default="info",
    show_default=True,
    help="What is logged, from this level on.",
)
@click.option(
    "--applications/--no-applications",
    default=True,
    show_default=True,
    help="Serve the cluster's Applications; not beside another controller that does.",
)
@click.option(
    "--application-namespace",
    "application_namespaces",
    multiple=True,
    metavar="NAMESPACE",
    help="Serve Applications of this namespace (default: argocd and the service's own; of a "
    "directory all). Repeatable. The project of such an "
    "Application is one of argocd, and must name the namespace in sourceNamespaces.",
)
@click.option(
    "--poll-interval",
    "poll_interval_s",
    default=15.0,
    show_default=True,
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    help="Time between two looks at each repository of Applications.",
)
@click.option(
    "--cache-dir",
    default="",
    metavar="FOLDER",
    help="Where repositories are kept (default: secretsync below the user's cache folder).",
)
@click.option("--inventory", default="", metavar="NAME", help="As in sync, with PATH.")
@allowing_options
@sealing_options
def command(
    *,
    paths: tuple[str, ...],
    cluster: str,
    namespace: str,
    controller_class: str,
    concurrent: int,
    metrics_addr: str,
    live_addr: str,
    log_format: str,
    loglevel: str,
    inventory: str,
    applications: bool,
    application_namespaces: tuple[str, ...],
    poll_interval_s: float,
    cache_dir: str,
    **options: Any,
) -> int:
    """Keep the cluster's Secrets as its ExternalSecrets and SealedSecrets (or PATH's) say.

    With --namespace and without PATH it serves that namespace only, and needs rights in
    no other. The signal USR1 makes a new sealing key. Options from --sealing-namespace
    on are also read from SEALED_SECRETS_<NAME> in the environment.
    """
    # Imported here, as in every verb: --help needs no scheduler and no cluster client.
    from secretsync.cli.serving import PathRequest, serve  # noqa: PLC0415 - see above
    from secretsync.cluster.opening import parse_cluster  # noqa: PLC0415 - see above
    from secretsync.controller.addresses import parse_address  # noqa: PLC0415 - see above
    from secretsync.controller.app_settings import AppSettings  # noqa: PLC0415 - see above
    from secretsync.controller.settings import Settings  # noqa: PLC0415 - see above
    from secretsync.gitops.sources.repo_logins import REPOSITORY_NAMESPACE  # noqa: PLC0415 - see above
    from secretsync.refresh.installkey import service_namespace  # noqa: PLC0415 - see above

    local = parse_cluster(cluster).type == "dir"
    own = () if local else (REPOSITORY_NAMESPACE, service_namespace())
    settings = Settings(
        controller_class=controller_class,
        namespace="" if paths else namespace,
        service_namespace=service_namespace(),
        concurrent=concurrent,
        metrics=parse_address(metrics_addr),
        live=parse_address(live_addr),
        allowed=allowed_by(options),
        sealing=sealing_settings(service_namespace(), **options),
        apps=(
            AppSettings(
                poll_interval_s,
                cache_folder(cache_dir),
                local=local,
                namespaces=application_namespaces or own,
            )
            if applications
            else None
        ),
    )
    debug = click.get_current_context().obj["debug"]
    configure_logging(sys.stderr, style=log_format, level="debug" if debug else loglevel)
    serve(cluster, settings, PathRequest(paths, namespace, inventory))
    return 0
