"""`Prune=confirm`: who agreed to what, by the annotation and the last sync."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from secretsync.gitops.model import (
    Health,
    HealthStatus,
    ObjectKey,
    OperationPhase,
    OperationState,
    Pair,
    ResourceResult,
    ResultCode,
    SyncPhase,
    SyncStatus,
)
from secretsync.gitops.status.operation_status import raw_sources, state_status
from secretsync.gitops.sync.approval import APPROVED, unagreed
from tests.gitops.comparing_kit import application

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = ObjectKey("", "ConfigMap", "shop", "asks")
ASKS = {"argocd.argoproj.io/sync-options": "Prune=confirm"}


def extra(annotations: dict[str, str], *, target: bool = False) -> Pair:
    """Return an object that is not in the sources."""
    obj: dict[str, Any] = {"metadata": {"name": "asks", "annotations": annotations}}
    health = Health(HealthStatus.HEALTHY)
    return Pair(KEY, obj if target else None, obj, SyncStatus.OUT_OF_SYNC, health=health)


@pytest.mark.parametrize(
    ("pair", "skipped", "approved", "waits"),
    [
        (extra(ASKS), True, "", True),
        (extra(ASKS), True, "2026-03-01T11:59:59Z", True),
        (extra(ASKS), True, "2026-03-01T12:00:00Z", False),
        (extra(ASKS), True, "yes", True),
        (extra(ASKS), False, "", False),  # A sync is to say first what it waits for.
        (extra({}), True, "", False),
        (extra(ASKS, target=True), True, "", False),
    ],
)
def test_object_waits_once_a_sync_has_skipped_it_and_until_somebody_agrees_after(
    pair: Pair, approved: str, *, skipped: bool, waits: bool
) -> None:
    app = application(namespace="shop")
    code = ResultCode.PRUNE_SKIPPED if skipped else ResultCode.SYNCED
    results = (ResourceResult(KEY, "v1", SyncPhase.SYNC, code),)
    state = OperationState({}, OperationPhase.SUCCEEDED, NOW, results=results)
    app = replace(
        app,
        meta=replace(app.meta, annotations={APPROVED: approved}),
        status={"operationState": state_status(state, raw_sources(app))},
    )
    found = unagreed(app, [pair], NOW + timedelta(minutes=1))
    assert found == (frozenset([KEY]) if waits else frozenset())
