"""What an outcome says in a SealedSecret's status, and whether saying it is worth a write. Pure.

The condition is Sealed Secrets' own: `Synced`, never a reason, the error as message. The
message is always the current error: its controller leaves an earlier one standing as
long as the status stays False.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from secretsync.core.conditions import SHORT_MESSAGE, rfc3339
from secretsync.resources.sealed_secret import SealedSecretStatus

__all__ = ["SYNCED", "sealed_status"]

SYNCED = "Synced"


def sealed_status(
    raw: Mapping[str, Any],
    before: SealedSecretStatus,
    *,
    synced: bool,
    message: str,
    generation: int,
    now: datetime,
) -> tuple[dict[str, Any], SealedSecretStatus] | None:
    """Return the status patch and what it makes of the status, or None for no write.

    Args:
        raw: the SealedSecret; conditions of others in it stay.
        before: the status as last written.
        synced: whether the Secret is what the SealedSecret says.
        message: the error, or "".
        generation: of the SealedSecret that was worked on.
    """
    status = "True" if synced else "False"
    message = message[:SHORT_MESSAGE]
    said = (before.synced, before.message, before.observed_generation)
    if said == (status, message, generation):
        return None
    since = before.transition_at if before.synced == status else None
    condition = {
        "type": SYNCED,
        "status": status,
        "lastUpdateTime": rfc3339(now),
        "lastTransitionTime": rfc3339(since or now),
    }
    if message:
        condition["message"] = message
    patch = {
        "observedGeneration": generation,
        "conditions": [condition, *_others(raw)],
    }
    return patch, SealedSecretStatus(generation, status, message, now, since or now)


def _others(raw: Mapping[str, Any]) -> list[Any]:
    status = raw.get("status")
    conditions = status.get("conditions") if isinstance(status, dict) else None
    return [
        each
        for each in (conditions if isinstance(conditions, list) else ())
        if isinstance(each, dict) and each.get("type") != SYNCED
    ]
