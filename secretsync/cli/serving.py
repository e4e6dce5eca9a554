"""What `secretsync run` does once its options are read: open, follow PATH, serve, stop."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from secretsync.cli.inputs import inventory_id, read_paths
from secretsync.cli.problems import show_problems
from secretsync.cli.repository_paths import PREFIX
from secretsync.cluster.base import Cluster
from secretsync.cluster.directory_pushes import DirectoryPushes
from secretsync.cluster.opening import ClusterSpec, open_cluster, parse_cluster
from secretsync.controller.paths import PathObjects
from secretsync.controller.service import Service
from secretsync.controller.settings import Settings
from secretsync.core.secrets import INVENTORY_LABEL
from secretsync.errors import ClusterError, ConfigError
from secretsync.refresh.credential_source import Overlay
from secretsync.refresh.expanding import expanded
from secretsync.refresh.installkey import ensure_install_key, install_key
from secretsync.resources.manifests import Manifests, load_manifests
from secretsync.resources.problems import Severity

__all__ = ["PathRequest", "serve"]

log = logging.getLogger(__name__)

SIGNAL_POLL_S = 0.5
#: How often a key of fingerprints that is not to be had is asked for again.
INSTALL_KEY_RETRY_S = 10.0


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
    stop, renew = threading.Event(), threading.Event()
    _listen_to_signals(stop, renew)
    spec = parse_cluster(cluster)
    opened = open_cluster(spec, busy_s=0.0)
    try:
        load_key = functools.partial(_install_key, opened, spec, settings.service_namespace)
        key = _first_install_key(load_key)
        objects = _path_objects(request, opened) if request.paths else None
        pushed = DirectoryPushes(_root(spec)) if spec.type == "dir" else None
        service = Service(opened, settings, stop, paths=objects, install_key=key, pushed=pushed)
        _renew_on_signal(service, renew, stop)
        if key is None:
            _await_install_key(service, load_key, stop)
        ended = service.run()
    finally:
        opened.close()
    if not ended:
        # At its end the interpreter waits for threads, and these wait for a peer that
        # hangs. Every write is whole or not there, so nothing is lost by leaving.
        logging.shutdown()
        os._exit(0)


def _install_key(cluster: Cluster, spec: ClusterSpec, namespace: str) -> bytes | None:
    """Return the key of fingerprints, made where there is none."""
    if spec.type == "dir":
        return install_key(cluster, _root(spec), create=True)
    return ensure_install_key(cluster, namespace)


def _root(spec: ClusterSpec) -> Path:
    return Path(spec.location).expanduser()


def _first_install_key(load: Callable[[], bytes | None]) -> bytes | None:
    """Return the key, or say that there is none yet; Secrets are synced without it too."""
    try:
        return load()
    except ClusterError as exc:
        log.warning(
            "no install key: plan cannot show lasting fingerprints, and each start opens "
            "every SealedSecret",
            extra={"cause": exc.message},
        )
        return None


def _await_install_key(
    service: Service, load: Callable[[], bytes | None], stop: threading.Event
) -> None:
    """Ask for the key again from a thread: its namespace may be made after the start."""

    def follow() -> None:
        while not stop.wait(INSTALL_KEY_RETRY_S):
            with contextlib.suppress(ClusterError):
                key = load()
                if key is not None:
                    service.use_install_key(key)
                    log.info("install key found")
                    return

    threading.Thread(target=follow, name="install-key", daemon=True).start()


def _listen_to_signals(stop: threading.Event, renew: threading.Event) -> None:
    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    def note(_number: int, _frame: FrameType | None) -> None:
        renew.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    signal.signal(signal.SIGUSR1, note)


def _renew_on_signal(service: Service, renew: threading.Event, stop: threading.Event) -> None:
    """Pass the signal on from a thread: a handler may interrupt code that holds a lock."""

    def follow() -> None:
        while not stop.is_set():
            if renew.wait(SIGNAL_POLL_S):
                renew.clear()
                service.renew_sealing_key()

    threading.Thread(target=follow, name="signals", daemon=True).start()


def _path_objects(request: PathRequest, cluster: Cluster) -> PathObjects:
    paths = request.paths
    if "-" in paths:
        raise ConfigError(
            "run cannot follow standard input", remedy="give files or folders, or use sync"
        )
    if any(path.startswith(PREFIX) for path in paths):
        raise ConfigError(
            "run cannot follow a repository by PATH",
            remedy="have an Application name the repository, or use sync",
        )
    default_namespace = request.namespace or cluster.default_namespace

    def load() -> tuple[Manifests, bool]:
        inputs = read_paths(paths)
        given = load_manifests(inputs.documents, default_namespace=default_namespace)
        manifests = expanded(given, cluster)
        problems = [*inputs.unreadable, *inputs.problems, *manifests.problems]
        show_problems(problems)
        return manifests, not any(item.severity is Severity.ERROR for item in problems)

    label = inventory_id(paths, name=request.inventory, namespace=default_namespace)
    return PathObjects(
        load, lambda: _signature(paths), {INVENTORY_LABEL: label} if label else {}, Overlay()
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
