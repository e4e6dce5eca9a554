"""Stores by reference: those of PATH first, then those of the cluster."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from secretsync.cluster.base import KINDS, Cluster
from secretsync.errors import NotFound
from secretsync.resources.documents import Document, Origin
from secretsync.resources.manifests import Manifests
from secretsync.resources.meta import ObjectRef
from secretsync.resources.problems import Problem, errors
from secretsync.resources.secret_store import SecretStore, parse_secret_store

__all__ = ["ACKNOWLEDGE_ANNOTATION", "StoreSource"]

ACKNOWLEDGE_ANNOTATION = "secretsync.io/acknowledge"

Found = tuple[SecretStore | None, tuple[Problem, ...]]


class StoreSource:
    """A StoreLookup for one run: what it read once it does not read again."""

    def __init__(self, cluster: Cluster, manifests: Manifests) -> None:
        self._cluster = cluster
        self._manifests = manifests
        self._lock = threading.Lock()
        self._found: dict[ObjectRef, Found | None] = {
            store.ref: (store, ()) for store in manifests.secret_stores
        }
        self._namespaces: dict[str, Mapping[str, str] | None] = {
            namespace.meta.name: namespace.meta.labels for namespace in manifests.namespaces
        }

    def store(self, ref: ObjectRef) -> Found | None:
        """Return the store and what is wrong with it, or None where it is absent."""
        with self._lock:
            if ref not in self._found:
                self._found[ref] = self._read(ref)
            return self._found[ref]

    def _read(self, ref: ObjectRef) -> Found | None:
        broken = tuple(
            problem for problem in errors(self._manifests.problems) if problem.object == str(ref)
        )
        if broken:
            # PATH means this store and got it wrong: the cluster's is not what was asked.
            return None, broken
        obj = self._cluster.get(KINDS[ref.kind], ref.namespace, ref.name)
        if obj is None:
            return None
        document = Document(obj, Origin(self._cluster.name, {}))
        parsed = parse_secret_store(document, default_namespace=ref.namespace)
        return parsed.value, parsed.problems

    def stores(self, kind: str, namespace: str) -> list[SecretStore]:
        """Return the good stores of a kind ("" = the cluster's), PATH's first."""
        given = {
            store.ref: store
            for store in self._manifests.secret_stores
            if (store.kind, store.meta.namespace) == (kind, namespace)
        }
        try:
            page = self._cluster.list(KINDS[kind], namespace)
        except NotFound:
            return list(given.values())
        for obj in page.items:
            document = Document(obj, Origin(self._cluster.name, {}))
            found = parse_secret_store(document, default_namespace=namespace).value
            if found is not None:
                given.setdefault(found.ref, found)
        return list(given.values())

    def namespace_labels(self, namespace: str) -> Mapping[str, str] | None:
        """Return the labels of a namespace, or None where it is absent."""
        with self._lock:
            if namespace not in self._namespaces:
                obj = self._cluster.get(KINDS["Namespace"], "", namespace)
                labels = None if obj is None else (obj.get("metadata") or {}).get("labels") or {}
                self._namespaces[namespace] = labels
            return self._namespaces[namespace]

    def acknowledgement(self, ref: ObjectRef) -> str:
        """Return the acknowledge token on a store, or ""."""
        found = self.store(ref)
        if found is None or found[0] is None:
            return ""
        return found[0].meta.annotations.get(ACKNOWLEDGE_ANNOTATION, "")
