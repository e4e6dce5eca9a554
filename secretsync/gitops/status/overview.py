"""An Application in one row, from its status. Pure."""

from __future__ import annotations

from typing import Any

from secretsync.gitops.sources.revisions import short_revision
from secretsync.gitops.status.pins import pin_of
from secretsync.resources.application import Application

__all__ = ["place_of", "row_of"]


def row_of(app: Application) -> dict[str, Any]:
    """Return what `app list` and `app get` show; what nobody knows yet is Unknown."""
    sync, health = app.status.get("sync") or {}, app.status.get("health") or {}
    operation = app.status.get("operationState") or {}
    revisions = sync.get("revisions") or [sync.get("revision") or ""]
    pin = pin_of(app)
    return {
        "namespace": app.meta.namespace,
        "name": app.meta.name,
        "project": app.spec.project,
        "sync": sync.get("status") or "Unknown",
        "health": health.get("status") or "Unknown",
        "revision": ",".join(short_revision(str(each)) for each in revisions),
        "operation": operation.get("phase") or "",
        "message": operation.get("message") or "",
        "pinned": pin.number if pin else None,
        "conditions": [
            {"type": each.get("type"), "message": each.get("message")}
            for each in app.status.get("conditions") or ()
        ],
    }


def place_of(app: Application) -> dict[str, str]:
    """Return what the JSON of every verb names an application by."""
    return {"namespace": app.meta.namespace, "name": app.meta.name}
