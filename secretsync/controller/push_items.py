"""The PushSecrets that there are, by what they push, what makes it, and where to."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, TypeVar

from secretsync.core.push import pushes_to
from secretsync.refresh.generator_objects import generator_ref
from secretsync.resources.meta import ObjectMeta, ObjectRef
from secretsync.resources.push_secret import PushSecret, SecretSource
from secretsync.resources.secret_store import SecretStore

__all__ = ["PushItems", "ref_of"]

K = TypeVar("K")


class PushItems:
    """As the watch tells; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: dict[ObjectRef, PushSecret] = {}
        self._unusable: dict[ObjectRef, ObjectMeta] = {}
        # By namespace and name; the name is "" for those that select by labels.
        self._by_secret: dict[tuple[str, str], set[ObjectRef]] = defaultdict(set)
        self._by_generator: dict[ObjectRef, set[ObjectRef]] = defaultdict(set)

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
            else:
                made_by = generator_ref(item.source, item.meta.namespace)
                self._by_generator[made_by].add(item.ref)
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

    def used(self) -> frozenset[ObjectRef]:
        """Return the generators whose values are pushed."""
        with self._lock:
            return frozenset(self._by_generator)

    def users(self, ref: ObjectRef, /) -> frozenset[ObjectRef]:
        """Return who pushes what a generator makes, be it there or not."""
        with self._lock:
            return frozenset(self._by_generator.get(ref, ()))

    def _removed(self, ref: ObjectRef) -> PushSecret | None:
        self._unusable.pop(ref, None)
        before = self._items.pop(ref, None)
        if before is None:
            return None
        if isinstance(before.source, SecretSource):
            _drop(self._by_secret, (before.meta.namespace, before.source.name), ref)
        else:
            _drop(self._by_generator, generator_ref(before.source, before.meta.namespace), ref)
        return before


def _drop(index: dict[K, set[ObjectRef]], key: K, ref: ObjectRef) -> None:
    index[key].discard(ref)
    if not index[key]:
        del index[key]


def ref_of(kind: str, obj: Mapping[str, Any]) -> ObjectRef:
    """Return the reference of an object as the cluster gives it."""
    metadata = obj.get("metadata") or {}
    return ObjectRef(kind, metadata.get("namespace", ""), metadata.get("name", ""))
