"""The engine of the GitOps loop, put together for one cluster."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from secretsync.cluster.base import Cluster
from secretsync.core.fingerprints import Fingerprinter
from secretsync.gitops.app_store import AppStore
from secretsync.gitops.comparing import Comparer
from secretsync.gitops.engine import Engine
from secretsync.gitops.git_program import GitProgram
from secretsync.gitops.health import health_of
from secretsync.gitops.jq_paths import JqPaths
from secretsync.gitops.model import Health, api_group
from secretsync.gitops.programs import Programs
from secretsync.gitops.rendering import Renderer
from secretsync.gitops.repo_logins import RepoLogins
from secretsync.gitops.repositories import Repositories
from secretsync.gitops.syncing import Syncer

__all__ = ["Built", "build_engine"]

#: Whose objects get a status in a directory too.
_SERVED_GROUPS = frozenset({"external-secrets.io", "bitnami.com", "argoproj.io"})


@dataclass(frozen=True)
class Built:
    """An engine and what must be closed after it."""

    engine: Engine
    jq: JqPaths
    renderer: Renderer

    def close(self) -> None:
        """End the children."""
        self.jq.close()


def build_engine(
    cluster: Cluster,
    prints: Fingerprinter,
    *,
    cache_dir: Path,
    local: bool,
    now: Callable[[], datetime],
    wait: Callable[[float], bool] | None = None,
    served: bool = True,
) -> Built:
    """Put the engine together.

    Args:
        prints: stand for the values of Secrets.
        cache_dir: where repositories are kept.
        local: `file://` repositories are allowed.
        now: the wall clock, aware.
        wait: sleeps so many seconds, False where the process is to stop; None always sleeps.
        served: somebody makes the Secrets of ExternalSecrets meanwhile, so that waves may
            wait for their health; a command on a directory makes them after the sync.
    """
    directory = cluster.name.startswith("dir:")
    jq = JqPaths()
    repositories = Repositories(
        cache_dir / "git", GitProgram(local=local), local=local, logins=RepoLogins(cluster)
    )
    renderer = Renderer(repositories, Programs(), served=cluster.served)
    health_of = functools.partial(_health, local=directory, now=now)
    comparer = Comparer(cluster, prints, health_of, jq=jq)
    awaited = health_of if served else _no_health
    syncer = Syncer(cluster, awaited, runs_hooks=not directory, wait=wait or _sleep)
    engine = Engine(cluster, AppStore(cluster), renderer, comparer, syncer, now)
    return Built(engine, jq, renderer)


def _no_health(_: Mapping[str, Any]) -> Health | None:
    return None


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return True


def _health(obj: Mapping[str, Any], *, local: bool, now: Callable[[], datetime]) -> Health | None:
    """Return the health of an object; in a directory, of what has a controller there: ours."""
    group = api_group(str(obj.get("apiVersion", "")))
    ours = group in _SERVED_GROUPS or obj.get("kind") == "Secret"
    return health_of(obj, now=now()) if ours or not local else None
