"""Lists and watches of a directory cluster: files are looked at again, and compared.

Neighbours: `directory` hands lists and watches over, `directory_watch` compares.
"""

from __future__ import annotations

import copy
import functools
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from secretsync.cluster.base import Kind, ListPage, Object, WatchEvent, WatchEventType
from secretsync.cluster.directory_objects import Place
from secretsync.cluster.directory_selector import Selector, parse_selector
from secretsync.cluster.directory_store import DirectoryStore
from secretsync.cluster.directory_watch import Change, Observer, Stub

__all__ = ["Looker"]

#: How often a watch looks at the files: often where looking is cheap, in a large tree
#: so seldom that it takes 2 % of the time, and never less than every 3 s.
WATCH_INTERVAL_S = 0.2
WATCH_LONGEST_S = 3.0
WATCH_DUTY = 0.02


class Looker:
    """Lists and watches over one directory; safe to share between threads."""

    def __init__(self, store: DirectoryStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._observers: dict[Kind, Observer] = {}

    def observer(self, kind: Kind) -> Observer:
        """Return what remembers how the files of a kind were when they were last looked at."""
        with self._lock:
            if kind not in self._observers:
                scan = functools.partial(self._store.tree.scan, kind)
                self._observers[kind] = Observer(scan, self._store.view)
            return self._observers[kind]

    def list(
        self, kind: Kind, namespace: str, *, label_selector: str, metadata_only: bool
    ) -> ListPage:
        """Return every object that can be read, without managedFields."""
        selector = parse_selector(label_selector)
        self._store.check_usable()
        objects, version = self.observer(kind).snapshot(self._store.scope(kind, namespace))
        found = [obj for obj in objects if _matches(selector, obj)]
        return ListPage([_shown(obj, metadata_only=metadata_only) for obj in found], version)

    def watch(
        self,
        kind: Kind,
        namespace: str,
        *,
        label_selector: str,
        resource_version: str,
        metadata_only: bool,
        stop: threading.Event,
    ) -> Iterator[WatchEvent]:
        """Yield what changes; first all that there is, where no version is given.

        Raises:
            Gone: the version is too old, or another process gave it.
        """
        selector = parse_selector(label_selector)
        scope = self._store.scope(kind, namespace)
        observer = self.observer(kind)
        if not resource_version:
            page = self.list(
                kind, namespace, label_selector=label_selector, metadata_only=metadata_only
            )
            resource_version = page.resource_version
            for obj in page.items:
                yield WatchEvent(WatchEventType.ADDED, obj, resource_version)
            marker = {"metadata": {"resourceVersion": resource_version}}
            yield WatchEvent(WatchEventType.SYNCED, marker, resource_version)
        position = observer.position(resource_version)
        while not stop.is_set():
            self._store.check_usable()
            started_s = time.monotonic()
            changes, position = observer.changes(scope, position)
            spent_s = time.monotonic() - started_s
            for change in changes:
                for event in self._events(kind, change, selector):
                    obj = _shown(event.object, metadata_only=metadata_only)
                    yield WatchEvent(event.type, obj, event.resource_version)
            stop.wait(min(WATCH_LONGEST_S, max(WATCH_INTERVAL_S, spent_s / WATCH_DUTY)))

    def _events(self, kind: Kind, change: Change, selector: Selector) -> Iterator[WatchEvent]:
        version = self.observer(kind).version(change.position)
        before = change.before if _matches(selector, change.before) else None
        after = change.after if _matches(selector, change.after) else None
        replaced = before is not None and after is not None and _uid(before) != _uid(after)
        if before is not None and (after is None or replaced):
            yield WatchEvent(WatchEventType.DELETED, copy.deepcopy(dict(before)), version)
        if after is None:
            return
        found = self._store.tree.find(Place(kind, *change.key))
        obj = None if found is None else self._store.view(found)
        if obj is not None and _matches(selector, obj):
            added = before is None or replaced
            yield WatchEvent(
                WatchEventType.ADDED if added else WatchEventType.MODIFIED, obj, version
            )


def _shown(obj: Object, *, metadata_only: bool) -> Object:
    """The object, or what a watch of metadata sees of it."""
    if not metadata_only:
        return obj
    return {name: obj[name] for name in ("apiVersion", "kind", "metadata")}


def _matches(selector: Selector, obj: Mapping[str, Any] | Stub | None) -> bool:
    return obj is not None and selector(obj["metadata"].get("labels") or {})


def _uid(obj: Mapping[str, Any]) -> str:
    uid: str = obj["metadata"]["uid"]
    return uid
