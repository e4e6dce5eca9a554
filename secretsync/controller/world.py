"""What there is: parsed ExternalSecrets, stores and namespaces, as the watches tell.

Reads are snapshots under one lock; nothing here calls out.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from secretsync.core.hashes import created_by_hash, synced_resource_version
from secretsync.refresh.generator_objects import generator_ref
from secretsync.refresh.stores import ACKNOWLEDGE_ANNOTATION
from secretsync.resources.external_secret import ExternalSecret
from secretsync.resources.external_secret_spec import ManifestTarget
from secretsync.resources.meta import ObjectMeta, ObjectRef
from secretsync.resources.problems import Problem
from secretsync.resources.secret_store import SecretStore

__all__ = ["Entry", "World", "store_ref"]

FoundStore = tuple[SecretStore | None, tuple[Problem, ...]]


@dataclass(frozen=True, slots=True)
class Entry:
    """An ExternalSecret as last seen.

    Args:
        version: its `synced_resource_version`, as it is now.
    """

    item: ExternalSecret
    version: str


def store_ref(item: ExternalSecret, name: str, kind: str) -> ObjectRef:
    """Return the reference of a store that an ExternalSecret names."""
    return ObjectRef(kind, "" if kind == "ClusterSecretStore" else item.meta.namespace, name)


class World:
    """StoreLookup and Siblings of the service."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._items: dict[ObjectRef, Entry] = {}
        self._stores: dict[ObjectRef, FoundStore] = {}
        self._users: dict[ObjectRef, set[ObjectRef]] = {}
        self._manifests: dict[ManifestTarget, set[ObjectRef]] = {}
        self._makers: dict[tuple[str, str], ObjectRef] = {}
        self._namespaces: dict[str, Mapping[str, str]] = {}
        self._leaving: dict[ObjectRef, ObjectMeta] = {}

    def put_item(self, item: ExternalSecret) -> tuple[Entry, Entry | None]:
        """Note an ExternalSecret; returns its entry and the one before."""
        meta = item.meta
        entry = Entry(item, synced_resource_version(meta.generation, meta.labels, meta.annotations))
        with self._lock:
            before = self._items.get(item.ref)
            self._unlink(before)
            self._items[item.ref] = entry
            self._makers[_made_by(item)] = item.ref
            if item.target.manifest is not None:
                self._manifests.setdefault(item.target.manifest, set()).add(item.ref)
            for where in _uses(item):
                self._users.setdefault(where, set()).add(item.ref)
        return entry, before

    def put_leaving(self, ref: ObjectRef, meta: ObjectMeta) -> None:
        """Note an ExternalSecret that cannot be parsed and is being deleted."""
        with self._lock:
            self._leaving[ref] = meta

    def leaving(self, ref: ObjectRef) -> ObjectMeta | None:
        """Return the metadata of one that is being deleted and cannot be parsed."""
        with self._lock:
            return self._leaving.get(ref)

    def remove_item(self, ref: ObjectRef) -> Entry | None:
        """Forget an ExternalSecret; returns what was known of it."""
        with self._lock:
            self._leaving.pop(ref, None)
            before = self._items.pop(ref, None)
            self._unlink(before)
        return before

    def _unlink(self, entry: Entry | None) -> None:
        if entry is None:
            return
        self._makers.pop(_made_by(entry.item), None)
        if entry.item.target.manifest is not None:
            self._manifests.get(entry.item.target.manifest, set()).discard(entry.item.ref)
        for where in _uses(entry.item):
            users = self._users.get(where, set())
            users.discard(entry.item.ref)
            if not users:
                self._users.pop(where, None)

    def item(self, ref: ObjectRef) -> Entry | None:
        """Return an ExternalSecret."""
        with self._lock:
            return self._items.get(ref)

    def maker(self, namespace: str, created_by: str) -> Entry | None:
        """Return the ExternalSecret that a Secret with this created-by label is made from."""
        with self._lock:
            ref = self._makers.get((namespace, created_by))
            return self._items.get(ref) if ref is not None else None

    def manifests(self) -> frozenset[ManifestTarget]:
        """Return the kinds, other than Secrets, that ExternalSecrets make."""
        with self._lock:
            return frozenset(made for made, users in self._manifests.items() if users)

    def items(self) -> list[Entry]:
        """Return every ExternalSecret."""
        with self._lock:
            return list(self._items.values())

    def put_store(self, ref: ObjectRef, found: FoundStore) -> FoundStore | None:
        """Note a store; returns what was known before."""
        with self._lock:
            before = self._stores.get(ref)
            self._stores[ref] = found
        return before

    def remove_store(self, ref: ObjectRef) -> None:
        """Forget a store."""
        with self._lock:
            self._stores.pop(ref, None)

    def stores(self, kind: str, namespace: str) -> list[SecretStore]:
        """Return the good stores of a kind ("" = the cluster's)."""
        with self._lock:
            found = [store for store, _ in self._stores.values() if store is not None]
        return [store for store in found if (store.kind, store.meta.namespace) == (kind, namespace)]

    def store_refs(self) -> frozenset[ObjectRef]:
        """Return every store."""
        with self._lock:
            return frozenset(self._stores)

    def used(self) -> frozenset[ObjectRef]:
        """Return the stores and generators that ExternalSecrets name."""
        with self._lock:
            return frozenset(self._users)

    def users(self, store: ObjectRef) -> frozenset[ObjectRef]:
        """Return the ExternalSecrets that name a store or a generator, be it there or not."""
        with self._lock:
            return frozenset(self._users.get(store, ()))

    def put_namespace(self, name: str, labels: Mapping[str, str]) -> None:
        """Note a namespace."""
        with self._lock:
            self._namespaces[name] = labels

    def remove_namespace(self, name: str) -> None:
        """Forget a namespace."""
        with self._lock:
            self._namespaces.pop(name, None)

    def store(self, ref: ObjectRef) -> FoundStore | None:
        """Return a store and what is wrong with it, or None where it is absent."""
        with self._lock:
            return self._stores.get(ref)

    def namespaces(self) -> dict[str, Mapping[str, str]]:
        """Return every namespace with its labels."""
        with self._lock:
            return dict(self._namespaces)

    def namespace_labels(self, namespace: str) -> Mapping[str, str] | None:
        """Return the labels of a namespace, or None where it is not known."""
        with self._lock:
            return self._namespaces.get(namespace)

    def same_stores(self, external_secret: ExternalSecret) -> Collection[ObjectRef]:
        """Return the ExternalSecrets that read from any of its stores."""
        with self._lock:
            return frozenset[ObjectRef]().union(
                *(self._users.get(ref, ()) for ref in _stores_of(external_secret))
            )

    def acknowledged(self, external_secret: ExternalSecret) -> Collection[str]:
        """Return the acknowledge tokens on its stores."""
        tokens = set()
        for ref in _stores_of(external_secret):
            found = self.store(ref)
            if found is not None and found[0] is not None:
                tokens.add(found[0].meta.annotations.get(ACKNOWLEDGE_ANNOTATION, ""))
        return tokens - {""}


def _made_by(item: ExternalSecret) -> tuple[str, str]:
    return item.meta.namespace, created_by_hash(item.meta.namespace, item.meta.name)


def _uses(item: ExternalSecret) -> list[ObjectRef]:
    generators = [generator_ref(ref, item.meta.namespace) for ref in item.generators()]
    return [*_stores_of(item), *generators]


def _stores_of(item: ExternalSecret) -> list[ObjectRef]:
    return [store_ref(item, store.name, store.kind) for store in item.stores()]
