"""A sync that is under way, and windows that open and close meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from secretsync.gitops.look import Look
from secretsync.gitops.model import Comparison, Health, HealthStatus, Rendered, SyncStatus
from secretsync.gitops.projects.permitting import Project
from secretsync.gitops.sync.prune_guard import PruneVerdict
from secretsync.gitops.window_guard import Paused, WindowGuard
from secretsync.resources.app_project import parse_app_project
from secretsync.resources.documents import Document, Origin
from tests.gitops.comparing_kit import application

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


class Moved:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at


def look(**window: Any) -> Look:
    spec = {"syncWindows": [{"applications": ["*"], **window}]}
    document = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "shop", "namespace": "argocd"},
        "spec": spec,
    }
    parsed = parse_app_project(Document(document, Origin("")), default_namespace="argocd")
    assert parsed.value is not None, parsed.problems
    found = Comparison((), SyncStatus.SYNCED, Health(HealthStatus.HEALTHY))
    made = Look(
        application(namespace="shop"),
        Rendered((), (), (), ""),
        found,
        PruneVerdict(allowed=True),
        (),
    )
    return replace(made, project=Project(parsed.value))


@pytest.mark.parametrize("overrun", [True, False])
@pytest.mark.parametrize(
    "window",
    [
        {"kind": "deny", "schedule": "0 13 * * *", "duration": "1h"},
        {"kind": "allow", "schedule": "0 11 * * *", "duration": "2h"},
    ],
)
def test_sync_pauses_when_a_window_closes_to_it_unless_it_may_overrun(
    window: dict[str, Any], overrun: bool
) -> None:
    clock = Moved()
    guard = WindowGuard(look(**window, syncOverrun=overrun), clock.now, manual=False)
    guard.check()
    clock.at += timedelta(hours=1, minutes=1)
    if overrun:
        guard.check()
        return
    with pytest.raises(Paused, match=window["kind"]) as caught:
        guard.check()
    assert caught.value.wait_s is not None
    clock.at += timedelta(seconds=caught.value.wait_s)
    guard.check()


def test_sync_that_somebody_asked_for_goes_on_where_the_window_lets_it() -> None:
    clock = Moved()
    closed = look(kind="deny", schedule="0 13 * * *", duration="1h", manualSync=True)
    guard = WindowGuard(closed, clock.now, manual=True)
    clock.at += timedelta(hours=1, minutes=1)
    guard.check()
