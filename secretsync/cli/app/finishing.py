"""What a directory's service would do while a command waits: let deleted Applications go.

An application of applications prunes one whose finalizer holds it until what it made is
gone. Nobody but the command itself is there to work on that.
"""

from __future__ import annotations

from collections.abc import Callable

from secretsync.cluster.base import Cluster
from secretsync.errors import ConfigError
from secretsync.gitops.deletion.deleting import FINALIZER, delete_application
from secretsync.gitops.model import ObjectKey
from secretsync.gitops.status.app_store import AppStore

__all__ = ["finishing"]


def finishing(cluster: Cluster, wait: Callable[[float], bool]) -> Callable[[float], bool]:
    """Return a wait that finishes deletions first, and does not sleep where it did one.

    Args:
        wait: sleeps so many seconds, False where the process is to stop.
    """
    store = AppStore(cluster)

    def finish_or_wait(seconds: float) -> bool:
        return finish_deleted(cluster, store) or wait(seconds)

    return finish_or_wait


def finish_deleted(cluster: Cluster, store: AppStore) -> bool:
    """Delete what deleted Applications made, then let them go; return whether one went.

    Raises:
        ConfigError: nobody knows what the project of one gives, and no other went.
        ClusterError: the cluster cannot be asked, or refused it.
    """
    apps, _ = store.list()
    leaving = [
        app
        for app in apps
        if app.meta.deleted_at is not None
        and any(each.startswith(FINALIZER) for each in app.meta.finalizers)
    ]
    gone, held = False, None
    for app in leaving:  # Every one has its turn: one that is held up is no reason to leave others.
        try:
            gone |= delete_application(cluster, store, app, cascade=True, told=_untold)
        except ConfigError as exc:
            held = held or exc
    if held is not None and not gone:
        raise held
    return gone


def _untold(_key: ObjectKey, _what: str) -> None:
    """Take no notice: the plan has named the application."""
