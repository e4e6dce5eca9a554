"""What an outcome says in a SealedSecret's `status`, and whether that is worth a write. Pure.

The condition is Sealed Secrets' own: `Synced`, never a reason, the error as message. Its
controller keeps an old message until the generation moves; here a new error is told.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from secretsync.core.conditions import SHORT_MESSAGE, rfc3339
from secretsync.resources.sealed_secret import SealedSecretStatus

__all__ = ["sealed_secret_status"]


def sealed_secret_status(
    before: SealedSecretStatus, *, synced: bool, message: str, generation: int, now: datetime
) -> tuple[dict[str, Any], SealedSecretStatus] | None:
    """Return the status patch and what it makes of the status, or None for no write.

    Args:
        before: the status as last written.
        message: the error; "" where it is synced.
        generation: of the spec that was looked at.
    """
    status, message = "True" if synced else "False", message[:SHORT_MESSAGE]
    said = (before.synced, before.message) == (status, message)
    if said and before.observed_generation == generation:
        return None
    since = before.transition_at if before.synced == status else None
    condition = {
        "type": "Synced",
        "status": status,
        "lastUpdateTime": rfc3339(now),
        "lastTransitionTime": rfc3339(since or now),
    }
    if message:
        condition["message"] = message
    patch = {"observedGeneration": generation, "conditions": [condition]}
    return patch, SealedSecretStatus(generation, status, message, now, since or now)
