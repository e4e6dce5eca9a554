"""`secretsync run`: the service."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

import click

from secretsync.cli.inputs import inventory_id, read_paths
from secretsync.cli.options import namespace_option, to_option
from secretsync.cli.problems import show_problems
from secretsync.cluster.base import Cluster
from secretsync.cluster.opening import ClusterSpec, open_cluster, parse_cluster
from secretsync.controller.paths import PathObjects
from secretsync.controller.service import Service
from secretsync.controller.settings import Settings, parse_address
from secretsync.core.secrets import INVENTORY_LABEL
from secretsync.errors import ClusterError, ConfigError
from secretsync.logs import configure_logging
from secretsync.refresh.installkey import ensure_install_key, install_key, service_namespace
from secretsync.resources.manifests import Manifests, load_manifests
from secretsync.resources.problems import Severity

__all__ = ["command"]

log = logging.getLogger(__name__)


@click.command(
    epilog="Exit status: 0 clean stop, 2 bad configuration. Example: secretsync run --to kube"
)
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
    "--log-format", type=click.Choice(["json", "text"]), default="text", show_default=True
)
@click.option(
    "--loglevel",
    type=click.Choice(["debug", "info", "warn", "error"]),
    default="info",
    show_default=True,
)
@click.option("--inventory", default="", metavar="NAME", help="As in sync, with PATH.")
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
) -> int:
    """Keep the cluster's Secrets as its ExternalSecrets (or those of PATH) say.

    With --namespace and without PATH it serves that namespace only, and needs rights in
    no other.
    """
    settings = Settings(
        controller_class=controller_class,
        namespace="" if paths else namespace,
        service_namespace=service_namespace(),
        concurrent=concurrent,
        metrics=parse_address(metrics_addr),
        live=parse_address(live_addr),
    )
    configure_logging(sys.stderr, style=log_format, level=loglevel)
    stop = threading.Event()
    _stop_on_signals(stop)
    spec = parse_cluster(cluster)
    opened = open_cluster(spec)
    try:
        _ensure_install_key(opened, spec)
        objects = _path_objects(paths, opened, namespace, inventory) if paths else None
        Service(opened, settings, stop, paths=objects).run()
    finally:
        opened.close()
    return 0


def _ensure_install_key(cluster: Cluster, spec: ClusterSpec) -> None:
    """Make the key of fingerprints where there is none; Secrets are synced without it too."""
    try:
        if spec.type == "dir":
            install_key(cluster, Path(spec.location), create=True)
        else:
            ensure_install_key(cluster, service_namespace())
    except ClusterError as exc:
        log.warning(
            "no install key: plan cannot show lasting fingerprints", extra={"cause": exc.message}
        )


def _stop_on_signals(stop: threading.Event) -> None:
    def handle(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)


def _path_objects(
    paths: tuple[str, ...], cluster: Cluster, namespace: str, inventory: str
) -> PathObjects:
    if "-" in paths:
        raise ConfigError(
            "run cannot follow standard input", remedy="give files or folders, or use sync"
        )
    default_namespace = namespace or cluster.default_namespace

    def load() -> tuple[Manifests, bool]:
        inputs = read_paths(paths)
        manifests = load_manifests(inputs.documents, default_namespace=default_namespace)
        problems = [*inputs.unreadable, *inputs.problems, *manifests.problems]
        show_problems(problems)
        return manifests, not any(item.severity is Severity.ERROR for item in problems)

    label = inventory_id(paths, name=inventory, namespace=default_namespace)
    return PathObjects(
        load, lambda: _signature(paths), {INVENTORY_LABEL: label} if label else {}, {}
    )


def _signature(paths: tuple[str, ...]) -> object:
    """Return what changes when any file of PATH does, without reading one."""
    found = []
    for path in paths:
        for folder, _, names in os.walk(path):
            for file in (Path(folder) / name for name in names):
                found.append(_stamp(file))
        found.append(_stamp(Path(path)))
    return tuple(sorted(found))


def _stamp(file: Path) -> tuple[str, int, int]:
    try:
        stat = file.stat()
    except OSError:
        return str(file), 0, 0
    return str(file), stat.st_mtime_ns, stat.st_size
