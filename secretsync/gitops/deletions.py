"""Goes on with deletions of Applications, and says in their status what holds them.

Neighbours: `deleting` has the steps, `controller.app_loop` and `app delete` come again
until one is through.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from secretsync.errors import ClusterError, SecretSyncError
from secretsync.gitops.deletion.deleting import FINALIZER, Told, delete_application
from secretsync.gitops.deletion.deletion_hooks import DeletionHooks
from secretsync.gitops.engine import Engine
from secretsync.gitops.model import Object, ObjectKey
from secretsync.gitops.projects.permitting import Permits
from secretsync.gitops.status.app_status import conditions_of, settled
from secretsync.resources.application import Application

__all__ = ["Deletions", "asked_again_s"]

#: Seconds until it is asked again: while finalizers are at work, and after a failure.
SOON_S = 1.0
LATER_S = 15.0
#: The longer it has lasted, the more seldom: by this part of that time.
SHARE = 0.05


def asked_again_s(lasted_s: float) -> float:
    """Return the seconds until one asks again for what goes; a finalizer may hold it for days.

    Args:
        lasted_s: seconds since the deletion was asked for.
    """
    return min(LATER_S, max(SOON_S, SHARE * lasted_s))


@dataclass(frozen=True)
class Deletions:
    """Deletes what Applications of one cluster made; safe in threads."""

    engine: Engine

    def go_on(self, app: Application, told: Told) -> float | None:
        """Do the next part of a deletion that was asked for.

        Args:
            app: as it is now, with its finalizers.
            told: of each object what came of it.

        Returns:
            Seconds after which to ask again, None when it is through.

        Raises:
            ClusterError: the cluster cannot be asked, or refused a write.
        """
        engine = self.engine
        hooks = DeletionHooks(engine.cluster, self._objects)
        if not engine.cluster.collects_garbage:
            with contextlib.suppress(SecretSyncError):  # It may have no sources any more.
                hooks.pass_by(app, told)
        try:
            gone = delete_application(
                engine.cluster,
                engine.store,
                app,
                cascade=any(each.startswith(FINALIZER) for each in app.meta.finalizers),
                told=told,
                hooks=hooks if engine.cluster.collects_garbage else None,
            )
        except ClusterError:
            raise
        except SecretSyncError as exc:
            meta = app.meta
            told(ObjectKey("argoproj.io", "Application", meta.namespace, meta.name), exc.sentence)
            self._tell(app, exc.sentence)
            return LATER_S
        if gone:
            return None
        began = app.meta.deleted_at or engine.now()
        return asked_again_s((engine.now() - began).total_seconds())

    def _objects(self, app: Application) -> Sequence[Object]:
        """Render an application for its hooks, as far as its project allows."""
        engine = self.engine
        permits = Permits(engine.cluster, engine.store, engine.integrity)
        project = permits.project(app)
        permits.check(project, app)
        revisions = engine.renderer.resolve(app)
        permits.check_revisions(project, app, revisions)
        objects = engine.renderer.render(app, revisions=revisions).objects
        permits.check_objects(project, app, objects)
        return objects

    def _tell(self, app: Application, message: str) -> None:
        now = self.engine.now()
        conditions = conditions_of(app.status, [("DeletionError", message)], now=now)
        status = {"conditions": conditions}
        if not settled(app.status, status):
            self.engine.store.write_status(app, status)
