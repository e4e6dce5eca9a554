"""How often a sync that somebody asked for is tried again, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from secretsync.gitops.asked_retries import AskedRetry, asked_retry
from secretsync.gitops.model import OperationPhase, OperationState

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUICK = {"duration": "10s", "factor": 2, "maxDuration": "30s"}


def failed(failures: int = 1, **retry: Any) -> OperationState:
    """Return an operation that ada asked for and that failed a second ago."""
    return OperationState(
        {"initiatedBy": {"username": "ada"}, "sync": {}, "retry": {"backoff": QUICK, **retry}},
        OperationPhase.FAILED,
        NOW - timedelta(seconds=3),
        finished_at=NOW - timedelta(seconds=1),
        retry_count=failures - 1,
    )


@pytest.mark.parametrize(
    ("state", "wait_s"),
    [
        (failed(limit=2), 9.0),
        (failed(2, limit=2), 19.0),
        (failed(3, limit=2), None),
        (failed(3, limit=-1), 29.0),
        (failed(99, limit=-1), 29.0),
        (failed(), None),
        (failed(limit=0), None),
        (failed(limit="many"), None),
        (replace(failed(limit=2), phase=OperationPhase.ERROR), 9.0),
        (replace(failed(limit=2), phase=OperationPhase.SUCCEEDED), None),
        (replace(failed(limit=2), phase=OperationPhase.RUNNING), None),
        (replace(failed(limit=2), message="Operation terminated"), None),
        (replace(failed(limit=2), finished_at=NOW - timedelta(minutes=1)), 0.0),
        (None, None),
    ],
)
def test_operation_that_failed_is_tried_again_as_often_as_it_says(
    state: OperationState | None, wait_s: float | None
) -> None:
    found = asked_retry(state, NOW)
    assert found == (None if wait_s is None else AskedRetry(wait_s, newest=False))


@pytest.mark.parametrize(
    "operation",
    [
        {"initiatedBy": {"automated": True}},
        {"info": [{"name": "Runner", "value": "command c"}]},
    ],
)
def test_operation_that_nobody_waits_for_is_not_tried_again_here(
    operation: dict[str, Any],
) -> None:
    state = failed(limit=2)
    assert asked_retry(replace(state, operation={**state.operation, **operation}), NOW) is None


def test_retry_with_refresh_is_of_the_newest_revision() -> None:
    assert asked_retry(failed(limit=2, refresh=True), NOW) == AskedRetry(9.0, newest=True)
