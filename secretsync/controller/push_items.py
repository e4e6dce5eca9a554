"""The PushSecrets that there are, by what they push and where to."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping

from secretsync.core.push import is_meant
from secretsync.resources.meta import ObjectMeta, ObjectRef
from secretsync.resources.push_secret import PushSecret, SecretSource
from secretsync.resources.secret_store import SecretStore

__all__ = ["PushItems", "pushes_to"]


class PushItems:
    """As the watch tells; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: dict[ObjectRef, PushSecret] = {}
        self._unusable: dict[ObjectRef, ObjectMeta] = {}
        # By namespace and name; the name is "" for those that select by labels.
        self._by_secret: dict[tuple[str, str], set[ObjectRef]] = defaultdict(set)

    def __len__(self) -> int:
        with self._lock:
            return len(self._items)

    def put(self, item: PushSecret) -> PushSecret | None:
        """Note one; returns what was known of it."""
        with self._lock:
            before = self._removed(item.ref)
            self._items[item.ref] = item
            if isinstance(item.source, SecretSource):
                self._by_secret[item.meta.namespace, item.source.name].add(item.ref)
        return before

    def put_unusable(self, ref: ObjectRef, meta: ObjectMeta) -> None:
        """Note one that cannot be used as it is."""
        with self._lock:
            self._removed(ref)
            self._unusable[ref] = meta

    def remove(self, ref: ObjectRef) -> PushSecret | None:
        """Forget one; returns what was known of it."""
        with self._lock:
            return self._removed(ref)

    def get(self, ref: ObjectRef) -> PushSecret | None:
        """Return one that can be used."""
        with self._lock:
            return self._items.get(ref)

    def unusable(self, ref: ObjectRef) -> ObjectMeta | None:
        """Return the metadata of one that cannot be used."""
        with self._lock:
            return self._unusable.get(ref)

    def all(self) -> list[PushSecret]:
        """Return every one that can be used."""
        with self._lock:
            return list(self._items.values())

    def concerns(self, secret: tuple[str, str]) -> bool:
        """Return whether somebody pushes a Secret, or may by its labels."""
        with self._lock:
            return bool(self._by_secret.get(secret) or self._by_secret.get((secret[0], "")))

    def pushing(self, secret: tuple[str, str], labels: Mapping[str, str]) -> set[ObjectRef]:
        """Return who pushes a Secret by its name or by these labels."""
        with self._lock:
            found = set(self._by_secret.get(secret, ()))
            for ref in self._by_secret.get((secret[0], ""), ()):
                source = self._items[ref].source
                selector = source.selector if isinstance(source, SecretSource) else None
                if selector is not None and selector.matches(labels):
                    found.add(ref)
        return found

    def pushing_to(self, store: SecretStore) -> list[PushSecret]:
        """Return who pushes to a store, by its name or its labels."""
        return [item for item in self.all() if pushes_to(item, store)]

    def _removed(self, ref: ObjectRef) -> PushSecret | None:
        self._unusable.pop(ref, None)
        before = self._items.pop(ref, None)
        if before is not None and isinstance(before.source, SecretSource):
            place = before.meta.namespace, before.source.name
            self._by_secret[place].discard(ref)
            if not self._by_secret[place]:
                del self._by_secret[place]
        return before


def pushes_to(item: PushSecret, store: SecretStore) -> bool:
    """Return whether a PushSecret names or selects a store that it could use."""
    if store.kind == "SecretStore" and store.meta.namespace != item.meta.namespace:
        return False
    return any(is_meant(wanted, store) for wanted in item.stores)
