"""The sync windows of an application's project, as `app get` shows them."""

from __future__ import annotations

from typing import Any

from secretsync.cli.app.session import AppSession
from secretsync.errors import ConfigError
from secretsync.gitops.projects.permitting import Permits
from secretsync.gitops.projects.project_windows import window_verdict
from secretsync.gitops.status.operation_status import timestamp
from secretsync.resources.application import Application

__all__ = ["windows_now"]


def windows_now(session: AppSession, app: Application) -> dict[str, Any]:
    """Return the windows that concern an application, and what they let through now.

    Returns:
        `windows` as people read them, `syncs`: allowed, by hand only, or denied, and
        `until`: when that may change, None where nothing will. A project that cannot be
        read has no windows to show: its applications are not synced at all.

    Raises:
        ClusterError: the cluster cannot be asked.
    """
    try:
        held = Permits(session.cluster, session.store).project(app).held
    except ConfigError:
        held = None
    windows, now = (() if held is None else held.spec.sync_windows), session.clock.now()
    found = window_verdict(windows, app, now=now, manual=False)
    by_hand = window_verdict(windows, app, now=now, manual=True)
    syncs = "allowed"
    if found.blocked:
        syncs = "denied" if by_hand.blocked else "by hand only"
    return {
        "windows": list(found.windows),
        "syncs": syncs,
        "until": None if found.until is None else timestamp(found.until),
    }
