"""`operation.retry`: a sync that somebody asked for, and how often it is tried again. Pure.

Neighbours: `backoff` has the waits; `decision` tries again what automation wants, which is
without end, so this is for where automation is off.

Source: Argo CD 3.6's type `RetryStrategy`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from secretsync.gitops.backoff import retry_wait_s
from secretsync.gitops.model import OperationPhase, OperationState
from secretsync.gitops.status.operation_claims import TERMINATED
from secretsync.gitops.status.operation_status import RUNNER
from secretsync.resources.application_spec import Backoff, Retry, SyncPolicy

__all__ = ["AskedRetry", "asked_retry"]

_FAILED = (OperationPhase.FAILED, OperationPhase.ERROR)


@dataclass(frozen=True, slots=True)
class AskedRetry:
    """The next try of an operation that failed.

    Args:
        wait_s: seconds until then, 0 for now.
        newest: it is of the newest revision, and not of the one that failed.
    """

    wait_s: float
    newest: bool


def asked_retry(state: OperationState | None, now: datetime) -> AskedRetry | None:
    """Return the next try, None where none was asked for or none is left.

    Args:
        state: the last operation. One that somebody ended is not tried again, nor one that
            a command ran: whoever gave that sees what became of it.
        now: aware.
    """
    if state is None or state.phase not in _FAILED or state.message == TERMINATED:
        return None
    raw, info = state.operation.get("retry") or {}, state.operation.get("info") or ()
    automated = (state.operation.get("initiatedBy") or {}).get("automated")
    if automated or any(each.get("name") == RUNNER for each in info):
        return None
    retry, failures = _retry(raw), state.retry_count + 1
    limit = retry.limit or 0
    if 0 <= limit < failures:
        return None
    since_s = (now - (state.finished_at or state.started_at)).total_seconds()
    wait_s = retry_wait_s(SyncPolicy(retry=retry), failures) - since_s
    return AskedRetry(max(0.0, wait_s), retry.refresh)


def _retry(raw: Mapping[str, Any]) -> Retry:
    """Read what the live field has, which nobody has checked."""
    backoff, limit = raw.get("backoff") or {}, raw.get("limit")
    factor = backoff.get("factor")
    found = Backoff(
        duration=str(backoff.get("duration") or Backoff().duration),
        factor=factor if isinstance(factor, int) and factor > 0 else None,
        max_duration=str(backoff.get("maxDuration") or Backoff().max_duration),
    )
    return Retry(
        limit=limit if isinstance(limit, int) else None,
        refresh=raw.get("refresh") is True,
        backoff=found,
    )
