"""Notices that somebody changed or deleted a target that is not a Secret.

Only kinds that an ExternalSecret makes are watched, by ESO's label and by their metadata
alone: what they hold stays in the cluster.

Neighbours: `world` knows which kinds are made, `refresh.manifest_targets` which version was
written last; `generator_watch` does the same for generators.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from secretsync.cluster.base import Cluster, WatchEvent, WatchEventType
from secretsync.controller.reflector import Reflector
from secretsync.controller.world import World
from secretsync.errors import ClusterError
from secretsync.refresh.claims import Claims
from secretsync.refresh.clock import Clock
from secretsync.refresh.manifest_targets import ManifestTargets
from secretsync.resources.external_secret import ExternalSecret
from secretsync.resources.external_secret_spec import ManifestTarget
from secretsync.resources.names import MANAGED_TARGET_LABEL

__all__ = ["ManifestWatches"]


class ManifestWatches:
    """Follows the kinds that are made.

    Args:
        drifted: called with an ExternalSecret whose target somebody else wrote.
        namespace: "" for all.
    """

    def __init__(
        self,
        cluster: Cluster,
        world: World,
        claims: Claims,
        targets: ManifestTargets,
        clock: Clock,
        stop: threading.Event,
        *,
        drifted: Callable[[ExternalSecret], None],
        namespace: str,
    ) -> None:
        self._cluster = cluster
        self._world = world
        self._claims = claims
        self._targets = targets
        self._clock = clock
        self._stop = stop
        self._drifted = drifted
        self._namespace = namespace
        self._reflectors: dict[ManifestTarget, Reflector] = {}

    def follow(self) -> None:
        """Begin to watch kinds that are made now."""
        for made in self._world.manifests() - self._reflectors.keys():
            try:
                kind = self._cluster.resolve(made.api_version, made.kind)
            except ClusterError:
                continue  # Its ExternalSecrets say so; it is asked for again.
            reflector = Reflector(
                self._cluster,
                kind,
                self._handler(made),
                self._clock,
                self._stop,
                namespace=self._namespace,
                label_selector=f"{MANAGED_TARGET_LABEL}=true",
                metadata_only=True,
                optional=True,
            )
            self._reflectors[made] = reflector
            reflector.start()

    def join(self, timeout_s: float) -> None:
        """Wait for the threads to end."""
        for reflector in self._reflectors.values():
            reflector.join(timeout_s)

    def _handler(self, made: ManifestTarget) -> Callable[[WatchEvent], None]:
        def handle(event: WatchEvent) -> None:
            if event.type in (WatchEventType.BOOKMARK, WatchEventType.SYNCED):
                return
            meta = event.object.get("metadata") or {}
            namespace, name = meta.get("namespace", ""), meta.get("name", "")
            written = (made.api_version, made.kind, namespace, name)
            gone = event.type is WatchEventType.DELETED
            if not gone and not self._targets.foreign(written, meta.get("resourceVersion", "")):
                return
            for item in self._claims.claimants(namespace, made.key(name)):
                if isinstance(item, ExternalSecret):
                    self._drifted(item)

        return handle
