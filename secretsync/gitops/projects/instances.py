"""By what name the objects of an Application are tracked as its own.

One of another namespace than Argo CD's has its namespace in that name, so that a tenant's
Application never passes for one of the same name elsewhere: what it lists in its status is
not its own to delete.

Source: Argo CD 3.6, "Applications in any namespace", the instance name `NAMESPACE_NAME`.
"""

from __future__ import annotations

from secretsync.gitops.sources.repo_logins import REPOSITORY_NAMESPACE
from secretsync.resources.application import Application

__all__ = ["instance_of"]


def instance_of(app: Application) -> str:
    """Return what names an application in tracking; no name of an object has a `_`."""
    meta = app.meta
    return meta.name if meta.namespace == REPOSITORY_NAMESPACE else f"{meta.namespace}_{meta.name}"
