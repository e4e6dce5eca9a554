"""syncWindows: when a periodic refresh may happen, and when again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from secretsync.core.schedule import next_allowed_at, next_due_at, windows_allow
from secretsync.resources.external_secret import ExternalSecretStatus
from secretsync.resources.sync_windows import SyncWindow, SyncWindows
from tests.core.secret_cases import external_secret

OPENS = datetime(2026, 6, 1, 22, tzinfo=UTC)
CLOSES = OPENS + timedelta(hours=2)
NIGHT = SyncWindow("0 22 * * *", 7200.0)
BROKEN = SyncWindow("not-a-cron", 7200.0)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        pytest.param(OPENS, True, id="as-it-opens"),
        pytest.param(OPENS + SECOND, True, id="inside"),
        pytest.param(CLOSES, True, id="as-it-closes"),
        pytest.param(CLOSES + SECOND, False, id="a-second-later"),
        pytest.param(OPENS - HOUR, False, id="an-hour-before"),
        pytest.param(OPENS + 5 * HOUR, False, id="between-two"),
        pytest.param(OPENS + 25 * HOUR, True, id="the-next-day"),
    ],
)
def test_window_is_open_from_its_firing_to_the_end_of_its_duration(
    at: datetime, is_open: bool
) -> None:
    assert windows_allow(SyncWindows("allow", (NIGHT,)), at) is is_open
    assert windows_allow(SyncWindows("deny", (NIGHT,)), at) is not is_open


@pytest.mark.parametrize(
    ("kind", "windows", "allowed"),
    [
        pytest.param("allow", (), True, id="no-window-allows"),
        pytest.param("deny", (), True, id="no-window-denies-nothing"),
        pytest.param("allow", (BROKEN,), False, id="a-broken-schedule-opens-none"),
        pytest.param("deny", (BROKEN,), True, id="a-broken-schedule-denies-nothing"),
        pytest.param("allow", (BROKEN, NIGHT), True, id="any-of-several"),
        pytest.param("allow", (SyncWindow("@every 1h", 7200.0),), True, id="every-in-its-length"),
        pytest.param("allow", (SyncWindow("@every 3h", 7200.0),), False, id="every-beyond-it"),
        pytest.param("deny", (SyncWindow("@daily", 1e12),), False, id="longer-than-the-calendar"),
    ],
)
def test_windows_decide_together(kind: str, windows: tuple[SyncWindow, ...], allowed: bool) -> None:
    assert windows_allow(SyncWindows(kind, windows), OPENS + HOUR) is allowed


@pytest.mark.parametrize(
    ("windows", "now", "wanted"),
    [
        pytest.param(SyncWindows("allow", (NIGHT,)), OPENS, OPENS, id="allowed-now"),
        pytest.param(SyncWindows("allow", (NIGHT,)), OPENS - HOUR, OPENS, id="when-it-opens"),
        pytest.param(
            SyncWindows("deny", (NIGHT,)), OPENS, CLOSES + SECOND, id="when-it-has-closed"
        ),
        pytest.param(
            SyncWindows("deny", (NIGHT, SyncWindow("30 23 * * *", 3600.0))),
            OPENS,
            CLOSES + HOUR / 2 + SECOND,
            id="when-the-one-that-follows-has-closed",
        ),
        pytest.param(SyncWindows("allow", (BROKEN,)), OPENS, None, id="never"),
        pytest.param(
            SyncWindows("deny", (SyncWindow("* * * * *", 120.0),)), OPENS, None, id="ever"
        ),
    ],
)
def test_next_allowed_moment(windows: SyncWindows, now: datetime, wanted: datetime | None) -> None:
    assert next_allowed_at(windows, now) == wanted


@pytest.mark.parametrize(
    ("synced", "due_at"),
    [
        pytest.param("v", OPENS, id="by-time-alone-it-waits"),
        pytest.param("old", OPENS - 2 * HOUR, id="an-edit-does-not"),
    ],
)
def test_windows_hold_back_what_is_due_by_time_alone(synced: str, due_at: datetime) -> None:
    windows = {"kind": "allow", "windows": [{"schedule": "0 22 * * *", "duration": "2h"}]}
    now = OPENS - 2 * HOUR
    status = ExternalSecretStatus(OPENS - 7 * HOUR, synced)
    item = external_secret({"refreshInterval": "1h", "syncWindows": windows})
    item = replace(item, status=status)
    assert next_due_at(item, now=now, synced_resource_version="v") == due_at
