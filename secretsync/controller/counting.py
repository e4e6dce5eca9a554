"""A Cluster that counts what is written through it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

from secretsync.cluster.base import (
    Cluster,
    Event,
    Kind,
    ListPage,
    Object,
    Preconditions,
    Propagation,
    Served,
    ServiceAccountTokenReview,
    WatchEvent,
)
from secretsync.controller.metrics import Metrics

__all__ = ["CountingCluster"]


class CountingCluster:
    """Passes every call on; counts the writes that succeeded.

    Args:
        touched: told each Secret as it was read, or as it is after a write.
    """

    def __init__(
        self,
        inner: Cluster,
        metrics: Metrics,
        *,
        touched: Callable[[Object], None] | None = None,
    ) -> None:
        self._inner = inner
        self._metrics = metrics
        self._touched = touched

    def _tell(self, kind: Kind, obj: Object | None) -> None:
        if self._touched is not None and obj is not None and kind.kind == "Secret":
            self._touched(obj)

    def _wrote(self, kind: Kind, verb: str, made: Object, *, dry_run: bool = False) -> Object:
        if not dry_run:
            self._metrics.wrote(kind.kind, verb)
            self._tell(kind, made)
        return made

    @property
    def name(self) -> str:
        """See Cluster."""
        return self._inner.name

    @property
    def collects_garbage(self) -> bool:
        """See Cluster."""
        return self._inner.collects_garbage

    @property
    def default_namespace(self) -> str:
        """See Cluster."""
        return self._inner.default_namespace

    def resolve(self, api_version: str, kind: str) -> Kind:
        """See Cluster."""
        return self._inner.resolve(api_version, kind)

    def served(self) -> Served:
        """See Cluster."""
        return self._inner.served()

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """See Cluster."""
        found = self._inner.get(kind, namespace, name)
        self._tell(kind, found)
        return found

    def list(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        label_selector: str = "",
        metadata_only: bool = False,
    ) -> ListPage:
        """See Cluster."""
        return self._inner.list(
            kind, namespace, label_selector=label_selector, metadata_only=metadata_only
        )

    def watch(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        label_selector: str = "",
        resource_version: str = "",
        metadata_only: bool = False,
        stop: threading.Event,
    ) -> Iterator[WatchEvent]:
        """See Cluster."""
        return self._inner.watch(
            kind,
            namespace,
            label_selector=label_selector,
            resource_version=resource_version,
            metadata_only=metadata_only,
            stop=stop,
        )

    def create(
        self, kind: Kind, obj: Object, *, field_manager: str, dry_run: bool = False
    ) -> Object:
        """See Cluster."""
        made = self._inner.create(kind, obj, field_manager=field_manager, dry_run=dry_run)
        return self._wrote(kind, "create", made, dry_run=dry_run)

    def apply(
        self,
        kind: Kind,
        obj: Object,
        *,
        field_manager: str,
        force: bool = True,
        dry_run: bool = False,
    ) -> Object:
        """See Cluster."""
        made = self._inner.apply(
            kind, obj, field_manager=field_manager, force=force, dry_run=dry_run
        )
        return self._wrote(kind, "apply", made, dry_run=dry_run)

    def replace(
        self, kind: Kind, obj: Object, *, field_manager: str, dry_run: bool = False
    ) -> Object:
        """See Cluster."""
        made = self._inner.replace(kind, obj, field_manager=field_manager, dry_run=dry_run)
        return self._wrote(kind, "replace", made, dry_run=dry_run)

    def merge_patch(
        self, kind: Kind, namespace: str, name: str, patch: Object, *, field_manager: str
    ) -> Object:
        """See Cluster."""
        made = self._inner.merge_patch(kind, namespace, name, patch, field_manager=field_manager)
        return self._wrote(kind, "patch", made)

    def patch_status(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        status: Object,
        *,
        field_manager: str,
        resource_version: str = "",
    ) -> Object:
        """See Cluster."""
        made = self._inner.patch_status(
            kind,
            namespace,
            name,
            status,
            field_manager=field_manager,
            resource_version=resource_version,
        )
        self._metrics.wrote(kind.kind, "status")
        return made

    def delete(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        *,
        preconditions: Preconditions | None = None,
        propagation: Propagation | None = None,
    ) -> None:
        """See Cluster."""
        self._inner.delete(
            kind, namespace, name, preconditions=preconditions, propagation=propagation
        )
        self._metrics.wrote(kind.kind, "delete")

    def event(self, event: Event) -> None:
        """See Cluster."""
        self._inner.event(event)
        self._metrics.wrote("Event", "create")

    def request_token(
        self, namespace: str, name: str, *, audiences: Sequence[str], expiration_s: int = 3600
    ) -> ServiceAccountTokenReview:
        """See Cluster."""
        return self._inner.request_token(
            namespace, name, audiences=audiences, expiration_s=expiration_s
        )

    def close(self) -> None:
        """See Cluster."""
        self._inner.close()
