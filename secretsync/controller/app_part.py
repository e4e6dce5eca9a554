"""The part of the service that serves Applications, assembled.

It has its own queue and threads: an application that waits for a repository holds up no
Secret. Neighbours: `app_loop` works, `app_watches` notices drift, `service` starts it.
"""

from __future__ import annotations

import logging
import secrets
import threading

from secretsync.cluster.base import KINDS, WatchEvent, WatchEventType
from secretsync.controller.app_items import AppItem, AppItems
from secretsync.controller.app_loop import AppLoop
from secretsync.controller.app_metrics import AppMetrics
from secretsync.controller.app_recorder import AppRecorder
from secretsync.controller.app_settings import AppSettings
from secretsync.controller.app_watches import AppWatches
from secretsync.controller.argo_watch import running_argo
from secretsync.controller.counting import CountingCluster
from secretsync.controller.event_writer import EventWriter
from secretsync.controller.metrics import Metrics
from secretsync.controller.reflector import Reflector
from secretsync.core.fingerprints import Fingerprinter
from secretsync.errors import ClusterError, SecretSyncError
from secretsync.gitops.assembly import build_engine
from secretsync.gitops.model import ObjectKey
from secretsync.gitops.processes.confinement import unconfined_because
from secretsync.gitops.projects.permitting import Projects, ProjectsOnce
from secretsync.refresh.clock import Clock
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.resources.application import Application
from secretsync.resources.meta import ObjectRef

__all__ = ["AppPart"]

log = logging.getLogger(__name__)

JOIN_WITHIN_S = 2.0
UNKNOWN = "unknown"


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
        self._cluster = cluster
        #: Who serves the Applications instead; "" for nobody.
        self._served_by = UNKNOWN
        self._namespaces = settings.namespaces or ((namespace,) if namespace else ())
        self._clock = clock
        self._stop = stop
        self._items = AppItems()
        self._items.held = "nobody has looked yet whether Argo CD runs"
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
        counts = AppMetrics(metrics.registry)
        counts.show_work(
            git=lambda: self._built.git.verbs, renders=lambda: self._built.renderer.renders
        )
        self._recorder = AppRecorder(self._events, counts)
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
            ),
            Reflector(
                cluster,
                KINDS["AppProject"],
                self._on_project,
                clock,
                stop,
                namespace=namespace,
                optional=True,
            ),
        ]
        self._poller = threading.Thread(target=self._poll, name="poll", daemon=True)

    @property
    def objects(self) -> int:
        """How many Applications there are."""
        return len(self._items.all())

    def begin(self) -> None:
        """Begin to work: the initial state has been collected."""
        if reason := unconfined_because():
            log.warning("kustomize and helm can reach the network", extra={"cause": reason})
        self._events.start()
        self._give_way()
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
            self._queue.add(ref, Lane.NEW)

    def _on_project(self, event: WatchEvent) -> None:
        """Look again at the applications of a project that came, changed or went.

        Those of other namespaces too: the control plane's projects are theirs.
        """
        name = (event.object.get("metadata") or {}).get("name")
        for ref, item in self._items.all():
            wanted = (item.raw.get("spec") or {}).get("project") or "default"
            if wanted == name:
                self._queue.add(ref, Lane.NEW)

    def _touched(self, key: ObjectKey) -> None:
        ref = self._items.touch(key)
        if ref is not None:
            self._queue.add(ref, Lane.NEW)

    def _give_way(self) -> bool:
        """Return whether somebody else serves the Applications: then they are left alone."""
        try:
            found = running_argo(self._cluster, self._namespaces) or ""
        except ClusterError as exc:
            log.warning("cannot tell whether Argo CD runs", extra={"cause": exc.message})
            return bool(self._served_by)
        before, self._served_by = self._served_by, found
        if found and found != before:
            log.warning(
                "Applications are not served: Argo CD's application controller runs",
                extra={"remedy": f"kubectl scale {found} --replicas=0, or --no-applications"},
            )
            self._items.held = "Argo CD's application controller runs"
        elif before and not found:
            log.info("Applications are served")
            self._items.held = ""
            for ref, _ in self._items.all():
                self._queue.add(ref, Lane.NEW)
        return bool(found)

    def _poll(self) -> None:
        """Ask each repository once a round, and look at applications that it concerns."""
        while self._clock.wait(self._settings.poll_interval_s):
            try:
                self._round()
            except Exception as exc:
                log.exception("poll failed", exc_info=exc)

    def _round(self) -> None:
        if self._give_way():
            return
        self._built.renderer.forget()
        projects = ProjectsOnce(self._built.engine.store)
        for ref, item in self._items.all():
            try:
                self._ask(ref, item, projects)
            except Exception as exc:  # What is wrong with one holds up no other.
                log.exception("poll failed", extra={"object": str(ref)}, exc_info=exc)

    def _ask(self, ref: ObjectRef, item: AppItem, projects: Projects) -> None:
        """Ask the repositories of one application, and look at it where they say so."""
        app = self._items.application(ref)
        if app is None:
            return
        try:
            wanted, failure = self._built.engine.resolve(app, projects), ""
        except SecretSyncError as exc:
            wanted, failure = item.wanted, exc.message
        moved = bool(item.wanted) and wanted != item.wanted
        if moved and item.automatic:
            item.interrupt = "superseded by a newer commit"
        if moved or failure != item.failure or not item.wanted:
            first = not item.wanted and not failure
            lane = self._lane(app, item.wanted, wanted) if moved else Lane.NEW
            item.wanted, item.failure = wanted, failure
            seen = item.look is not None and item.look.wanted == wanted
            if not (first and seen):
                self._queue.add(ref, lane)

    def _lane(self, app: Application, old: tuple[str, ...], new: tuple[str, ...]) -> Lane:
        """Return where an application waits after a commit: first those that it is about.

        The others have another revision to show, and bases of theirs may have moved.
        """
        folders = self._built.renderer.folders
        try:
            return Lane.DUE if folders(app, old) == folders(app, new) else Lane.NEW
        except (SecretSyncError, ValueError):
            return Lane.NEW  # The look says what is wrong.
