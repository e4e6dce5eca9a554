"""The ExternalSecret part of the service, assembled: stores, refreshes, generators, targets.

The other parts lean on it: they share its cluster and stores, and `push_part` its sessions.
Neighbours: `external_engine` makes what writes Secrets; `service` starts and stops this, as
`sealing_part`, `push_part` and `app_part`.
"""

from __future__ import annotations

from secretsync.cluster.base import KINDS, WatchEvent
from secretsync.controller.dispatch import Dispatcher
from secretsync.controller.external_engine import ExternalShared, external_engine
from secretsync.controller.garbage import Garbage
from secretsync.controller.generator_watch import GeneratorWatches
from secretsync.controller.intake import Intake, Parts
from secretsync.controller.manifest_watch import ManifestWatches
from secretsync.controller.paths import PathObjects
from secretsync.controller.reconciler import Reconciler
from secretsync.controller.recorder import Recorder
from secretsync.controller.reflector import Reflector
from secretsync.controller.refreshing import Refresher
from secretsync.controller.settings import Settings
from secretsync.controller.staleness import Staleness
from secretsync.controller.storecheck import StoreChecker
from secretsync.controller.targets import TargetCache
from secretsync.core.secrets import MANAGED_LABEL
from secretsync.refresh.generating import GeneratorRunner
from secretsync.refresh.generator_objects import GivenGenerators
from secretsync.refresh.index import DependencyIndex
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.refresh.selectors import ClusterCredentials
from secretsync.resources.manifests import Manifests
from secretsync.resources.meta import ObjectRef

__all__ = ["ExternalPart", "ExternalShared"]


class ExternalPart:
    """Started and stopped by the service.

    Args:
        paths: objects of PATH to serve instead of the cluster's.
    """

    def __init__(
        self, shared: ExternalShared, settings: Settings, paths: PathObjects | None
    ) -> None:
        self._shared = shared
        self._settings = settings
        self._given = GivenGenerators()
        self._targets = TargetCache()
        self._index = DependencyIndex()
        self._queue = LaneQueue(shared.clock)
        self.credentials = ClusterCredentials(
            shared.cluster, paths.overlay if paths else None, allowed=settings.allowed
        )
        self.runner = self._build_runner()
        self.engine = external_engine(
            shared,
            settings,
            self._targets,
            credentials=self.credentials,
            runner=self.runner,
            labels=paths.labels if paths else None,
        )
        recorder = Recorder(shared.cluster, shared.statuses, shared.metrics, shared.clock)
        garbage = Garbage(shared.cluster, self.engine.manifests.collect)
        reconciler = Reconciler(
            shared.cluster,
            shared.world,
            self._targets,
            self._queue,
            self._index,
            self.engine,
            recorder,
            shared.metrics,
            garbage,
        )
        self._dispatcher = Dispatcher(self._queue, reconciler.process, reconciler.stores_of)
        self._store_checker = StoreChecker(
            shared.world,
            self.engine.sessions,
            shared.statuses,
            shared.metrics,
            shared.clock,
            settings.controller_class,
            refused=self._refused,
        )
        self._recorder = recorder
        self.engine.denials.tell(self._store_checker.submit_later)
        parts = Parts(
            shared.cluster,
            shared.world,
            self._targets,
            shared.claims,
            self._queue,
            self._index,
            self.engine,
            recorder,
            reconciler,
            shared.metrics,
            garbage,
            shared.wake,
        )
        self.intake = Intake(parts, self._store_changed)
        self._refresher = Refresher(
            shared.world,
            self._index,
            self._queue,
            self.engine,
            shared.metrics,
            shared.clock,
            Staleness(shared.world, recorder),
        )
        self._generators = self._build_generator_watches(recorder)
        self._manifests = self._build_manifest_watches()
        self.reflectors = self._build_reflectors(from_paths=paths is not None)
        self._show_gauges()

    def begin(self) -> None:
        """Begin to work: the watches have their initial state."""
        self._store_checker.start()
        self.intake.begin()

    def begin_writing(self) -> None:
        """Write Secrets: every other part knows what it holds."""
        self._dispatcher.start()

    def begin_refreshing(self) -> None:
        """Compare stores with what was written."""
        self._refresher.start()

    def follow(self) -> None:
        """Keep ticks and watches those that the objects need."""
        self._refresher.follow()
        self._generators.follow()
        self._manifests.follow()

    def given(self, manifests: Manifests) -> frozenset[ObjectRef]:
        """Serve the generators of PATH as they now are; returns those that changed."""
        changed = self._given.replace(manifests)
        self._generators.given(changed)
        return changed

    def wake(self, ref: ObjectRef) -> None:
        """Give an object a turn whose target another one has left."""
        self._queue.add(ref, Lane.NEW)

    def busy(self) -> bool:
        """Return whether Secrets that somebody waits for are being written."""
        depths = self._queue.depths()
        return bool(depths[Lane.ROTATION] + depths[Lane.NEW]) or self._queue.working > 0

    def stop(self) -> None:
        """Take on nothing more."""
        self._refresher.stop()
        self._queue.close()

    def end_writing(self) -> None:
        """Wait for the work under way."""
        self._dispatcher.close()
        self._store_checker.close()

    def end(self) -> None:
        """Close the sessions with stores; nobody uses them any more."""
        self.engine.close()

    def join(self, *, timeout_s: float) -> None:
        """Wait for the watches that come and go with the objects, each at most so long."""
        self._generators.join(timeout_s=timeout_s)
        self._manifests.join(timeout_s=timeout_s)

    def _refused(self, store: ObjectRef) -> str:
        """Return how a store refuses its users; "" where one of them is synced, or none is."""
        entries = map(self._shared.world.item, self._shared.world.users(store))
        said = {self._recorder.status(entry.item).ready for entry in entries if entry is not None}
        return self.engine.denials.of(store) if said and "True" not in said else ""

    def _store_changed(self, ref: ObjectRef) -> None:
        self.engine.denials.forget(ref)
        self._store_checker.submit(ref)
        self._shared.store_changed(ref)

    def _on_namespace(self, event: WatchEvent) -> None:
        self.intake.on_namespace(event)
        self._shared.namespace_changed(event)

    def _on_external_secret(self, event: WatchEvent) -> None:
        self.intake.on_external_secret(event)
        self._shared.object_changed(event)

    def _show_gauges(self) -> None:
        metrics = self._shared.metrics
        metrics.gauge_from(
            "secretsync_store_age_seconds",
            "Seconds since a store was last compared with what was written.",
            ("store", "namespace", "interval"),
            self._refresher.ages,
        )
        metrics.gauge_from(
            "secretsync_queue_depth",
            "Objects that wait, by lane.",
            ("lane",),
            lambda: {(lane.name.lower(),): n for lane, n in self._queue.depths().items()},
        )

    def _build_runner(self) -> GeneratorRunner:
        return GeneratorRunner.of(
            self._shared.cluster,
            self._given,
            self.credentials,
            self._shared.clock,
            controller_class=self._settings.controller_class,
            count=self._shared.metrics.provider_call,
        )

    def _build_generator_watches(self, recorder: Recorder) -> GeneratorWatches:
        def edited(user: ObjectRef) -> None:
            self.engine.generations.renew(user)
            self._queue.add(user, Lane.NEW)

        def appeared(user: ObjectRef) -> None:
            entry = self._shared.world.item(user)
            if entry is not None and recorder.status(entry.item).ready != "True":
                self._queue.add(user, Lane.NEW)

        return GeneratorWatches(
            self._shared.cluster,
            self._shared.world,
            self._shared.clock,
            self._shared.stop,
            edited=edited,
            appeared=appeared,
            namespace=self._settings.namespace,
        )

    def _build_manifest_watches(self) -> ManifestWatches:
        return ManifestWatches(
            self._shared.cluster,
            self._shared.world,
            self._shared.claims,
            self.engine.manifests,
            self._shared.clock,
            self._shared.stop,
            drifted=lambda item: self.intake.drifted(item, item.target.name),
            namespace=self._settings.namespace,
        )

    def _build_reflectors(self, *, from_paths: bool) -> list[Reflector]:
        namespace = self._settings.namespace
        watched = [
            ("Secret", self.intake.on_secret, f"{MANAGED_LABEL}=true"),
            ("SecretStore", self.intake.on_store, ""),
        ]
        if not namespace:
            watched.append(("Namespace", self._on_namespace, ""))
            watched.append(("ClusterSecretStore", self.intake.on_store, ""))
        if not from_paths:
            watched.append(("ExternalSecret", self._on_external_secret, ""))
        return [
            Reflector(
                self._shared.cluster,
                KINDS[kind],
                handle,
                self._shared.clock,
                self._shared.stop,
                namespace=namespace,
                label_selector=selector,
            )
            for kind, handle, selector in watched
        ]
