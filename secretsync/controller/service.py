"""The service: assembled from its parts, started in order, stopped within seconds."""

from __future__ import annotations

import logging
import threading

from secretsync.cluster.base import KINDS, Cluster, WatchEvent
from secretsync.controller.app_part import AppPart
from secretsync.controller.counting import CountingCluster
from secretsync.controller.dispatch import Dispatcher
from secretsync.controller.garbage import Garbage
from secretsync.controller.generator_watch import GeneratorWatches
from secretsync.controller.intake import Intake, Parts
from secretsync.controller.manifest_watch import ManifestWatches
from secretsync.controller.metrics import Metrics
from secretsync.controller.orphans import Orphans
from secretsync.controller.pages import ServicePages
from secretsync.controller.paths import PathObjects, PathWatcher
from secretsync.controller.push_part import PushPart, PushShared
from secretsync.controller.reconciler import Reconciler
from secretsync.controller.recorder import Recorder
from secretsync.controller.reflector import Reflector
from secretsync.controller.refreshing import Refresher
from secretsync.controller.sealing_part import SealingPart, SharedParts
from secretsync.controller.settings import Settings
from secretsync.controller.staleness import Staleness
from secretsync.controller.statuses import StatusWriter
from secretsync.controller.storecheck import StoreChecker
from secretsync.controller.targets import TargetCache
from secretsync.controller.world import World
from secretsync.core.secrets import MANAGED_LABEL, DesiredSecret
from secretsync.refresh.claims import Claims
from secretsync.refresh.clock import Clock
from secretsync.refresh.generating import GeneratorRunner
from secretsync.refresh.generator_objects import GivenGenerators
from secretsync.refresh.index import DependencyIndex
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.refresh.push_wiring import build_pushes
from secretsync.refresh.selectors import ClusterCredentials
from secretsync.refresh.wiring import Engine, Options, build_engine
from secretsync.resources.manifests import Manifests
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
    ) -> None:
        self._settings = settings
        self._stop = stop
        self._clock = clock or Clock(stop)
        self.metrics = Metrics()
        self._cluster = CountingCluster(cluster, self.metrics)
        self._world = World()
        self._targets = TargetCache()
        self._index = DependencyIndex()
        self._queue = LaneQueue(self._clock)
        self._claims = Claims()
        self._statuses = StatusWriter(self._cluster, self._clock, self._writing_secrets)
        self._given = GivenGenerators()
        self._credentials = ClusterCredentials(
            self._cluster, paths.overlay if paths else None, allowed=settings.allowed
        )
        self._runner = self._build_runner()
        self._engine = self._build_engine(paths)
        recorder = Recorder(self._cluster, self._statuses, self.metrics, self._clock)
        garbage = Garbage(self._cluster, self._engine.manifests.collect)
        reconciler = Reconciler(
            self._cluster,
            self._world,
            self._targets,
            self._queue,
            self._index,
            self._engine,
            recorder,
            self.metrics,
            garbage,
        )
        self._dispatcher = Dispatcher(self._queue, reconciler.process, reconciler.stores_of)
        self._store_checker = StoreChecker(
            self._world,
            self._engine.sessions,
            self._statuses,
            self.metrics,
            self._clock,
            settings.controller_class,
        )
        parts = Parts(
            self._cluster,
            self._world,
            self._targets,
            self._claims,
            self._queue,
            self._index,
            self._engine,
            recorder,
            reconciler,
            self.metrics,
            garbage,
            self._wake,
        )
        self._pushing = self._build_pushing(paths)
        self._intake = Intake(parts, self._store_changed)
        self._refresher = Refresher(
            self._world,
            self._index,
            self._queue,
            self._engine,
            self.metrics,
            self._clock,
            Staleness(self._world, recorder),
        )
        self._generators = self._build_generator_watches(recorder)
        self._manifests = self._build_manifest_watches()
        self._begun = threading.Event()
        self._sealing = self._build_sealing(cluster, paths, install_key)
        self._apps = self._build_apps(paths, install_key)
        self._paths = self._build_paths(paths)
        self._orphans = self._build_orphans(paths)
        self._reflectors = self._build_reflectors()
        self._pages = ServicePages(
            settings.metrics,
            settings.live,
            metrics=self.metrics,
            reflectors=self._reflectors,
            ready=lambda: self.ready,
            begun=self._begun.is_set,
        )
        self.metrics.gauge_from(
            "secretsync_store_age_seconds",
            "Seconds since a store was last compared with what was written.",
            ("store", "namespace", "interval"),
            self._refresher.ages,
        )
        self.metrics.gauge_from(
            "secretsync_queue_depth",
            "Objects that wait, by lane.",
            ("lane",),
            lambda: {(lane.name.lower(),): n for lane, n in self._queue.depths().items()},
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
                    self._refresher.follow()
                    self._generators.follow()
                    self._manifests.follow()
                    if self._pushing is not None:
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
        self._intake.find_missed()
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
        self._store_checker.start()
        self._intake.begin()
        if self._sealing is not None:
            self._sealing.begin()
        if self._pushing is not None:
            self._pushing.begin()
        self._dispatcher.start()
        if self._apps is not None:
            self._apps.begin()
        self._refresher.start()
        if self._paths is not None:
            self._paths.start()
        if self._orphans is not None:
            self._orphans.start()
        self._begun.set()
        return True

    def _end(self) -> bool:
        log.info("stopping")
        self._stop.set()
        self._refresher.stop()
        self._queue.close()
        if self._sealing is not None:
            self._sealing.stop()
        if self._pushing is not None:
            self._pushing.stop()
        if self._apps is not None:
            self._apps.stop()
        ending = threading.Thread(target=self._end_parts, name="stop", daemon=True)
        ending.start()
        ending.join(STOP_WITHIN_S)
        if ending.is_alive():
            log.warning("stopped with work under way; the next start takes it up")
            return False
        return True

    def _end_parts(self) -> None:
        self._dispatcher.close()
        self._store_checker.close()
        if self._sealing is not None:
            self._sealing.end()
        if self._pushing is not None:
            self._pushing.end()
        if self._apps is not None:
            self._apps.end()
        if self._orphans is not None:
            self._orphans.join(timeout_s=2)
        self._statuses.close()
        self._engine.close()
        self._pages.stop()
        for reflector in self._reflectors:
            reflector.join(timeout_s=2)
        self._generators.join(timeout_s=2)
        self._manifests.join(timeout_s=2)

    def _writing_secrets(self) -> bool:
        depths = self._queue.depths()
        busy = bool(depths[Lane.ROTATION] + depths[Lane.NEW]) or self._queue.working > 0
        return busy or (self._sealing is not None and self._sealing.busy())

    def _wake(self, ref: ObjectRef) -> None:
        """Give an object a turn whose target another one has left."""
        if ref.kind != "SealedSecret":
            self._queue.add(ref, Lane.NEW)
        elif self._sealing is not None:
            self._sealing.wake(ref)

    def _store_changed(self, ref: ObjectRef) -> None:
        self._store_checker.submit(ref)
        if self._pushing is not None:
            self._pushing.store_changed(ref)

    def _on_namespace(self, event: WatchEvent) -> None:
        self._intake.on_namespace(event)
        if self._pushing is not None:
            self._pushing.namespaces_changed()

    def _on_external_secret(self, event: WatchEvent) -> None:
        self._intake.on_external_secret(event)
        if self._pushing is not None:
            self._pushing.on_child(event)

    def _build_pushing(self, paths: PathObjects | None) -> PushPart | None:
        """Objects of PATH are served alone; pushes of PATH are `sync`'s."""
        if paths is not None:
            return None
        shared = PushShared(
            self._cluster,
            self._world,
            self.metrics,
            self._statuses,
            self._clock,
            self._stop,
            self._settings.namespace,
        )
        pushes = build_pushes(
            self._engine,
            self._cluster,
            listing=self._world,
            credentials=self._credentials,
            runner=self._runner,
        )
        return PushPart(shared, pushes)

    def _build_runner(self) -> GeneratorRunner:
        return GeneratorRunner.of(
            self._cluster,
            self._given,
            self._credentials,
            self._clock,
            controller_class=self._settings.controller_class,
            count=self.metrics.provider_call,
        )

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

        def given(manifests: Manifests) -> None:
            self._generators.given(self._given.replace(manifests))

        return PathWatcher(
            paths, self._intake, self._clock, self._stop, sealing=self._sealing, given=given
        )

    def _build_generator_watches(self, recorder: Recorder) -> GeneratorWatches:
        def edited(user: ObjectRef) -> None:
            self._engine.generations.renew(user)
            self._queue.add(user, Lane.NEW)

        def appeared(user: ObjectRef) -> None:
            entry = self._world.item(user)
            if entry is not None and recorder.status(entry.item).ready != "True":
                self._queue.add(user, Lane.NEW)

        return GeneratorWatches(
            self._cluster,
            self._world,
            self._clock,
            self._stop,
            edited=edited,
            appeared=appeared,
            namespace=self._settings.namespace,
        )

    def _build_manifest_watches(self) -> ManifestWatches:
        return ManifestWatches(
            self._cluster,
            self._world,
            self._claims,
            self._engine.manifests,
            self._clock,
            self._stop,
            drifted=lambda item: self._intake.drifted(item, item.target.name),
            namespace=self._settings.namespace,
        )

    def _build_orphans(self, paths: PathObjects | None) -> Orphans | None:
        """Objects of PATH own nothing in the cluster, and its own are not served then."""
        if paths is not None:
            return None
        settings = self._settings
        kinds = ["ExternalSecret"] + (["SealedSecret"] if settings.sealing else [])
        return Orphans(
            self._cluster, self._claims, self._clock, kinds=kinds, namespace=settings.namespace
        )

    def _build_engine(self, paths: PathObjects | None) -> Engine:
        def known_absent(namespace: str, name: str) -> bool:
            return self._targets.get((namespace, name)) is None

        def intend(desired: DesiredSecret) -> None:
            self._targets.expect(
                (desired.namespace, desired.name),
                desired.data,
                exclusive=not desired.keep_foreign_keys and not desired.hold_removals,
            )

        return build_engine(
            self._cluster,
            lookup=self._world,
            credentials=self._credentials,
            siblings=self._world,
            claims=self._claims,
            clock=self._clock,
            options=Options(
                controller_class=self._settings.controller_class,
                one_shot=False,
                labels=paths.labels if paths else None,
                known_absent=known_absent,
                intend=intend,
                count=self.metrics.provider_call,
                workers=self._settings.concurrent,
                generators=self._runner,
                generic_targets=self._settings.allowed.generic_targets,
            ),
        )

    def _build_reflectors(self) -> list[Reflector]:
        namespace = self._settings.namespace
        watched = [
            ("Secret", self._intake.on_secret, f"{MANAGED_LABEL}=true"),
            ("SecretStore", self._intake.on_store, ""),
        ]
        if not namespace:
            watched.append(("Namespace", self._on_namespace, ""))
            watched.append(("ClusterSecretStore", self._intake.on_store, ""))
        if self._paths is None:
            watched.append(("ExternalSecret", self._on_external_secret, ""))
        own = [
            Reflector(
                self._cluster,
                KINDS[kind],
                handle,
                self._clock,
                self._stop,
                namespace=namespace,
                label_selector=selector,
            )
            for kind, handle, selector in watched
        ]
        own += self._pushing.reflectors if self._pushing else []
        own += self._apps.reflectors if self._apps else []
        return own + (self._sealing.reflectors if self._sealing else [])
