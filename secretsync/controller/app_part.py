"""The part of the service that serves Applications, assembled.

It has its own queue and threads: an application that waits for a repository holds up no
Secret. Neighbours: `app_loop` works, `app_watches` notices drift, `service` starts it.
"""

from __future__ import annotations

import logging
import secrets
import threading

from secretsync.cluster.base import KINDS, WatchEvent, WatchEventType
from secretsync.controller.app_items import AppItems
from secretsync.controller.app_loop import REFRESH, AppLoop
from secretsync.controller.app_recorder import AppMetrics, AppRecorder
from secretsync.controller.app_settings import AppSettings
from secretsync.controller.app_watches import AppWatches
from secretsync.controller.counting import CountingCluster
from secretsync.controller.event_writer import EventWriter
from secretsync.controller.metrics import Metrics
from secretsync.controller.reflector import Reflector
from secretsync.core.fingerprints import Fingerprinter
from secretsync.errors import SecretSyncError
from secretsync.gitops.app_store import parsed
from secretsync.gitops.assembly import build_engine
from secretsync.gitops.model import ObjectKey
from secretsync.refresh.clock import Clock
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.resources.meta import ObjectRef

__all__ = ["AppPart"]

log = logging.getLogger(__name__)

FOLLOW_EVERY_S = 0.5
JOIN_WITHIN_S = 2.0


class AppPart:
    """Started and stopped by the service.

    Args:
        install_key: fingerprints are made with it; None makes them for this run only.
        namespace: of the Applications; "" for all.
    """

    def __init__(
        self,
        cluster: CountingCluster,
        metrics: Metrics,
        clock: Clock,
        stop: threading.Event,
        settings: AppSettings,
        *,
        install_key: bytes | None,
        namespace: str,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._stop = stop
        self._items = AppItems()
        self._queue = LaneQueue(clock)
        self._built = build_engine(
            cluster,
            Fingerprinter(install_key or secrets.token_bytes(32)),
            cache_dir=settings.cache_dir,
            local=settings.local,
            now=clock.now,
            wait=clock.wait,
        )
        self._events = EventWriter(cluster, clock, lambda: False)
        self._recorder = AppRecorder(self._events, AppMetrics(metrics.registry))
        self._loop = AppLoop(
            cluster,
            self._built.engine,
            self._items,
            self._queue,
            self._recorder,
            clock,
            workers=settings.workers,
        )
        self._watches = AppWatches(cluster, self._items, clock, stop, touched=self._touched)
        self.reflectors = [
            Reflector(
                cluster,
                KINDS["Application"],
                self._on_application,
                clock,
                stop,
                namespace=namespace,
                optional=True,
            )
        ]
        self._poller = threading.Thread(target=self._poll, name="poll", daemon=True)

    @property
    def objects(self) -> int:
        """How many Applications there are."""
        return len(self._items.all())

    def begin(self) -> None:
        """Begin to work: the initial state has been collected."""
        self._events.start()
        self._watches.follow()
        self._loop.start()
        self._poller.start()

    def follow(self) -> None:
        """Watch kinds that came up since."""
        self._watches.follow()

    def stop(self) -> None:
        """Take no more work; what is under way goes on."""
        self._queue.close()
        for _, item in self._items.all():
            item.interrupt = ""

    def end(self) -> None:
        """Wait for what is under way, after `stop`."""
        self._loop.close()
        self._events.close()
        self._watches.join(JOIN_WITHIN_S)
        if self._poller.is_alive():
            self._poller.join(JOIN_WITHIN_S)
        self._built.close()

    def _on_application(self, event: WatchEvent) -> None:
        metadata = event.object.get("metadata") or {}
        ref = ObjectRef("Application", metadata.get("namespace", ""), metadata.get("name", ""))
        served = self._settings.namespaces
        if served and ref.namespace not in served:
            return
        if event.type is WatchEventType.DELETED:
            self._items.remove(ref)
            self._queue.forget(ref)
            self._recorder.forgotten(ref.namespace, ref.name)
            return
        if self._items.put(ref, event.object):
            if (metadata.get("annotations") or {}).get(REFRESH):
                self._built.renderer.forget()
            self._queue.add(ref, Lane.NEW)

    def _touched(self, key: ObjectKey) -> None:
        ref = self._items.touch(key)
        if ref is not None:
            self._queue.add(ref, Lane.NEW)

    def _poll(self) -> None:
        """Ask each repository once a round, and look at applications that it concerns."""
        while self._clock.wait(self._settings.poll_interval_s):
            try:
                self._round()
            except Exception as exc:
                log.exception("poll failed", exc_info=exc)

    def _round(self) -> None:
        self._built.renderer.forget()
        for ref, item in self._items.all():
            app, _ = parsed(item.raw, where="")
            if app is None:
                continue
            try:
                wanted, failure = self._built.renderer.resolve(app), ""
            except SecretSyncError as exc:
                wanted, failure = item.wanted, exc.message
            moved = bool(item.wanted) and wanted != item.wanted
            if moved and item.automatic:
                item.interrupt = "superseded by a newer commit"
            if moved or failure != item.failure or not item.wanted:
                first = not item.wanted and not failure
                item.wanted, item.failure = wanted, failure
                seen = item.look is not None and item.look.wanted == wanted
                if not (first and seen):
                    self._queue.add(ref, Lane.NEW)
