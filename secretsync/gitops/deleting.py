"""What an application made goes with it, when it is deleted with its finalizer.

Only what the inventory names and carries the application's own tracking is deleted.
"""

from __future__ import annotations

from collections.abc import Callable

from secretsync.cluster.base import KINDS, Cluster, Propagation
from secretsync.errors import ClusterError, NotFound
from secretsync.gitops.app_store import AppStore
from secretsync.gitops.model import ObjectKey
from secretsync.gitops.pairing import listed_in, owner_of
from secretsync.gitops.sync_options import SyncOptions
from secretsync.resources.application import Application
from secretsync.resources.timestamps import parse_timestamp

__all__ = ["FINALIZER", "delete_application", "delete_objects"]

FINALIZER = "resources-finalizer.argocd.argoproj.io"
_BACKGROUND = f"{FINALIZER}/background"
_APPROVED = "argocd.argoproj.io/deletion-approved"
_LAST = ("Namespace", "CustomResourceDefinition")


def delete_objects(
    cluster: Cluster, app: Application, *, told: Callable[[ObjectKey, str], None]
) -> bool:
    """Delete what the application made; return whether all of it is gone.

    Args:
        told: of each object what came of it.
    """
    background = _BACKGROUND in app.meta.finalizers
    propagation = Propagation.BACKGROUND if background else Propagation.FOREGROUND
    had = listed_in(app.status)
    gone = True
    for key in sorted(had, key=lambda key: (key.kind in _LAST, key)):
        try:
            gone &= _one(cluster, app, key, had[key], propagation, told)
        except ClusterError as exc:
            told(key, exc.message)
            gone = False
    return gone


def delete_application(
    cluster: Cluster,
    store: AppStore,
    app: Application,
    *,
    cascade: bool,
    told: Callable[[ObjectKey, str], None],
) -> bool:
    """Delete an Application; return whether it, and all that was to go, is gone.

    Args:
        cascade: what it made goes first.

    Raises:
        ClusterError: the Application itself cannot be deleted.
    """
    if cascade and not delete_objects(cluster, app, told=told):
        return False
    ours = (FINALIZER, _BACKGROUND)
    if any(each in ours for each in app.meta.finalizers):
        store.drop_finalizers(app, tuple(e for e in app.meta.finalizers if e not in ours))
    cluster.delete(KINDS["Application"], app.meta.namespace, app.meta.name)
    return True


def _one(
    cluster: Cluster,
    app: Application,
    key: ObjectKey,
    api_version: str,
    propagation: Propagation,
    told: Callable[[ObjectKey, str], None],
) -> bool:
    """Delete one object; return whether it is gone, or is to stay."""
    try:
        kind = cluster.resolve(api_version, key.kind)
        live = cluster.get(kind, key.namespace, key.name)
    except NotFound:
        return True
    if live is None:
        return True
    options = SyncOptions.of(app.spec.sync_policy.sync_options)
    if owner_of(live, key) != app.meta.name or options.has("Delete=false", live):
        told(key, "stays")
        return True
    if options.has("Delete=confirm", live) and not _approved(app):
        told(key, f"waits for the annotation {_APPROVED}")
        return False
    if not live["metadata"].get("deletionTimestamp"):
        cluster.delete(kind, key.namespace, key.name, propagation=propagation)
        told(key, "deleted")
    return cluster.get(kind, key.namespace, key.name) is None


def _approved(app: Application) -> bool:
    """Return whether somebody agreed, and not before the deletion was asked for."""
    approved_at = parse_timestamp(app.meta.annotations.get(_APPROVED, ""))
    if approved_at is None:
        return False
    return app.meta.deleted_at is None or approved_at >= app.meta.deleted_at
