"""The engine of the GitOps loop, put together for one cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from secretsync.cluster.base import Cluster
from secretsync.core.fingerprints import Fingerprinter
from secretsync.gitops.app_store import AppStore
from secretsync.gitops.comparing import Comparer
from secretsync.gitops.engine import Engine
from secretsync.gitops.git_program import GitProgram
from secretsync.gitops.jq_paths import JqPaths
from secretsync.gitops.programs import Programs
from secretsync.gitops.rendering import Renderer
from secretsync.gitops.repositories import Repositories
from secretsync.gitops.thin_sync import ThinSyncer

__all__ = ["Built", "build_engine"]


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
) -> Built:
    """Put the engine together.

    Args:
        prints: stand for the values of Secrets.
        cache_dir: where repositories are kept.
        local: `file://` repositories are allowed.
        now: the wall clock, aware.
    """
    jq = JqPaths()
    repositories = Repositories(cache_dir / "git", GitProgram(local=local), local=local)
    renderer = Renderer(repositories, Programs(), served=cluster.served)
    comparer = Comparer(cluster, prints, lambda _: None, jq=jq)
    engine = Engine(cluster, AppStore(cluster), renderer, comparer, ThinSyncer(cluster), now)
    return Built(engine, jq, renderer)
