"""Runs each group's ticks, and hands what they find to the queue."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from providers.base import AuthFailed, ProviderError
from secretsync.controller.metrics import Metrics
from secretsync.controller.staleness import Staleness
from secretsync.controller.sync_gate import SyncGate
from secretsync.controller.world import World
from secretsync.errors import ClusterError, ConfigError
from secretsync.refresh.clock import Clock
from secretsync.refresh.index import DependencyIndex, GroupKey
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.refresh.scheduler import GroupScheduler
from secretsync.refresh.sessions import StoreSession
from secretsync.refresh.ticks import Ticker
from secretsync.refresh.wiring import Engine
from secretsync.resources.external_secret import StoreRef
from secretsync.resources.meta import ObjectRef

__all__ = ["Refresher"]

log = logging.getLogger(__name__)


class Refresher:
    """Keeps one scheduled job per group in step with the index."""

    def __init__(
        self,
        world: World,
        index: DependencyIndex,
        queue: LaneQueue,
        engine: Engine,
        metrics: Metrics,
        clock: Clock,
        staleness: Staleness,
    ) -> None:
        self._world = world
        self._index = index
        self._queue = queue
        self._engine = engine
        self._metrics = metrics
        self._clock = clock
        self._staleness = staleness
        self._ticker = Ticker(index, engine.fetcher, engine.lister, clock)
        self._scheduler = GroupScheduler(self.tick)
        self._gate = SyncGate(queue, clock)
        self._lock = threading.Lock()
        self._good_at_s: dict[GroupKey, float] = {}

    def start(self) -> None:
        """Begin to schedule; groups found settled at start are compared at once."""
        for group in self._index.groups():
            self.tick(group)
        self._scheduler.start()
        self.follow()

    def follow(self) -> None:
        """Make the jobs those of the groups there are now."""
        groups = self._index.groups()
        self._scheduler.keep(groups)
        self._ticker.forget(groups)
        self._staleness.keep_only(groups)
        now_s = self._clock.monotonic_s()
        with self._lock:
            self._good_at_s = {group: self._good_at_s.get(group, now_s) for group in groups}

    def stop(self) -> None:
        """Stop scheduling."""
        self._scheduler.stop()

    def ages(self) -> Mapping[tuple[str, ...], float]:
        """Return seconds since each group was last compared with its store, by labels."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            return {
                (
                    str(group.session.store),
                    group.session.namespace,
                    f"{group.interval_s:g}",
                ): now_s - good_at_s
                for group, good_at_s in self._good_at_s.items()
            }

    def tick(self, group: GroupKey) -> None:
        """Run one tick; every fault is a log line and leaves everything as it is."""
        try:
            self._tick(group)
        except (ProviderError, ClusterError, ConfigError) as exc:
            self._report(group, exc)
        except Exception as exc:
            log.exception("tick failed", extra={"store": str(group.session.store)}, exc_info=exc)

    def _tick(self, group: GroupKey) -> None:
        session = self._session(group)
        if session is None:
            return
        result = self._ticker.tick(group, session)
        if result.error is not None:
            if isinstance(result.error, AuthFailed):
                self._engine.sessions.forget(session.key, only=session)
            self._report(group, result.error)
        else:
            self._staleness.recovered(group)
            with self._lock:
                self._good_at_s[group] = self._clock.monotonic_s()
        self._metrics.reads_avoided(result.compared)
        self._admit(result.moved | self._templates_moved(group), Lane.ROTATION)
        self._admit(result.unread, Lane.DUE)

    def _admit(self, users: frozenset[ObjectRef], lane: Lane) -> None:
        for user in users:
            entry = self._world.item(user)
            if entry is not None:
                self._gate.admit(entry.item, lane)

    def _templates_moved(self, group: GroupKey) -> frozenset[ObjectRef]:
        """Return whose templates have another text now, in a ConfigMap or a Secret."""
        users = self._index.users(group, self._index.needs(group))
        entries = (self._world.item(user) for user in users)
        return self._engine.templates.moved(entry.item for entry in entries if entry is not None)

    def _session(self, group: GroupKey) -> StoreSession | None:
        member = self._index.member(group)
        if member is None:
            return None
        store = group.session.store
        found = self._engine.catalog.find(StoreRef(store.name, store.kind), member.namespace)
        return self._engine.sessions.session(found, member.namespace)

    def _report(self, group: GroupKey, error: ProviderError | ClusterError | ConfigError) -> None:
        log.warning(
            "store not compared",
            extra={"store": str(group.session.store), "cause": error.message},
        )
        self._staleness.failed(group, self._index.users(group, self._index.needs(group)), error)
