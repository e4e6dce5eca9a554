"""The service: assembled from its parts, started in order, stopped within seconds."""

from __future__ import annotations

import logging
import threading

from secretsync.cluster.base import Cluster, WatchEvent
from secretsync.cluster.directory_pushes import DirectoryPushes
from secretsync.controller.app_part import AppPart
from secretsync.controller.counting import CountingCluster
from secretsync.controller.external_part import ExternalPart, ExternalShared
from secretsync.controller.metrics import Metrics
from secretsync.controller.orphans import Orphans
from secretsync.controller.pages import ServicePages
from secretsync.controller.paths import PathObjects, PathWatcher
from secretsync.controller.push_makers import MAKERS
from secretsync.controller.push_part import PushPart, PushShared
from secretsync.controller.sealing_part import SealingPart, SharedParts
from secretsync.controller.settings import Settings
from secretsync.controller.statuses import StatusWriter
from secretsync.controller.world import World
from secretsync.refresh.claims import Claims
from secretsync.refresh.clock import Clock
from secretsync.refresh.push_wiring import build_pushes
from secretsync.resources.meta import ObjectRef

__all__ = ["Service"]

log = logging.getLogger(__name__)

#: Work under way may take this long to finish after a stop was asked for.
STOP_WITHIN_S = 8.0
FOLLOW_EVERY_S = 0.5
#: Two looks in a row prove that a Secret is missing: 2 to 4 s.
MISSED_EVERY_LOOKS = 4


class Service:
    """One replica of the long-running process.

    Args:
        stop: set to end the service.
        paths: objects of PATH to serve instead of the cluster's ExternalSecrets and
            SealedSecrets.
        install_key: digests of SealedSecrets are made with it; None makes none.
        clock: what time it is, and how to wait; None takes the machine's.
        pushed: what earlier processes pushed, where the cluster is a directory.
    """

    def __init__(
        self,
        cluster: Cluster,
        settings: Settings,
        stop: threading.Event,
        *,
        paths: PathObjects | None = None,
        install_key: bytes | None = None,
        clock: Clock | None = None,
        pushed: DirectoryPushes | None = None,
    ) -> None:
        self._settings = settings
        self._stop = stop
        self._clock = clock or Clock(stop)
        self.metrics = Metrics()
        self._cluster = CountingCluster(cluster, self.metrics)
        self._world = World()
        self._claims = Claims()
        self._statuses = StatusWriter(self._cluster, self._clock, self._writing_secrets)
        self._external = self._build_external(paths)
        self._pushing = self._build_pushing(paths, pushed)
        self._begun = threading.Event()
        self._sealing = self._build_sealing(cluster, paths, install_key)
        self._apps = self._build_apps(paths, install_key)
        every = (self._sealing, self._pushing, self._apps)
        self._parts = [part for part in every if part is not None]
        self._reflectors = list(self._external.reflectors)
        for part in self._parts:
            self._reflectors += part.reflectors
        self._paths = self._build_paths(paths)
        self._orphans = self._build_orphans(paths)
        self._pages = ServicePages(
            settings.metrics,
            settings.live,
            metrics=self.metrics,
            reflectors=self._reflectors,
            ready=lambda: self.ready,
            begun=self._begun.is_set,
        )

    @property
    def ready(self) -> bool:
        """Whether every watch has its initial state and work has begun."""
        return self._begun.is_set() and not self._stop.is_set()

    @property
    def live_port(self) -> int:
        """The port of the probes, 0 where none are served."""
        return self._pages.live_port

    @property
    def sealing_port(self) -> int:
        """The port that kubeseal asks, 0 where none is served."""
        return self._sealing.port if self._sealing else 0

    def renew_sealing_key(self) -> None:
        """Make a new sealing key now, where SealedSecrets are served."""
        if self._sealing is not None:
            self._sealing.renew_key()

    def use_install_key(self, key: bytes) -> None:
        """Make digests with a key that came after the start."""
        if self._sealing is not None:
            self._sealing.use_install_key(key)

    @property
    def metrics_port(self) -> int:
        """The port of the metrics, 0 where none are served."""
        return self._pages.metrics_port

    def run(self) -> bool:
        """Run until `stop` is set.

        Returns:
            Whether everything has ended. False where threads still wait for a store or a
            cluster that hangs: the process must leave without waiting for them.
        """
        self._pages.start()
        self._statuses.start()
        try:
            if self._begin():
                sealed = self._sealing.objects if self._sealing else 0
                log.info("ready", extra={"objects": len(self._world.items()) + sealed})
                looks = 0
                while self._clock.wait(FOLLOW_EVERY_S):
                    self._external.follow()
                    self._pushing.follow()
                    if self._apps is not None:
                        self._apps.follow()
                    looks += 1
                    if looks % MISSED_EVERY_LOOKS == 0:
                        self._find_missed()
        finally:
            ended = self._end()
        return ended

    def _find_missed(self) -> None:
        self._external.intake.find_missed()
        if self._sealing is not None:
            self._sealing.find_missed()

    def _begin(self) -> bool:
        """Collect the initial state, then begin to work; False when stopped before."""
        if self._sealing is not None:
            self._sealing.start()
        for reflector in self._reflectors:
            reflector.start()
        for reflector in self._reflectors:
            if not reflector.wait_synced():
                return False
        if self._paths is not None:
            self._paths.load()
        self._external.begin()
        if self._sealing is not None:
            self._sealing.begin()
        self._pushing.begin()
        self._external.begin_writing()
        if self._apps is not None:
            self._apps.begin()
        self._external.begin_refreshing()
        if self._paths is not None:
            self._paths.start()
        if self._orphans is not None:
            self._orphans.start()
        self._begun.set()
        return True

    def _end(self) -> bool:
        log.info("stopping")
        self._stop.set()
        self._external.stop()
        for part in self._parts:
            part.stop()
        ending = threading.Thread(target=self._end_parts, name="stop", daemon=True)
        ending.start()
        ending.join(STOP_WITHIN_S)
        if ending.is_alive():
            log.warning("stopped with work under way; the next start takes it up")
            return False
        return True

    def _end_parts(self) -> None:
        self._external.end_writing()
        for part in self._parts:
            part.end()
        if self._orphans is not None:
            self._orphans.join(timeout_s=2)
        self._statuses.close()
        self._external.end()
        self._pages.stop()
        for reflector in self._reflectors:
            reflector.join(timeout_s=2)
        self._external.join(timeout_s=2)

    def _writing_secrets(self) -> bool:
        return self._external.busy() or (self._sealing is not None and self._sealing.busy())

    def _wake(self, ref: ObjectRef) -> None:
        """Give an object a turn whose target another one has left."""
        if ref.kind != "SealedSecret":
            self._external.wake(ref)
        elif self._sealing is not None:
            self._sealing.wake(ref)

    def _store_changed(self, ref: ObjectRef) -> None:
        self._pushing.store_changed(ref)

    def _namespace_changed(self, event: WatchEvent) -> None:
        self._pushing.on_namespace(event)

    def _object_changed(self, event: WatchEvent) -> None:
        self._pushing.on_child(event)

    def _build_external(self, paths: PathObjects | None) -> ExternalPart:
        shared = ExternalShared(
            self._cluster,
            self._world,
            self.metrics,
            self._statuses,
            self._claims,
            self._clock,
            self._stop,
            wake=self._wake,
            store_changed=self._store_changed,
            namespace_changed=self._namespace_changed,
            object_changed=self._object_changed,
        )
        return ExternalPart(shared, self._settings, paths)

    def _build_pushing(self, paths: PathObjects | None, pushed: DirectoryPushes | None) -> PushPart:
        shared = PushShared(
            self._cluster,
            self._world,
            self.metrics,
            self._statuses,
            self._clock,
            self._stop,
            self._settings.namespace,
            pushed,
        )
        pushes = build_pushes(
            self._external.engine,
            self._cluster,
            listing=self._world,
            credentials=self._external.credentials,
            runner=self._external.runner,
            overlay=paths.overlay if paths else None,
        )
        return PushPart(shared, pushes, given=paths is not None)

    def _build_sealing(
        self, cluster: Cluster, paths: PathObjects | None, install_key: bytes | None
    ) -> SealingPart | None:
        settings = self._settings
        if settings.sealing is None:
            return None
        shared = SharedParts(
            cluster,
            self.metrics,
            self._statuses,
            self._claims,
            self._clock,
            self._stop,
            install_key,
            namespace=settings.namespace,
            workers=settings.concurrent,
            wake=self._wake,
            labels=paths.labels if paths else None,
            ready=lambda: self.ready,
        )
        return SealingPart(shared, settings.sealing)

    def _build_apps(self, paths: PathObjects | None, install_key: bytes | None) -> AppPart | None:
        """Objects of PATH are served alone."""
        settings = self._settings
        if settings.apps is None or paths is not None:
            return None
        return AppPart(
            self._cluster,
            self.metrics,
            self._clock,
            self._stop,
            settings.apps,
            install_key=install_key,
            namespace=settings.namespace,
        )

    def _build_paths(self, paths: PathObjects | None) -> PathWatcher | None:
        if paths is None:
            return None
        return PathWatcher(
            paths,
            self._external.intake,
            self._clock,
            self._stop,
            sealing=self._sealing,
            pushing=self._pushing,
            given=lambda manifests: self._pushing.generators_given(self._external.given(manifests)),
        )

    def _build_orphans(self, paths: PathObjects | None) -> Orphans | None:
        """Objects of PATH own nothing in the cluster, and its own are not served then."""
        if paths is not None:
            return None
        settings = self._settings
        kinds = ["ExternalSecret", *(["SealedSecret"] if settings.sealing else ())]
        kinds += () if settings.namespace else MAKERS
        return Orphans(
            self._cluster, self._claims, self._clock, kinds=kinds, namespace=settings.namespace
        )
