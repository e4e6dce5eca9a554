"""Sync windows: which concern an application, and what they let through when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from secretsync.gitops.projects.project_windows import window_verdict
from secretsync.resources.app_project_spec import ProjectWindow
from tests.gitops.comparing_kit import application

#: A Wednesday.
NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
OPEN = {"schedule": "0 11 * * *", "duration": "2h"}
SHUT = {"schedule": "0 20 * * *", "duration": "2h"}


def window(kind: str, when: dict[str, str], **fields: Any) -> ProjectWindow:
    return ProjectWindow(
        kind, when["schedule"], when["duration"], **{"applications": ("*",), **fields}
    )


def blocked(
    *windows: ProjectWindow, manual: bool = False, begun: bool = False, now: datetime = NOON
) -> bool:
    app = application(namespace="shop")
    since = now - timedelta(minutes=1) if begun else None
    return bool(window_verdict(windows, app, now=now, manual=manual, begun=since).blocked)


@pytest.mark.parametrize(
    ("windows", "automatic", "manual"),
    [
        ((), False, False),
        ((window("allow", OPEN),), False, False),
        ((window("allow", SHUT),), True, True),
        ((window("allow", SHUT, manual_sync=True),), True, False),
        ((window("deny", OPEN),), True, True),
        ((window("deny", OPEN, manual_sync=True),), True, False),
        ((window("deny", OPEN, manual_sync=True), window("deny", OPEN)), True, True),
        ((window("deny", SHUT),), False, False),
        ((window("allow", OPEN), window("allow", SHUT)), False, False),
        ((window("allow", SHUT, manual_sync=True), window("allow", SHUT)), True, True),
        ((window("allow", OPEN), window("deny", OPEN)), True, True),
        ((window("allow", SHUT), window("deny", SHUT)), True, True),
    ],
)
def test_windows_block_syncs(
    windows: tuple[ProjectWindow, ...], automatic: bool, manual: bool
) -> None:
    assert (blocked(*windows), blocked(*windows, manual=True)) == (automatic, manual)


@pytest.mark.parametrize(
    ("windows", "stops"),
    [
        ((window("deny", OPEN),), True),
        ((window("deny", OPEN, sync_overrun=True),), False),
        ((window("deny", OPEN, sync_overrun=True), window("deny", OPEN)), True),
        ((window("allow", SHUT),), True),
        ((window("allow", SHUT, sync_overrun=True),), False),
        ((window("allow", SHUT, sync_overrun=True), window("allow", SHUT)), True),
        ((window("allow", SHUT), window("deny", OPEN, sync_overrun=True)), False),
        ((window("allow", SHUT, sync_overrun=True), window("deny", OPEN)), True),
    ],
)
def test_windows_stop_a_sync_that_has_begun_unless_it_may_overrun(
    windows: tuple[ProjectWindow, ...], stops: bool
) -> None:
    assert blocked(*windows, begun=True) is stops
    assert blocked(*windows) is True


@pytest.mark.parametrize(
    ("fields", "concerns"),
    [
        ({"applications": ("web",)}, True),
        ({"applications": ("w*",)}, True),
        ({"applications": ("other",)}, False),
        ({"applications": (), "namespaces": ("sh?p",)}, True),
        ({"applications": (), "namespaces": ("other",)}, False),
        ({"applications": (), "clusters": ("https://kubernetes.*",)}, True),
        ({"applications": (), "clusters": ("in-cluster",)}, True),
        ({"applications": ("other",), "namespaces": ("shop",)}, True),
        ({"applications": ("other",), "namespaces": ("shop",), "and_operator": True}, False),
        ({"applications": ("web",), "namespaces": ("shop",), "and_operator": True}, True),
        ({"applications": ()}, False),
        ({"applications": (), "and_operator": True}, False),
    ],
)
def test_window_concerns_what_it_names(fields: dict[str, Any], concerns: bool) -> None:
    assert blocked(window("deny", OPEN, **fields)) is concerns


@pytest.mark.parametrize(
    ("schedule", "duration", "zone", "now", "is_open"),
    [
        ("0 12 * * *", "1h", "", NOON, True),
        ("0 11 * * *", "1h", "", NOON, False),
        ("0 13 * * *", "1h", "Europe/Paris", NOON, False),
        ("0 14 * * *", "1h", "Europe/Paris", NOON, True),
        ("0 8 * * 3", "30m", "America/New_York", NOON, True),
        ("0 8 * * 4", "30m", "America/New_York", NOON, False),
        # In winter Paris is one hour from UTC, not two.
        ("0 13 * * *", "1h", "Europe/Paris", datetime(2026, 1, 7, 12, 30, tzinfo=UTC), True),
        ("0 0 * * *", "36h", "", NOON, True),
    ],
)
def test_window_opens_on_the_clock_of_its_zone(
    schedule: str, duration: str, zone: str, now: datetime, is_open: bool
) -> None:
    found = window("deny", {"schedule": schedule, "duration": duration}, time_zone=zone)
    assert blocked(found, now=now) is is_open


@pytest.mark.parametrize(
    ("schedule", "duration", "zone", "until"),
    [
        ("0 11 * * *", "2h", "UTC", datetime(2026, 7, 1, 13, tzinfo=UTC)),
        ("0 20 * * *", "2h", "UTC", datetime(2026, 7, 1, 20, tzinfo=UTC)),
        ("0 20 * * *", "2h", "Europe/Paris", datetime(2026, 7, 1, 18, tzinfo=UTC)),
        # The night in which the clocks of Paris go back lies between.
        ("0 3 25 10 *", "2h", "Europe/Paris", datetime(2026, 10, 25, 2, tzinfo=UTC)),
    ],
)
def test_verdict_says_when_another_one_is_possible(
    schedule: str, duration: str, zone: str, until: datetime
) -> None:
    found = window("deny", {"schedule": schedule, "duration": duration}, time_zone=zone)
    verdict = window_verdict([found], application(namespace="shop"), now=NOON, manual=False)
    assert verdict.until == until
    assert verdict.wait_s(NOON) == (until - NOON).total_seconds()


def test_verdict_that_blocks_names_the_windows() -> None:
    night = ProjectWindow(
        "deny", "0 13 * * *", "2h", applications=("*",), time_zone="Europe/Paris", manual_sync=True
    )
    app = application(namespace="shop")
    verdict = window_verdict([night], app, now=NOON, manual=False)
    assert verdict.blocked == (
        "a sync window is closed to it: deny 0 13 * * * for 2h (Europe/Paris)"
    )
    assert verdict.windows == ("deny 0 13 * * * for 2h (Europe/Paris)",)
