"""What `secretsync run` does once its options are read: open, follow PATH, serve, stop."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from secretsync.cli.inputs import inventory_id, read_paths
from secretsync.cli.problems import show_problems
from secretsync.cluster.base import Cluster
from secretsync.cluster.opening import open_cluster, parse_cluster
from secretsync.controller.paths import PathObjects
from secretsync.controller.service import Service
from secretsync.controller.settings import Settings
from secretsync.core.secrets import INVENTORY_LABEL
from secretsync.errors import ConfigError
from secretsync.resources.manifests import Manifests, load_manifests
from secretsync.resources.problems import Severity

__all__ = ["PathRequest", "serve"]


@dataclass(frozen=True, slots=True)
class PathRequest:
    """PATH, and what is said about it.

    Args:
        namespace: of objects that name none; "" takes the context's.
        inventory: names the set of PATHs; "" takes their absolute paths.
    """

    paths: Sequence[str]
    namespace: str
    inventory: str


def serve(cluster: str, settings: Settings, request: PathRequest) -> None:
    """Run the service until a signal asks it to stop.

    Args:
        cluster: CLUSTER, as given.

    Raises:
        SecretSyncError: it cannot start, or cannot go on.
    """
    stop = threading.Event()
    _stop_on_signals(stop)
    opened = open_cluster(parse_cluster(cluster))
    try:
        objects = _path_objects(request, opened) if request.paths else None
        Service(opened, settings, stop, paths=objects).run()
    finally:
        opened.close()


def _stop_on_signals(stop: threading.Event) -> None:
    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)


def _path_objects(request: PathRequest, cluster: Cluster) -> PathObjects:
    paths = request.paths
    if "-" in paths:
        raise ConfigError(
            "run cannot follow standard input", remedy="give files or folders, or use sync"
        )
    default_namespace = request.namespace or cluster.default_namespace

    def load() -> tuple[Manifests, bool]:
        inputs = read_paths(paths)
        manifests = load_manifests(inputs.documents, default_namespace=default_namespace)
        problems = [*inputs.unreadable, *inputs.problems, *manifests.problems]
        show_problems(problems)
        return manifests, not any(item.severity is Severity.ERROR for item in problems)

    label = inventory_id(paths, name=request.inventory, namespace=default_namespace)
    return PathObjects(
        load, lambda: _signature(paths), {INVENTORY_LABEL: label} if label else {}, {}
    )


def _signature(paths: Sequence[str]) -> object:
    """Return what changes when any file of PATH does, without reading one."""
    found = []
    for path in paths:
        for folder, _, names in os.walk(path):
            found += [_stamp(Path(folder) / name) for name in names]
        found.append(_stamp(Path(path)))
    return tuple(sorted(found))


def _stamp(file: Path) -> tuple[str, int, int]:
    try:
        stat = file.stat()
    except OSError:
        return str(file), 0, 0
    return str(file), stat.st_mtime_ns, stat.st_size
