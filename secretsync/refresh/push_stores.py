"""Which stores a PushSecret pushes to, and the sessions through which it may.

Neighbours: `catalog` finds one store; `sessions` logs in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, cast

from providers.base import Capability, InvalidRef, Writer
from providers.registry import load
from secretsync.core.push import store_key
from secretsync.errors import ConfigError
from secretsync.refresh.catalog import StoreCatalog, StoreUnmanaged
from secretsync.refresh.sessions import Sessions, StoreSession
from secretsync.resources.external_secret import StoreRef
from secretsync.resources.meta import ObjectRef
from secretsync.resources.push_secret import PushSecret, PushStore
from secretsync.resources.secret_store import SecretStore

__all__ = ["OpenStore", "PushStores", "StoreListing"]


class StoreListing(Protocol):
    """All stores of a kind, for those that are selected by their labels."""

    def stores(self, kind: str, namespace: str) -> Iterable[SecretStore]:
        """Return the good stores of a kind ("" = the cluster's).

        Raises:
            ClusterError: the cluster cannot be asked.
        """
        ...


@dataclass(frozen=True, slots=True)
class OpenStore:
    """A store that may be written to, and the session that does it."""

    store: SecretStore
    session: StoreSession

    @property
    def key(self) -> str:
        """How the status names it."""
        return store_key(self.store)

    @property
    def writer(self) -> Writer:
        """The adapter, as what pushes."""
        return cast("Writer", self.session.provider)

    @property
    def reads(self) -> bool:
        """Whether what it holds can be looked at, too."""
        return Capability.READ in load(self.store.provider).capability(self.store.config)


class PushStores:
    """Resolves store references."""

    def __init__(self, catalog: StoreCatalog, sessions: Sessions, listing: StoreListing) -> None:
        self._catalog = catalog
        self._sessions = sessions
        self._listing = listing

    def find(self, item: PushSecret) -> list[SecretStore]:
        """Return every store that a PushSecret names or selects, each once.

        Stores of another controller class, and those that do not admit the namespace,
        are passed over where a selector finds them: they are not meant for it.

        Raises:
            StoreUnmanaged: a named store is another controller's.
            ConfigError: a named one does not exist, is invalid or excludes the namespace;
                or a selector finds none.
            ClusterError: the cluster cannot be asked.
        """
        found: dict[ObjectRef, SecretStore] = {}
        for index, wanted in enumerate(item.stores):
            stores = self._of(wanted, item.meta.namespace)
            if not stores:
                raise ConfigError(
                    f"spec.secretStoreRefs[{index}].labelSelector: no {wanted.kind} that may "
                    "be used from here has these labels",
                    remedy="label a store, or correct the selector",
                )
            found |= {store.ref: store for store in stores}
        return list(found.values())

    def open(self, store: SecretStore, namespace: str) -> OpenStore:
        """Return a store's session for pushing from a namespace.

        Raises:
            InvalidRef: its provider writes nothing.
            ProviderError: its credentials are missing or refused.
        """
        if Capability.WRITE not in load(store.provider).capability(store.config):
            raise InvalidRef(
                f"{store.ref}: provider {store.provider} cannot be written to",
                remedy="push to a store of another provider",
            )
        return OpenStore(store, self._sessions.session(store, namespace))

    def open_by_key(self, key: str, namespace: str) -> OpenStore | None:
        """Return a store that the status names, None where there is no such store any more.

        Raises:
            ConfigError: it is invalid, another controller's, or excludes the namespace.
            ProviderError: its credentials are missing or refused.
            ClusterError: the cluster cannot be asked.
        """
        kind, _, name = key.partition("/")
        if kind not in ("SecretStore", "ClusterSecretStore") or not name:
            return None
        if not self._catalog.exists(StoreRef(name, kind), namespace):
            return None
        return self.open(self._catalog.find(StoreRef(name, kind), namespace), namespace)

    def forget(self, opened: OpenStore) -> None:
        """Close a session whose credentials were refused."""
        self._sessions.forget(opened.session.key, only=opened.session)

    def _of(self, wanted: PushStore, namespace: str) -> list[SecretStore]:
        if wanted.name:
            return [self._catalog.find(StoreRef(wanted.name, wanted.kind), namespace)]
        where = "" if wanted.kind == "ClusterSecretStore" else namespace
        selector = wanted.selector
        found = []
        for store in self._listing.stores(wanted.kind, where):
            if selector is None or not selector.matches(store.meta.labels):
                continue
            try:
                found.append(self._catalog.find(StoreRef(store.meta.name, wanted.kind), namespace))
            except (StoreUnmanaged, ConfigError):
                continue
        return sorted(found, key=lambda store: store.ref)
