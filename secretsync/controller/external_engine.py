"""What writes the Secrets of ExternalSecrets in the service, put together.

Neighbours: `external_part` has it run, `refresh.wiring` knows its pieces.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from secretsync.cluster.base import Cluster, WatchEvent
from secretsync.controller.metrics import Metrics
from secretsync.controller.settings import Settings
from secretsync.controller.statuses import StatusWriter
from secretsync.controller.targets import TargetCache
from secretsync.controller.world import World
from secretsync.core.secrets import DesiredSecret
from secretsync.refresh.claims import Claims
from secretsync.refresh.clock import Clock
from secretsync.refresh.generating import GeneratorRunner
from secretsync.refresh.selectors import ClusterCredentials
from secretsync.refresh.wiring import Engine, Options, build_engine
from secretsync.resources.meta import ObjectRef

__all__ = ["ExternalShared", "external_engine"]


@dataclass(frozen=True, slots=True)
class ExternalShared:
    """What the part shares with the rest of the service.

    Args:
        wake: gives an object of any kind a turn, whose target another one has left.
        store_changed: is told of each store that was made, edited or deleted.
        namespace_changed: is told of each change of a namespace.
        object_changed: is told of each change of an ExternalSecret.
    """

    cluster: Cluster
    world: World
    metrics: Metrics
    statuses: StatusWriter
    claims: Claims
    clock: Clock
    stop: threading.Event
    wake: Callable[[ObjectRef], None]
    store_changed: Callable[[ObjectRef], None]
    namespace_changed: Callable[[WatchEvent], None]
    object_changed: Callable[[WatchEvent], None]


def external_engine(
    shared: ExternalShared,
    settings: Settings,
    targets: TargetCache,
    *,
    credentials: ClusterCredentials,
    runner: GeneratorRunner,
    labels: Mapping[str, str] | None,
) -> Engine:
    """Return the engine of the service.

    Args:
        targets: knows what is in the cluster, and is told what is about to be written.
        labels: put on every Secret that is made from PATH; None without it.
    """

    def known_absent(namespace: str, name: str) -> bool:
        return targets.get((namespace, name)) is None

    def intend(desired: DesiredSecret) -> None:
        targets.expect(
            (desired.namespace, desired.name),
            desired.data,
            exclusive=not desired.keep_foreign_keys and not desired.hold_removals,
        )

    return build_engine(
        shared.cluster,
        lookup=shared.world,
        credentials=credentials,
        siblings=shared.world,
        claims=shared.claims,
        clock=shared.clock,
        options=Options(
            controller_class=settings.controller_class,
            one_shot=False,
            labels=labels,
            known_absent=known_absent,
            intend=intend,
            count=shared.metrics.provider_call,
            workers=settings.concurrent,
            generators=runner,
            generic_targets=settings.allowed.generic_targets,
        ),
    )
