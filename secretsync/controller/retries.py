"""How long what failed waits for its next turn: longer with each failure in a row.

Users: `reconciler` and `sealed_loop`. Nothing is given up.
"""

from __future__ import annotations

import threading
from typing import Any

from secretsync.core.schedule import backoff_s, phase_s
from secretsync.refresh.outcomes import Outcome
from secretsync.resources.meta import ObjectRef

__all__ = ["PERMANENT_BASE_S", "RETRY_CAP_S", "TRANSIENT_BASE_S", "Retries"]

TRANSIENT_BASE_S = 1.0
PERMANENT_BASE_S = 10.0
#: A failure is looked at again this often at least, whatever the refresh interval:
#: somebody may be waiting for it.
RETRY_CAP_S = 300.0


class Retries:
    """Counts the failures in a row of each object; any thread may."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._attempts: dict[ObjectRef, int] = {}

    def failed(
        self, ref: ObjectRef, outcome: Outcome[Any], *, alike: str, cap_s: float = RETRY_CAP_S
    ) -> float:
        """Count a failure; return the seconds until the next try.

        Args:
            alike: objects that say the same wait alike, so that they come as one batch.
            cap_s: the longest wait, unless the outcome asks for a longer one.
        """
        with self._lock:
            attempt = self._attempts.get(ref, 0)
            self._attempts[ref] = attempt + 1
        wait_s = backoff_s(
            attempt,
            base_s=TRANSIENT_BASE_S if outcome.transient else PERMANENT_BASE_S,
            cap_s=cap_s,
            spread=min(0.999, phase_s(alike, 1.0)),
        )
        return max(wait_s, outcome.retry_after_s or 0.0)

    def forget(self, ref: ObjectRef) -> None:
        """Begin anew: it succeeded, was edited, or is gone."""
        with self._lock:
            self._attempts.pop(ref, None)
