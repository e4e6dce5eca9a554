"""What an outcome says in `status`, and whether saying it is worth a write. Pure.

Reasons and messages are ESO's, followed by the real cause, which ESO leaves out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from secretsync.resources.external_secret import ExternalSecret, ExternalSecretStatus

__all__ = ["external_secret_status", "ready_status", "rfc3339"]

#: Long enough for any cause we write; the API server would take 32 KiB.
SHORT_MESSAGE = 1024


def rfc3339(moment: datetime) -> str:
    """Return a time as Kubernetes writes it, in UTC with whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def external_secret_status(
    item: ExternalSecret,
    before: ExternalSecretStatus,
    *,
    ready: bool,
    reason: str,
    message: str,
    version: str,
    refreshed: bool,
    now: datetime,
) -> tuple[dict[str, Any], ExternalSecretStatus] | None:
    """Return the status patch and what it makes of the status, or None for no write.

    Args:
        before: the status as last written.
        version: the `syncedResourceVersion` to record on success.
        refreshed: the target was written, so the refresh time moves.
    """
    status = "True" if ready else "False"
    message = message[:SHORT_MESSAGE]
    said = (before.ready, before.reason, before.message) == (status, reason, message)
    recorded = not ready or before.synced_resource_version == version
    if said and recorded and not refreshed:
        return None
    transition_at = before.transition_at if before.ready == status else now
    patch: dict[str, Any] = {
        "conditions": [
            {
                "type": "Ready",
                "status": status,
                "reason": reason,
                "message": message,
                "lastTransitionTime": rfc3339(transition_at or now),
            }
        ]
    }
    refresh_at, synced = before.refresh_at, before.synced_resource_version
    if ready:
        refresh_at, synced = now, version
        patch["refreshTime"] = rfc3339(now)
        patch["syncedResourceVersion"] = version
        patch["binding"] = {"name": item.target.name}
    after = ExternalSecretStatus(refresh_at, synced, status, reason, message, transition_at or now)
    return patch, after


def ready_status(
    before: Mapping[str, Any], *, ready: bool, reason: str, message: str, now: datetime
) -> dict[str, Any]:
    """Return the status patch of an object whose Ready condition is all there is to say.

    Args:
        before: the Ready condition as last written, {} for none. Its time stays where
            its status does.
    """
    status = "True" if ready else "False"
    since = before.get("lastTransitionTime") if before.get("status") == status else None
    return {
        "conditions": [
            {
                "type": "Ready",
                "status": status,
                "reason": reason,
                "message": message[:SHORT_MESSAGE],
                "lastTransitionTime": since or rfc3339(now),
            }
        ],
    }
