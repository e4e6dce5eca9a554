"""Puts the parts that push together, over the sessions of the rest."""

from __future__ import annotations

from secretsync.cluster.base import Cluster
from secretsync.refresh.credential_source import CredentialSource, Overlay
from secretsync.refresh.generations import Runner
from secretsync.refresh.push_calls import PushCalls
from secretsync.refresh.push_sources import PushSources
from secretsync.refresh.push_stores import PushStores, StoreListing
from secretsync.refresh.pushing import PushPipeline
from secretsync.refresh.wiring import Engine

__all__ = ["build_pushes"]


def build_pushes(
    engine: Engine,
    cluster: Cluster,
    *,
    listing: StoreListing,
    credentials: CredentialSource,
    runner: Runner | None = None,
    overlay: Overlay | None = None,
    writes: bool = True,
) -> PushPipeline:
    """Assemble a pipeline that pushes.

    Args:
        engine: whose stores, sessions and clock are shared.
        listing: all stores, for those that are selected by their labels.
        credentials: where Secrets and ConfigMaps are looked up.
        runner: of generators; None serves none.
        overlay: what PATH brings; None brings nothing.
        writes: False plans only.
    """
    stores = PushStores(engine.catalog, engine.sessions, listing)
    sources = PushSources(cluster, credentials, overlay or Overlay(), runner)
    calls = PushCalls(stores, engine.clock)
    return PushPipeline(sources, stores, calls, engine.clock, writes=writes)
