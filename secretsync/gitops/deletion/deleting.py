"""What an application made goes with it, when it is deleted with its finalizer.

Only what the inventory names and carries the application's own tracking is deleted: the
highest wave first, a lower one when that is gone. CRDs stay, as in Argo CD: with one, the
objects of everybody would go.

Neighbours: `deletion_hooks` runs hooks before and after; `app_loop` and `app delete` ask
again until everything is gone.

Source: Argo CD 3.6, "App deletion", "Sync options".
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from secretsync.cluster.base import KINDS, Cluster, Kind, Preconditions, Propagation
from secretsync.errors import ClusterError, Conflict, NotFound
from secretsync.gitops.deletion.deletion_hooks import (
    CLEANUP,
    DeletionHooks,
    finalizer_of,
    phases_left,
    set_finalizers,
)
from secretsync.gitops.deletion.owned_secrets import collect_owned
from secretsync.gitops.diff.pairing import hooks_listed_in, listed_in, owner_of
from secretsync.gitops.model import Object, ObjectKey
from secretsync.gitops.objects.hooks import DeletionPhase, wave_of
from secretsync.gitops.objects.sync_options import SyncOptions, is_kept
from secretsync.gitops.projects.instances import instance_of
from secretsync.gitops.projects.project_bounds import Denied, bounds_of
from secretsync.gitops.status.app_store import AppStore
from secretsync.gitops.sync.approval import APPROVED
from secretsync.gitops.sync.hook_running import delete_hook, is_hook_held
from secretsync.resources.application import Application
from secretsync.resources.timestamps import parse_timestamp

__all__ = ["FINALIZER", "begin_deletion", "delete_application", "delete_objects", "is_held"]

FINALIZER = "resources-finalizer.argocd.argoproj.io"
_BACKGROUND = f"{FINALIZER}/background"
#: What Argo CD's own commands write for a cascade in the foreground.
_OURS = (FINALIZER, f"{FINALIZER}/foreground", _BACKGROUND)

Told = Callable[[ObjectKey, str], None]


@dataclass(frozen=True, slots=True)
class _Doomed:
    """An object that is there and is to go."""

    key: ObjectKey
    kind: Kind
    live: Object

    @property
    def turn(self) -> tuple[int, bool]:
        """Which go together: waves backwards, and what others lie in after them."""
        return -wave_of(self.live), self.key.kind == "Namespace"


def is_held(app: Application) -> bool:
    """Return whether an Application that is deleted waits for us."""
    return any(each in _OURS for each in app.meta.finalizers) or bool(
        phases_left(app.meta.finalizers)
    )


def delete_objects(cluster: Cluster, app: Application, *, told: Told, denied: Denied) -> bool:
    """Delete what the application made; return whether all of it is gone.

    It is asked again until it is: a turn begins when the one before it is gone.

    Args:
        told: of each object what came of it.
        denied: why a live object is outside of the project; it stays.

    Raises:
        ConfigError: nobody knows what the project gives; nothing is deleted.
        ClusterError: the Secrets behind, which a directory does not collect, cannot go.
    """
    had = listed_in(app.status) | hooks_listed_in(app.status)
    doomed = _doomed(cluster, app, had, told, denied)
    if doomed is None:
        return False
    for turn in sorted({each.turn for each in doomed}):
        # Each is asked for, whatever came of those before it.
        gone = [_deleted(cluster, app, each, told) for each in doomed if each.turn == turn]
        if not all(gone):
            return False
    for secret in collect_owned(cluster, had):
        told(secret, "deleted")
    return True


def begin_deletion(cluster: Cluster, app: Application, *, cascade: bool) -> bool:
    """Ask for the deletion of an Application, as Argo CD's commands do; what serves it goes on.

    Args:
        cascade: what it made goes with it, whatever finalizers it has; else it stays.

    Returns:
        False where somebody changed the Application meanwhile: look and ask again.

    Raises:
        ClusterError: the cluster refused it.
    """
    if app.meta.deleted_at is not None:
        return True
    finalizers = [each for each in app.meta.finalizers if cascade or each not in _OURS]
    if cascade and not any(each in _OURS for each in finalizers):
        finalizers.append(FINALIZER)
    same = finalizers == list(app.meta.finalizers)
    if not same and not set_finalizers(cluster, app, finalizers):
        return False
    cluster.delete(KINDS["Application"], app.meta.namespace, app.meta.name)
    return True


def delete_application(
    cluster: Cluster,
    store: AppStore,
    app: Application,
    *,
    cascade: bool,
    told: Told,
    hooks: DeletionHooks | None = None,
) -> bool:
    """Go on with the deletion of an Application; return whether all that was to go is gone.

    Args:
        app: as it is now; it is asked for again until this returns True.
        cascade: what it made goes first.
        hooks: run before and after; None where nobody runs hooks.

    Raises:
        ConfigError: a hook of the deletion failed, or the project is not there or not
            understood; it is tried again the next time.
        SecretSyncError: the Application cannot be deleted, or its hooks not be read.
    """
    finalizers = list(app.meta.finalizers)

    def passed(*names: str) -> None:
        """Note in the Application that a part of the deletion is through."""
        left = [each for each in finalizers if each not in names]
        if left != finalizers:
            finalizers[:] = left
            store.drop_finalizers(app, tuple(left))

    def hooked(phase: DeletionPhase) -> bool:
        for name, do in (
            (finalizer_of(phase), hooks.run if hooks else None),
            (finalizer_of(phase) + CLEANUP, hooks.clean if hooks else None),
        ):
            if name in finalizers and do is not None and not do(app, phase, told):
                return False
            passed(name)
        return True

    if not hooked(DeletionPhase.PRE_DELETE):
        return False
    denied = bounds_of(cluster, store, app)
    if cascade and not delete_objects(cluster, app, told=told, denied=denied):
        return False
    passed(*_OURS)
    if not hooked(DeletionPhase.POST_DELETE):
        return False
    # One of its name that somebody made meanwhile is another one.
    seen = Preconditions(uid=app.meta.uid) if app.meta.uid else None
    with contextlib.suppress(Conflict):
        cluster.delete(KINDS["Application"], app.meta.namespace, app.meta.name, preconditions=seen)
    return True


def _doomed(
    cluster: Cluster, app: Application, had: dict[ObjectKey, str], told: Told, denied: Denied
) -> list[_Doomed] | None:
    """Return what is there and is to go; None where nothing may go yet."""
    found, settled = [], True
    for key in sorted(had):
        try:
            doomed = _look(cluster, app, key, had[key], told)
        except ClusterError as exc:
            # Its wave may be the first to go: nothing goes before that is known.
            told(key, exc.message)
            settled = False
            continue
        if doomed is None:
            continue
        if why := denied(doomed.live):
            told(key, f"stays: {why}")
            continue
        found.append(doomed)
    return found if settled and _agreed(app, found, told) else None


def _look(
    cluster: Cluster, app: Application, key: ObjectKey, api_version: str, told: Told
) -> _Doomed | None:
    """Return an object that is to go, None for one that is gone or stays."""
    try:
        kind = cluster.resolve(api_version, key.kind)
        live = cluster.get(kind, key.namespace, key.name)
    except NotFound:
        return None
    if live is None:
        return None
    options = SyncOptions.of(app.spec.sync_policy.sync_options)
    stays = (
        owner_of(live, key) != instance_of(app)
        or options.has("Delete=false", live)
        or is_kept(live)
        or key.kind == "CustomResourceDefinition"
    )
    if stays:
        told(key, "stays")
        return None
    return _Doomed(key, kind, live)


def _agreed(app: Application, doomed: Iterable[_Doomed], told: Told) -> bool:
    """Return whether nothing waits for somebody's word; nothing goes before all of it may."""
    options = SyncOptions.of(app.spec.sync_policy.sync_options)
    asking = [each for each in doomed if options.has("Delete=confirm", each.live)]
    if not asking or _approved(app):
        return True
    for each in asking:
        told(each.key, f"waits for the annotation {APPROVED}")
    return False


def _deleted(cluster: Cluster, app: Application, doomed: _Doomed, told: Told) -> bool:
    """Delete one object; return whether it is gone."""
    key = doomed.key
    background = _BACKGROUND in app.meta.finalizers
    propagation = Propagation.BACKGROUND if background else Propagation.FOREGROUND
    try:
        if is_hook_held(doomed.live):
            delete_hook(cluster, (key, doomed.kind.api_version), instance=instance_of(app))
            told(key, "deleted")
        elif not doomed.live["metadata"].get("deletionTimestamp"):
            cluster.delete(doomed.kind, key.namespace, key.name, propagation=propagation)
            told(key, "deleted")
        return cluster.get(doomed.kind, key.namespace, key.name) is None
    except ClusterError as exc:
        told(key, exc.message)
        return False


def _approved(app: Application) -> bool:
    """Return whether somebody agreed, and not before the deletion was asked for."""
    approved_at = parse_timestamp(app.meta.annotations.get(APPROVED, ""))
    if approved_at is None:
        return False
    return app.meta.deleted_at is None or approved_at >= app.meta.deleted_at
