"""The engine of the GitOps loop, put together for one cluster."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from secretsync.cluster.base import Cluster
from secretsync.core.fingerprints import Fingerprinter
from secretsync.gitops.diff.comparing import Comparer
from secretsync.gitops.engine import Engine
from secretsync.gitops.model import Health, api_group
from secretsync.gitops.objects.health import health_of
from secretsync.gitops.objects.jq_paths import JqPaths
from secretsync.gitops.processes.programs import Programs
from secretsync.gitops.projects.permitting import Permits
from secretsync.gitops.render.rendering import Renderer
from secretsync.gitops.sources.cache_use import CacheUse
from secretsync.gitops.sources.charts import Charts
from secretsync.gitops.sources.git_program import GitProgram
from secretsync.gitops.sources.integrity import Integrity
from secretsync.gitops.sources.repo_logins import RepoLogins
from secretsync.gitops.sources.repositories import Repositories
from secretsync.gitops.status.app_store import AppStore
from secretsync.gitops.sync.syncing import Syncer

__all__ = ["Built", "build_engine"]

#: Whose objects get a status in a directory too.
_SECRET_GROUPS = frozenset({"external-secrets.io", "bitnami.com"})
_SERVED_GROUPS = _SECRET_GROUPS | {"argoproj.io"}
#: How long a wave may take; and where nobody else works on what is being deleted.
_SERVED_WITHIN = timedelta(minutes=10)
_ALONE_WITHIN = timedelta(seconds=10)


@dataclass(frozen=True)
class Built:
    """An engine and what must be closed after it."""

    engine: Engine
    jq: JqPaths
    renderer: Renderer
    git: GitProgram
    programs: Programs
    charts: Charts
    cache: CacheUse

    def close(self) -> None:
        """End the children, close connections, and leave the cache."""
        self.jq.close()
        self.charts.close()
        self.cache.close()


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
    git, programs = GitProgram(local=local), Programs()
    logins, store = RepoLogins(cluster), AppStore(cluster)
    charts = Charts(cache_dir / "charts", logins=logins)
    repositories = Repositories(cache_dir / "git", git, local=local, logins=logins)
    integrity = Integrity(cluster, repositories, now)
    permits = Permits(cluster, store, integrity)
    renderer = Renderer(
        repositories,
        programs,
        served=cluster.served,
        charts=charts,
        permit=permits.check_repository,
        verify=permits.check_base,
    )
    health_of = functools.partial(_health, local=directory, served=served, now=now)
    comparer = Comparer(cluster, prints, health_of, jq=jq)
    awaited = health_of if served else _no_health
    syncer = Syncer(
        cluster,
        awaited,
        runs_hooks=not directory,
        wait=wait or _sleep,
        wave_within=_SERVED_WITHIN if served else _ALONE_WITHIN,
        jq=jq,
    )
    engine = Engine(cluster, store, renderer, comparer, syncer, now, integrity)
    return Built(engine, jq, renderer, git, programs, charts, CacheUse(cache_dir))


def _no_health(_: Mapping[str, Any]) -> Health | None:
    return None


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return True


def _health(
    obj: Mapping[str, Any], *, local: bool, served: bool, now: Callable[[], datetime]
) -> Health | None:
    """Return the health of an object; in a directory, of what has a controller there: ours.

    Where that does not run either, what has no status will have none.
    """
    if local:
        group = api_group(str(obj.get("apiVersion", "")))
        ours = group in _SERVED_GROUPS or obj.get("kind") == "Secret"
        silent = not served and group in _SECRET_GROUPS and not obj.get("status")
        if not ours or silent:
            return None
    return health_of(obj, now=now())
