"""The sealing part of the service, assembled: keys, SealedSecrets, and what kubeseal asks.

It shares cluster, statuses, claims and metrics with the rest of `service`, and has its
own queue and threads: a thousand SealedSecrets do not hold up an ExternalSecret.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from secretsync.cluster.base import KINDS, Cluster
from secretsync.controller.bounded_http import BoundedServer
from secretsync.controller.counting import CountingCluster
from secretsync.controller.event_writer import EventWriter
from secretsync.controller.garbage import Garbage
from secretsync.controller.metrics import Metrics
from secretsync.controller.rate_limits import RateLimiter
from secretsync.controller.reflector import Reflector
from secretsync.controller.ring import RingKeeper
from secretsync.controller.sealed_intake import SealedIntake
from secretsync.controller.sealed_loop import SealedItems, SealedLoop
from secretsync.controller.sealed_metrics import SealedMetrics
from secretsync.controller.sealed_recorder import SealedRecorder
from secretsync.controller.sealed_targets import SealedTargets
from secretsync.controller.sealing_desk import SealingDesk
from secretsync.controller.sealing_http import sealing_route
from secretsync.controller.sealing_settings import SealingSettings
from secretsync.controller.statuses import StatusWriter
from secretsync.refresh.applying import Applier
from secretsync.refresh.claims import Claims
from secretsync.refresh.clock import Clock
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.resources.meta import ObjectRef
from secretsync.resources.sealed_secret import SealedSecret
from secretsync.sealed.key_store import KeyStore
from secretsync.sealed.unsealing import SealedOptions, Unsealer

__all__ = ["SealingPart", "SharedParts"]

log = logging.getLogger(__name__)

#: How long the service waits at its start for the keys: making the first takes seconds.
KEYS_WITHIN_S = 30.0
JOIN_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True)
class SharedParts:
    """What the sealing part shares with the rest of the service.

    Args:
        cluster: not counted yet.
        install_key: digests on Secrets are made with it; None makes none.
        namespace: that is served; "" for all.
        workers: threads that look, plan and write.
        wake: give a claimant of another kind a turn.
        labels: put on what is made, where SealedSecrets come from PATH; then those of
            the cluster are not served. None serves those of the cluster.
        ready: whether the service works.
    """

    cluster: Cluster
    metrics: Metrics
    statuses: StatusWriter
    claims: Claims
    clock: Clock
    stop: threading.Event
    install_key: bytes | None
    namespace: str
    workers: int
    wake: Callable[[ObjectRef], None]
    labels: Mapping[str, str] | None
    ready: Callable[[], bool]


class SealingPart:
    """Started and stopped by the service."""

    def __init__(self, shared: SharedParts, settings: SealingSettings) -> None:
        self._shared = shared
        self._settings = settings
        self._metrics = SealedMetrics(shared.metrics.registry, names_objects=settings.names_objects)
        self._targets = SealedTargets()
        self._items = SealedItems()
        self._queue = LaneQueue(shared.clock)
        self._cluster = CountingCluster(
            shared.cluster, shared.metrics, touched=self._targets.touched
        )
        self._keeper = self._build_keeper()
        self._unsealer = self._build_unsealer()
        self._events = EventWriter(self._cluster, shared.clock, self.busy)
        self._recorder = SealedRecorder(
            self._events,
            shared.statuses,
            self._metrics,
            shared.clock,
            update_status=settings.update_status,
        )
        garbage = Garbage(self._cluster)
        self._loop = SealedLoop(
            self._items,
            self._targets,
            self._queue,
            self._keeper,
            self._unsealer,
            self._recorder,
            garbage,
            shared.clock,
            drifted=shared.metrics.drifted,
        )
        self._intake = SealedIntake(
            self._cluster,
            self._items,
            self._targets,
            shared.claims,
            self._queue,
            self._loop,
            self._recorder,
            self._metrics,
            garbage,
            recreates=settings.recreates,
            wake=shared.wake,
        )
        self.reflectors = self._build_reflectors()
        self._server = self._build_server()
        shared.metrics.gauge_from(
            "secretsync_sealed_queue_depth",
            "SealedSecrets that wait, by lane.",
            ("lane",),
            lambda: {(lane.name.lower(),): n for lane, n in self._queue.depths().items()},
        )

    @property
    def port(self) -> int:
        """The port that kubeseal asks, 0 where none is served."""
        return self._server.port if self._server else 0

    @property
    def objects(self) -> int:
        """How many SealedSecrets there are."""
        return len(self._items)

    def busy(self) -> bool:
        """Whether Secrets are being written."""
        if self._queue.working:
            return True
        depths = self._queue.depths()
        return bool(depths[Lane.ROTATION] + depths[Lane.NEW])

    def wake(self, ref: ObjectRef) -> None:
        """Give a SealedSecret a turn: another claimant of its Secret went away."""
        self._queue.add(ref, Lane.NEW)

    def put(self, item: SealedSecret) -> None:
        """Take in a SealedSecret of PATH, and look at it where it differs."""
        self._intake.put(item)

    def remove(self, ref: ObjectRef) -> None:
        """Forget a SealedSecret of PATH; its Secret stays."""
        self._intake.remove(ref)

    def find_missed(self) -> None:
        """Notice Secrets that went away before the watch ever showed them."""
        self._intake.find_missed()

    def use_install_key(self, key: bytes) -> None:
        """Make digests with a key that came after the start."""
        self._unsealer.use_digest_key(key)

    def renew_key(self) -> None:
        """Make a new sealing key now."""
        self._keeper.renew()

    def start(self) -> None:
        """Begin to load the keys and to answer kubeseal."""
        self._keeper.start()
        self._events.start()
        if self._server is not None:
            self._server.start()

    def begin(self) -> None:
        """Begin to unseal: the initial state has been collected."""
        self._keeper.wait_tried(KEYS_WITHIN_S)
        self._intake.begin()
        self._loop.start()

    def stop(self) -> None:
        """Take no more work; what is under way goes on."""
        self._queue.close()
        self._keeper.close()

    def end(self) -> None:
        """Wait for what is under way, after `stop`."""
        self._loop.join(JOIN_WITHIN_S)
        self._unsealer.close()
        self._events.close()
        if self._server is not None:
            self._server.stop()
        self._keeper.join(JOIN_WITHIN_S)

    def _build_keeper(self) -> RingKeeper:
        shared, settings = self._shared, self._settings
        store = KeyStore(
            # Not the counting one: a directory's store of keys is asked for broken files.
            shared.cluster,
            settings.namespace,
            key_prefix=settings.key_prefix,
            order=settings.order,
            clock=shared.clock,
        )
        return RingKeeper(
            store,
            settings.renewing,
            shared.clock,
            self._metrics,
            changed=self._keys_changed,
        )

    def _keys_changed(self) -> None:
        self._loop.keys_changed()

    def _build_unsealer(self) -> Unsealer:
        options = SealedOptions(
            digest_key=self._shared.install_key,
            labels=self._shared.labels,
            accept_v1_data=self._settings.accept_v1_data,
            workers=self._shared.workers,
        )
        applier = Applier(self._cluster, known_absent=self._targets.absent)
        return Unsealer(applier, self._shared.claims, options=options)

    def _build_reflectors(self) -> list[Reflector]:
        shared, intake, keeper = self._shared, self._intake, self._keeper
        secret = KINDS["Secret"]
        sealed = Reflector(
            self._cluster,
            KINDS["SealedSecret"],
            intake.on_sealed_secret,
            shared.clock,
            shared.stop,
            namespace=shared.namespace,
            label_selector=self._settings.label_selector,
            optional=True,
        )
        return [
            *([sealed] if shared.labels is None else []),
            Reflector(
                self._cluster,
                secret,
                intake.on_secret,
                shared.clock,
                shared.stop,
                namespace=shared.namespace,
                metadata_only=True,
                interest=self._targets.claims,
                optional=True,
                listing=self._targets.listing,
                listed=intake.on_secrets_listed,
                # Claimed before the list, a Secret that it lacks is known to be absent:
                # it is created without a look.
                after=sealed if shared.labels is None else None,
            ),
            Reflector(
                self._cluster,
                secret,
                keeper.on_secret,
                shared.clock,
                shared.stop,
                namespace=self._settings.namespace,
                metadata_only=True,
                interest=keeper.follows,
                optional=True,
                listed=lambda _: keeper.look(),
            ),
        ]

    def _build_server(self) -> BoundedServer | None:
        shared, settings = self._shared, self._settings
        if settings.address is None:
            return None
        desk = SealingDesk(self._keeper, shared.clock, accept_v1_data=settings.accept_v1_data)
        limiter = RateLimiter(settings.rate_per_s, settings.burst)
        route = sealing_route(
            desk, limiter, shared.clock, ready=shared.ready, observer=self._metrics
        )
        return BoundedServer(settings.address, route)
