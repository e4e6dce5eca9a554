"""Which stores there are, and who may use them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from secretsync.errors import ConfigError
from secretsync.resources.external_secret import StoreRef
from secretsync.resources.meta import ObjectRef
from secretsync.resources.problems import Problem, errors
from secretsync.resources.secret_store import SecretStore, admits_namespace

__all__ = ["StoreCatalog", "StoreLookup", "StoreUnmanaged", "find_store"]


class StoreUnmanaged(ConfigError):
    """The store belongs to another controller class: its users are left alone."""


class StoreLookup(Protocol):
    """Stores by reference, as parsed; and namespaces' labels."""

    def store(self, ref: ObjectRef) -> tuple[SecretStore | None, tuple[Problem, ...]] | None:
        """Return the store and what is wrong with it, or None where it is absent."""
        ...

    def namespace_labels(self, namespace: str) -> Mapping[str, str] | None:
        """Return the labels of a namespace, or None where it is absent."""
        ...


class StoreCatalog:
    """Answers which store an ExternalSecret may read from.

    Args:
        controller_class: stores with another `spec.controller` are not ours.
    """

    def __init__(self, lookup: StoreLookup, *, controller_class: str = "default") -> None:
        self._lookup = lookup
        self._controller_class = controller_class

    def find(self, ref: StoreRef, namespace: str) -> SecretStore:
        """Return the store that an object of `namespace` names.

        Raises:
            StoreUnmanaged: another controller serves it.
            ConfigError: it does not exist, is invalid, or excludes the namespace.
        """
        return find_store(self._lookup, ref, namespace, controller_class=self._controller_class)

    def exists(self, ref: StoreRef, namespace: str) -> bool:
        """Return whether there is such a store, good or not, whoever may use it."""
        return self._lookup.store(_target(ref, namespace)) is not None


def find_store(
    lookup: StoreLookup, ref: StoreRef, namespace: str, *, controller_class: str
) -> SecretStore:
    """See `StoreCatalog.find`."""
    target = _target(ref, namespace)
    found = lookup.store(target)
    if found is None:
        raise ConfigError(
            f"{target} does not exist",
            remedy="create the store, or correct secretStoreRef (its kind is "
            "SecretStore unless it says ClusterSecretStore)",
        )
    store, problems = found
    if store is None:
        first = next(iter(errors(problems)), None)
        detail = f": {first.field}: {first.message}" if first else ""
        raise ConfigError(f"{target} is invalid{detail}", remedy=first.remedy if first else "")
    if store.controller not in ("", controller_class):
        raise StoreUnmanaged(f"{target} is served by controller class {store.controller!r}")
    if store.conditions and not admits_namespace(
        store, namespace, lookup.namespace_labels(namespace)
    ):
        raise ConfigError(
            f"using {target} is not allowed from namespace {namespace!r}: "
            "denied by spec.conditions",
            remedy="use a store that admits this namespace, or extend the store's conditions",
        )
    return store


def _target(ref: StoreRef, namespace: str) -> ObjectRef:
    cluster_wide = ref.kind == "ClusterSecretStore"
    return ObjectRef(ref.kind, "" if cluster_wide else namespace, ref.name)
