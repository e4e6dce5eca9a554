"""Puts the parts of the pipeline together, the same way for a command and the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from secretsync.cluster.base import Cluster
from secretsync.core.secrets import DesiredSecret
from secretsync.refresh.applying import Applier
from secretsync.refresh.catalog import StoreCatalog, StoreLookup
from secretsync.refresh.claims import Claims
from secretsync.refresh.clock import Clock
from secretsync.refresh.deleting import Deleter, Siblings
from secretsync.refresh.denials import Denials
from secretsync.refresh.fetching import Fetcher
from secretsync.refresh.finding import Lister
from secretsync.refresh.generations import Generations, Runner
from secretsync.refresh.manifest_targets import ManifestTargets
from secretsync.refresh.pipeline import DEFAULT_WORKERS, Pipeline
from secretsync.refresh.reading import SourceReader
from secretsync.refresh.selectors import CredentialSource
from secretsync.refresh.sessions import CallCounter, Sessions, no_counting
from secretsync.refresh.template_sources import TemplateSources

__all__ = ["Engine", "Options", "build_engine"]


@dataclass(frozen=True, slots=True)
class Options:
    """What differs between the users of the pipeline.

    Args:
        writes: False plans only.
        one_shot: the run looks once.
        labels: extra labels on what is written.
        known_absent: see `Applier`.
        intend: see `Applier`.
        count: called for each provider request.
        generators: runs generators; None serves none.
        generic_targets: write targets that are not Secrets.
    """

    controller_class: str = "default"
    writes: bool = True
    one_shot: bool = True
    labels: Mapping[str, str] | None = None
    known_absent: Callable[[str, str], bool] | None = None
    intend: Callable[[DesiredSecret], None] | None = None
    count: CallCounter = no_counting
    workers: int = DEFAULT_WORKERS
    generators: Runner | None = None
    generic_targets: bool = False


@dataclass(frozen=True, slots=True)
class Engine:
    """The assembled parts that outlive a batch."""

    pipeline: Pipeline
    fetcher: Fetcher
    lister: Lister
    applier: Applier
    sessions: Sessions
    reader: SourceReader
    generations: Generations
    deleter: Deleter
    catalog: StoreCatalog
    templates: TemplateSources
    manifests: ManifestTargets
    clock: Clock
    denials: Denials

    def close(self) -> None:
        """End threads and sessions."""
        self.pipeline.close()
        self.sessions.close()


def build_engine(
    cluster: Cluster,
    *,
    lookup: StoreLookup,
    credentials: CredentialSource,
    siblings: Siblings,
    claims: Claims,
    clock: Clock,
    options: Options,
) -> Engine:
    """Assemble the pipeline over a cluster."""
    catalog = StoreCatalog(lookup, controller_class=options.controller_class)
    sessions = Sessions(credentials, clock, count=options.count)
    fetcher = Fetcher(clock)
    lister = Lister(clock)
    applier = Applier(
        cluster,
        known_absent=options.known_absent,
        writes=options.writes,
        intend=options.intend,
    )
    generations = Generations(options.generators, applier.live, clock, runs=options.writes)
    denials = Denials()
    reader = SourceReader(catalog, sessions, fetcher, lister, generations, denials)
    deleter = Deleter(applier, siblings, clock, one_shot=options.one_shot)
    templates = TemplateSources(credentials)
    manifests = ManifestTargets(cluster, allowed=options.generic_targets, writes=options.writes)
    pipeline = Pipeline(
        reader,
        applier,
        deleter,
        claims,
        templates,
        manifests,
        labels=options.labels,
        workers=options.workers,
    )
    return Engine(
        pipeline,
        fetcher,
        lister,
        applier,
        sessions,
        reader,
        generations,
        deleter,
        catalog,
        templates,
        manifests,
        clock,
        denials,
    )
