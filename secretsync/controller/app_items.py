"""The Applications that are served, and what is remembered of each between two looks."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from secretsync.gitops.diff.pairing import listed_in
from secretsync.gitops.look import Look, to_keep
from secretsync.gitops.model import ObjectKey, OperationState, SyncStatus
from secretsync.gitops.runner import ALIVE
from secretsync.gitops.status.app_store import parsed
from secretsync.gitops.status.history import JOURNAL
from secretsync.resources.application import Application
from secretsync.resources.meta import ObjectRef

__all__ = ["REFRESH", "AppItem", "AppItems", "signature"]

REFRESH = "argocd.argoproj.io/refresh"
_OURS = (JOURNAL, ALIVE)


@dataclass
class AppItem:
    """One Application.

    Args:
        signature: of everything that asks for a look when it changes.
        look: the last one; None asks for a whole one.
        changed: objects that a watch has touched since.
        interrupt: why the sync that runs is to end; "" for none.
        terminated: when the sync began whose end somebody asks for; "" for none.
        automatic: the sync that runs was nobody's wish: a newer commit ends it.
        wanted: the revisions that the last poll saw.
        failure: what the last poll met instead.
        misses: looks that a cause broke off which may pass, one after the other.
        parsed: `raw` without what came since in status alone; None until it is read.
    """

    raw: Mapping[str, Any] = field(repr=False)
    signature: str
    look: Look | None = None
    changed: set[ObjectKey] = field(default_factory=set)
    interrupt: str = ""
    terminated: str = ""
    automatic: bool = False
    wanted: tuple[str, ...] = ()
    failure: str = ""
    misses: int = 0
    parsed: Application | None = field(default=None, repr=False)


class AppItems:
    """All of them, and which object belongs to which; safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._items: dict[ObjectRef, AppItem] = {}
        self._owners: dict[ObjectKey, ObjectRef] = {}
        self._keys: dict[ObjectRef, frozenset[ObjectKey]] = {}
        self._versions: dict[tuple[str, str], str] = {}
        #: Why none of them is worked on; "" where they are.
        self.held = ""

    def put(self, ref: ObjectRef, raw: Mapping[str, Any]) -> bool:
        """Take an Application in; return whether it asks for a look."""
        sign = signature(raw)
        with self._lock:
            item = self._items.get(ref)
            if item is None:
                self._items[ref] = AppItem(raw, sign)
                self._own(ref, listed_in(raw.get("status") or {}))
                return True
            asks = item.signature != sign
            item.raw, item.signature = raw, sign
            state = (raw.get("status") or {}).get("operationState") or {}
            if state.get("phase") == "Terminating":
                item.terminated = str(state.get("startedAt") or "")
            # Taken away and set again between two sights of it, it has not changed.
            asks = asks or REFRESH in ((raw.get("metadata") or {}).get("annotations") or {})
            if asks:
                item.look = item.parsed = None
            return asks

    def remove(self, ref: ObjectRef) -> None:
        """Forget an Application that is gone."""
        with self._lock:
            self._items.pop(ref, None)
            for key in self._keys.pop(ref, frozenset()):
                if self._owners.get(key) == ref:
                    del self._owners[key]

    def get(self, ref: ObjectRef) -> AppItem | None:
        """Return one, None where it is gone."""
        with self._lock:
            return self._items.get(ref)

    def application(self, ref: ObjectRef) -> Application | None:
        """Return an Application as it was read, None where it is gone or no good one."""
        with self._lock:
            item = self._items.get(ref)
            if item is None:
                return None
            if item.parsed is None:
                item.parsed, _ = parsed(item.raw, where="")
            return item.parsed

    def all(self) -> list[tuple[ObjectRef, AppItem]]:
        """Return every one."""
        with self._lock:
            return list(self._items.items())

    def looked(self, ref: ObjectRef, look: Look | None) -> None:
        """Remember a look, and which objects it is about."""
        with self._lock:
            item = self._items.get(ref)
            if item is None:
                return
            item.look = None if look is None else to_keep(look)
            if look is not None:
                versions = {
                    pair.key: (pair.target or pair.live or {}).get("apiVersion", "")
                    for pair in look.comparison.pairs
                    if not pair.hook
                }
                self._own(ref, versions)

    def synced(self, ref: ObjectRef, look: Look, state: OperationState) -> None:
        """Remember what was synced, so that the next look reads only what was written.

        Args:
            look: what was synced.
            state: how that ended.
        """
        same = {pair.key for pair in look.comparison.pairs if pair.status is SyncStatus.SYNCED}
        with self._lock:
            self.looked(ref, look)
            item = self._items.get(ref)
            if item is not None:
                written = {each.key for each in state.results}
                item.changed |= written - same

    def taken_changes(self, item: AppItem) -> frozenset[ObjectKey]:
        """Return what has changed since, and forget that it has."""
        with self._lock:
            changed = frozenset(item.changed)
            item.changed.clear()
            return changed

    def owner(self, key: ObjectKey) -> ObjectRef | None:
        """Return the Application that an object belongs to."""
        with self._lock:
            return self._owners.get(key)

    def touch(self, key: ObjectKey) -> ObjectRef | None:
        """Note that an object changed; return the Application that it belongs to."""
        with self._lock:
            ref = self._owners.get(key)
            item = self._items.get(ref) if ref is not None else None
            if item is not None:
                item.changed.add(key)
            return ref

    def kinds(self) -> dict[tuple[str, str], str]:
        """Return which kinds the applications have: group and kind → apiVersion."""
        with self._lock:
            return dict(self._versions)

    def _own(self, ref: ObjectRef, versions: Mapping[ObjectKey, str]) -> None:
        for key in self._keys.get(ref, frozenset()) - versions.keys():
            if self._owners.get(key) == ref:
                del self._owners[key]
        self._keys[ref] = frozenset(versions)
        for key, version in versions.items():
            self._owners[key] = ref
            self._versions.setdefault((key.group, key.kind), version)


def signature(raw: Mapping[str, Any]) -> str:
    """Return what of an Application asks for a look: not its status, not our own notes."""
    metadata = raw.get("metadata") or {}
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k not in _OURS}
    parts = (
        raw.get("spec"),
        raw.get("operation"),
        annotations,
        metadata.get("deletionTimestamp"),
        metadata.get("finalizers"),
        metadata.get("uid"),
    )
    return json.dumps(parts, sort_keys=True, default=str)
