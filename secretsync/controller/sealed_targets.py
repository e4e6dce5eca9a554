"""What a watch of metadata says about the Secrets of SealedSecrets, and nothing of others.

A Secret that a Sealed Secrets controller wrote has no label to select it by, so every
Secret's metadata passes here; a few words are kept of each that a SealedSecret claims.
Whether one is as it should be is decided by its whole content, which is read only when
its resourceVersion is not the one that we left or looked at last.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from secretsync.core.sealed import MANAGED_ANNOTATION

__all__ = ["SealedTargets"]

Key = tuple[str, str]

_NEVER = "never seen"
_ABSENT = ""


@dataclass(slots=True)
class _Target:
    """One claimed Secret.

    Args:
        seen: the resourceVersion that the watch showed last.
        known: the one that was written or read in full last.
        recreated: it is made again when somebody deletes it.
        awaited: we created it, and the watch has not shown it yet.
        asked: a list was asked for when nothing was known of it; any news ends that.
        absent: that list did not have it, and nothing was heard of it since.
    """

    seen: str = _NEVER
    known: str = _NEVER
    recreated: bool = False
    awaited: bool = False
    asked: bool = False
    absent: bool = False

    def heard(self) -> None:
        """Forget that it was absent."""
        self.asked = self.absent = False


class SealedTargets:
    """The claimed Secrets by namespace and name; safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._targets: dict[Key, _Target] = {}

    def __len__(self) -> int:
        return len(self._targets)

    def claim(self, key: Key) -> None:
        """Take an interest in a Secret."""
        with self._lock:
            self._targets.setdefault(key, _Target())

    def release(self, key: Key) -> None:
        """Lose interest in it."""
        with self._lock:
            self._targets.pop(key, None)

    def claims(self, key: Key) -> bool:
        """Return whether a SealedSecret claims the Secret."""
        return key in self._targets

    def put(self, key: Key, metadata: Mapping[str, Any]) -> None:
        """Note what the watch shows of a Secret."""
        with self._lock:
            target = self._targets.get(key)
            if target is not None:
                target.seen = str(metadata.get("resourceVersion", ""))
                target.recreated = _recreated(key[1], metadata)
                target.awaited = False
                target.heard()

    def listing(self) -> None:
        """Note that a whole list is about to be asked for."""
        unknown = (_NEVER, _ABSENT)
        with self._lock:
            for target in self._targets.values():
                target.asked = target.seen in unknown and target.known in unknown

    def listed(self, keys: Collection[Key]) -> None:
        """Note which claimed Secrets that list has: what was claimed before is absent else."""
        with self._lock:
            for key, target in self._targets.items():
                if target.asked:
                    target.asked, target.absent = False, key not in keys

    def absent(self, namespace: str, name: str) -> bool:
        """Return whether a claimed Secret was proven absent and not heard of since.

        A create may rely on it, since a create never overwrites; nothing else may: the
        watch can lag behind.
        """
        with self._lock:
            target = self._targets.get((namespace, name))
            return target is not None and target.absent

    def created(self, key: Key) -> None:
        """Note that we created a Secret: the watch will show it, if it stays."""
        with self._lock:
            target = self._targets.get(key)
            if target is not None:
                target.awaited = target.seen in (_NEVER, _ABSENT)

    def awaited(self) -> frozenset[Key]:
        """Return the Secrets that we created and that the watch has not shown yet."""
        with self._lock:
            return frozenset(key for key, target in self._targets.items() if target.awaited)

    def touched(self, obj: Mapping[str, Any]) -> None:
        """Note a Secret as it was read in full, or as it was after a write of ours."""
        metadata = obj.get("metadata") or {}
        key = (metadata.get("namespace", ""), metadata.get("name", ""))
        with self._lock:
            target = self._targets.get(key)
            if target is not None:
                target.known = str(metadata.get("resourceVersion", ""))
                target.recreated = _recreated(key[1], metadata)
                target.heard()

    def gone(self, key: Key) -> bool:
        """Note that a Secret is gone; returns whether it is to be made again.

        As in Sealed Secrets: where the SealedSecret controlled it, or it was `managed`.
        """
        with self._lock:
            target = self._targets.get(key)
            if target is None:
                return False
            target.seen = target.known = _ABSENT
            target.awaited = False
            target.heard()
            return target.recreated

    def surprising(self, key: Key) -> bool:
        """Return whether the watch shows another Secret than the one that is known."""
        with self._lock:
            target = self._targets.get(key)
            if target is None or _NEVER in (target.seen, target.known):
                return False
            return target.seen != target.known

    def vanished(self, listed: Collection[Key]) -> list[Key]:
        """Return the claimed Secrets that were there and that a new list does not have."""
        with self._lock:
            return [
                key
                for key, target in self._targets.items()
                if target.known not in (_NEVER, _ABSENT) and key not in listed
            ]


def _recreated(name: str, metadata: Mapping[str, Any]) -> bool:
    if (metadata.get("annotations") or {}).get(MANAGED_ANNOTATION) == "true":
        return True
    return any(
        owner.get("controller") and (owner.get("kind"), owner.get("name")) == ("SealedSecret", name)
        for owner in metadata.get("ownerReferences") or []
    )
