"""A list and a watch that go on for ever: resume, relist, back off.

Each event is handed on in order by one thread. A relist is told apart from the stream,
so that objects which went away unseen are noticed.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Collection

from secretsync.cluster.base import Cluster, Kind, WatchEvent, WatchEventType
from secretsync.core.schedule import backoff_s
from secretsync.errors import ClusterError, Forbidden, Gone, NotFound
from secretsync.refresh.clock import Clock

__all__ = ["Reflector"]

log = logging.getLogger(__name__)

BACKOFF_BASE_S = 0.5
BACKOFF_CAP_S = 30.0
#: How often a kind that the cluster does not serve is asked for again.
UNSERVED_RETRY_S = 5.0

Key = tuple[str, str]


class Reflector:
    """Keeps a handler up to date with one kind.

    Args:
        handle: called with each ADDED, MODIFIED and DELETED event.
        metadata_only: objects carry their metadata and nothing else.
        interest: keys to remember, so that their vanishing in a gap is noticed; events
            of others are handed on and forgotten. None remembers all.
        optional: the service goes on without this kind where it may not be watched, as
            it does where the cluster does not serve it; it is asked for again.
        listing: called before an initial state is asked for.
        listed: called when an initial state has been handed on whole, with its keys
            of interest.
        after: another one, whose initial state is waited for before the first look.
    """

    def __init__(
        self,
        cluster: Cluster,
        kind: Kind,
        handle: Callable[[WatchEvent], None],
        clock: Clock,
        stop: threading.Event,
        *,
        namespace: str = "",
        label_selector: str = "",
        metadata_only: bool = False,
        interest: Callable[[Key], bool] | None = None,
        optional: bool = False,
        listing: Callable[[], None] | None = None,
        listed: Callable[[Collection[Key]], None] | None = None,
        after: Reflector | None = None,
    ) -> None:
        self._cluster = cluster
        self._kind = kind
        self._handle = handle
        self._clock = clock
        self._stop = stop
        self._namespace = namespace
        self._label_selector = label_selector
        self._metadata_only = metadata_only
        self._interest = interest or (lambda key: True)
        self._optional = optional
        self._listing = listing or (lambda: None)
        self._listed = listed or (lambda keys: None)
        self._after = after
        self._synced = threading.Event()
        self._unserved = threading.Event()
        self._seen: dict[Key, str] = {}
        # Where to resume a watch that breaks off; "" until its initial state is whole.
        self._version = ""
        self.last_event_at_s = clock.monotonic_s()
        self._thread = threading.Thread(target=self._run, name=f"watch-{kind.plural}", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def wait_synced(self) -> bool:
        """Wait for the initial state; False when the process is to end first."""
        while not self._stop.is_set():
            if self._synced.wait(0.05) or self._unserved.is_set():
                return True
        return False

    @property
    def unserved(self) -> bool:
        """Whether the cluster does not serve the kind, or not to this identity."""
        return self._unserved.is_set()

    @property
    def name(self) -> str:
        """What is watched."""
        return self._kind.plural

    @property
    def synced(self) -> bool:
        """Whether the initial state has been handed on."""
        return self._synced.is_set()

    @property
    def alive(self) -> bool:
        """Whether the watching thread runs."""
        return self._thread.is_alive()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread to end."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        if self._after is not None and not self._after.wait_synced():
            return
        version, failures = "", 0
        while not self._stop.is_set():
            try:
                version = self._watch(version)
                failures = 0
            except Gone:
                version = ""
            except ClusterError as exc:
                if isinstance(exc, NotFound) or (self._optional and isinstance(exc, Forbidden)):
                    version, failures = "", 0
                    self._do_without(exc)
                    continue
                version = self._version
                failures += 1
                log.warning("watch failed", extra={"kind": self._kind.kind, "cause": exc.message})
                spread = random.random()  # noqa: S311 - spreads retries, protects nothing
                pause_s = backoff_s(
                    failures - 1, base_s=BACKOFF_BASE_S, cap_s=BACKOFF_CAP_S, spread=spread
                )
                self._clock.wait(pause_s)

    def _do_without(self, error: ClusterError) -> None:
        """Say once that the kind is not there, and wait before asking again."""
        if not self._unserved.is_set():
            log.warning(
                "not served; the service goes on without it",
                extra={"kind": self._kind.kind, "cause": error.message},
            )
            self._unserved.set()
        self._clock.wait(UNSERVED_RETRY_S)

    def _watch(self, version: str) -> str:
        """Follow one watch to its end; returns where to resume."""
        fresh: dict[Key, str] | None = {} if not version else None
        self._version = version
        if fresh is not None:
            self._listing()
        for event in self._cluster.watch(
            self._kind,
            self._namespace,
            label_selector=self._label_selector,
            resource_version=version,
            metadata_only=self._metadata_only,
            stop=self._stop,
        ):
            self.last_event_at_s = self._clock.monotonic_s()
            version = event.resource_version or version
            if fresh is None or event.type is WatchEventType.SYNCED:
                self._version = version
            if event.type is WatchEventType.BOOKMARK:
                continue
            if event.type is WatchEventType.SYNCED:
                self._vanished(fresh or {})
                self._served(fresh or {})
                fresh = None
                continue
            if fresh is not None and self._interest(_key(event)):
                fresh[_key(event)] = event.resource_version
            self._emit(event)
        # A watch that ended before its initial state was whole proves nothing.
        return "" if fresh is not None else version

    def _served(self, fresh: Collection[Key]) -> None:
        if self._unserved.is_set():
            log.info("served now", extra={"kind": self._kind.kind})
            self._unserved.clear()
        self._synced.set()
        self._listed(fresh)

    def _emit(self, event: WatchEvent) -> None:
        key = _key(event)
        if event.type is WatchEventType.DELETED or not self._interest(key):
            self._seen.pop(key, None)
        elif self._seen.get(key) == event.resource_version and event.resource_version:
            return
        else:
            self._seen[key] = event.resource_version
        self._hand_on(event)

    def _vanished(self, fresh: dict[Key, str]) -> None:
        """Report what the new list no longer has."""
        for key in [key for key in self._seen if key not in fresh]:
            del self._seen[key]
            namespace, name = key
            obj = {
                "apiVersion": self._kind.api_version,
                "kind": self._kind.kind,
                "metadata": {"namespace": namespace, "name": name},
            }
            self._hand_on(WatchEvent(WatchEventType.DELETED, obj, ""))

    def _hand_on(self, event: WatchEvent) -> None:
        """Call the handler; an object that it fails on must not end the watch."""
        try:
            self._handle(event)
        except Exception as exc:
            namespace, name = _key(event)
            log.exception(
                "event not understood",
                extra={"object": f"{self._kind.kind} {namespace}/{name}"},
                exc_info=exc,
            )


def _key(event: WatchEvent) -> Key:
    metadata = event.object.get("metadata") or {}
    return metadata.get("namespace", ""), metadata.get("name", "")
