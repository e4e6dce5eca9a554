"""Looks at an application, at what has changed alone where the rest is known, and tells of it.

Neighbours: `app_loop` decides by what was found, `gitops.engine` renders and compares.
"""

from __future__ import annotations

from typing import Any

from secretsync.cluster.base import Object
from secretsync.controller.app_items import AppItem, AppItems
from secretsync.controller.app_recorder import AppRecorder
from secretsync.gitops.diff.comparing import known_from
from secretsync.gitops.diff.drift import has_drifted
from secretsync.gitops.engine import Engine
from secretsync.gitops.look import Look
from secretsync.gitops.model import Comparison, ObjectKey, SyncStatus
from secretsync.gitops.status.operation_status import state_from
from secretsync.resources.application import Application

__all__ = ["AppLooker"]


class AppLooker:
    """Looks at applications; safe in threads, one an application at a time."""

    def __init__(self, engine: Engine, items: AppItems, recorder: AppRecorder) -> None:
        self._engine = engine
        self._items = items
        self._recorder = recorder

    def look(self, item: AppItem, app: Application) -> Look:
        """Look again at what has changed, or at everything.

        Raises:
            SecretSyncError: it could not be rendered or read; nothing is known then.
        """
        changed = self._items.taken_changes(item)
        earlier = item.look

        def compare(shown: Application, objects: Any) -> Comparison:
            known: dict[ObjectKey, Object | None] | None = None
            if earlier is not None:
                known = known_from(earlier.comparison, changed)
            return self._engine.comparer.compare(shown, objects, known=known)

        look = self._engine.look(app, compare=compare)
        drifted = [p for p in look.comparison.pairs if p.key in changed and has_drifted(p)]
        same = earlier is not None and earlier.rendered.digest == look.rendered.digest
        if drifted and same and earlier is not None and not _pending(app):
            before = {p.key: p.status for p in earlier.comparison.pairs}
            fresh = [p for p in drifted if before.get(p.key) is SyncStatus.SYNCED]
            if fresh:
                self._recorder.drifted(app, fresh)
        self._recorder.looked(look)
        if self._items.get(app.ref) is None:  # It went meanwhile, and so does its metric.
            self._recorder.forgotten(app.meta.namespace, app.meta.name)
        self._recorder.status_changed(app, look)
        return look


def _pending(app: Application) -> bool:
    state = state_from(app.status.get("operationState") or {})
    return app.operation is not None or (state is not None and not state.phase.completed)
