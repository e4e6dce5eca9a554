"""`Prune=confirm`: what is pruned only when somebody agrees, and whether somebody did. Pure.

Neighbours: `task_running` skips what nobody agreed to, `decision` waits for it in silence.

Source: Argo CD 3.6, "Sync options"; that nobody's worker waits is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from secretsync.gitops.model import ObjectKey, OperationState, Pair, ResultCode
from secretsync.gitops.objects.sync_options import SyncOptions
from secretsync.gitops.status.operation_status import state_from
from secretsync.resources.application import Application
from secretsync.resources.timestamps import parse_timestamp

__all__ = ["APPROVED", "agreed_to", "must_be_agreed_to", "unagreed"]

APPROVED = "argocd.argoproj.io/deletion-approved"


def must_be_agreed_to(options: SyncOptions, live: Mapping[str, Any]) -> bool:
    """Return whether an object is pruned only when somebody agrees."""
    return options.has("Prune=confirm", live)


def agreed_to(app: Application, key: ObjectKey, started_at: datetime) -> bool:
    """Return whether somebody agreed since the last sync, which left the object for that.

    Args:
        started_at: when the sync began that would prune it.
    """
    approved_at = parse_timestamp(app.meta.annotations.get(APPROVED, ""))
    if approved_at is None:
        return False
    last = _state(app)
    asked_at = last.started_at if last is not None and _skipped(last, key) else started_at
    return approved_at >= asked_at


def unagreed(app: Application, pairs: Iterable[Pair], now: datetime) -> frozenset[ObjectKey]:
    """Return the objects that a sync has skipped already, and another one would again.

    Args:
        now: aware.
    """
    last = _state(app)
    options = SyncOptions.of(app.spec.sync_policy.sync_options)
    return frozenset(
        pair.key
        for pair in pairs
        if pair.target is None
        and must_be_agreed_to(options, pair.live or {})
        and last is not None
        and _skipped(last, pair.key)
        and not agreed_to(app, pair.key, now)
    )


def _state(app: Application) -> OperationState | None:
    return state_from(app.status.get("operationState") or {})


def _skipped(state: OperationState, key: ObjectKey) -> bool:
    return any(each.key == key and each.code is ResultCode.PRUNE_SKIPPED for each in state.results)
