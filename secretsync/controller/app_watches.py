"""Watches on the kinds that applications have: drift is noticed when it happens.

Only metadata is watched: that something changed is enough, the comparison looks itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from secretsync.cluster.base import Cluster, WatchEvent
from secretsync.controller.app_items import AppItems
from secretsync.controller.reflector import Reflector
from secretsync.errors import ClusterError
from secretsync.gitops.model import ObjectKey
from secretsync.refresh.clock import Clock

__all__ = ["AppWatches"]


class AppWatches:
    """Started as kinds come up; a kind stays watched until the end.

    Args:
        touched: told of each object of an application that changed.
    """

    def __init__(
        self,
        cluster: Cluster,
        items: AppItems,
        clock: Clock,
        stop: threading.Event,
        *,
        touched: Callable[[ObjectKey], None],
    ) -> None:
        self._cluster = cluster
        self._items = items
        self._clock = clock
        self._stop = stop
        self._touched = touched
        self._lock = threading.Lock()
        self._watches: dict[tuple[str, str], Reflector] = {}

    def follow(self) -> None:
        """Watch what is not watched yet."""
        for (group, kind), version in self._items.kinds().items():
            with self._lock:
                if (group, kind) in self._watches or self._stop.is_set():
                    continue
                watch = self._build(group, kind, version)
                if watch is not None:
                    self._watches[group, kind] = watch
                    watch.start()

    def join(self, timeout_s: float) -> None:
        """Wait for the watches to end.

        Args:
            timeout_s: for each of them.
        """
        for watch in self._watches.values():
            watch.join(timeout_s)

    def _build(self, group: str, name: str, version: str) -> Reflector | None:
        """Return a watch, None where the cluster does not serve the kind (yet)."""
        try:
            kind = self._cluster.resolve(version, name)
        except ClusterError:
            return None

        def key_of(namespace: str, of: str) -> ObjectKey:
            return ObjectKey(group, name, namespace, of)

        def handle(event: WatchEvent) -> None:
            metadata = event.object.get("metadata") or {}
            self._touched(key_of(metadata.get("namespace", ""), metadata.get("name", "")))

        return Reflector(
            self._cluster,
            kind,
            handle,
            self._clock,
            self._stop,
            metadata_only=True,
            interest=lambda key: self._items.owner(key_of(*key)) is not None,
            optional=True,
        )
