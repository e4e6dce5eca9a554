"""When refreshes are due, and how they spread."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.core.schedule import backoff_s, next_due_at, next_tick_at, phase_s, refresh_due
from secretsync.resources.external_secret import ExternalSecret, ExternalSecretStatus, Target
from secretsync.resources.meta import ObjectMeta

NOW = datetime(2024, 6, 7, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _external_secret(
    policy: str = "Periodic",
    *,
    interval_s: float = 3600.0,
    refresh_at: datetime | None = NOW - HOUR / 2,
    synced: str = "1-a",
) -> ExternalSecret:
    return ExternalSecret(
        meta=ObjectMeta(name="es", namespace="ns"),
        api_version="external-secrets.io/v1",
        refresh_policy=policy,
        refresh_interval_s=interval_s,
        target=Target(name="es"),
        status=ExternalSecretStatus(refresh_at=refresh_at, synced_resource_version=synced),
    )


_NEVER = {"refresh_at": None, "synced": ""}


@pytest.mark.parametrize(
    ("policy", "given_status", "version", "due_at"),
    [
        pytest.param("Periodic", {}, "1-a", NOW + HOUR / 2, id="periodic-later"),
        pytest.param("Periodic", {"refresh_at": NOW - HOUR}, "1-a", NOW, id="periodic-now"),
        pytest.param(
            "Periodic", {"refresh_at": NOW - 2 * HOUR}, "1-a", NOW - HOUR, id="periodic-late"
        ),
        pytest.param("Periodic", _NEVER, "1-a", NOW, id="periodic-first"),
        pytest.param("Periodic", {}, "2-a", NOW, id="periodic-spec-changed"),
        pytest.param("Periodic", {}, "1-b", NOW, id="periodic-force-sync"),
        pytest.param("Periodic", {"refresh_at": None}, "1-a", NOW, id="periodic-time-lost"),
        pytest.param("Periodic", {"refresh_at": NOW + HOUR}, "1-a", NOW, id="periodic-future"),
        pytest.param("Periodic", {"interval_s": 0.0}, "1-a", None, id="zero-synced"),
        pytest.param("Periodic", {"interval_s": 0.0}, "2-b", None, id="zero-changed"),
        pytest.param("Periodic", {"interval_s": -1.0}, "2-b", None, id="negative-changed"),
        pytest.param("Periodic", {"interval_s": 0.0, **_NEVER}, "1-a", NOW, id="zero-first"),
        pytest.param("Periodic", {"interval_s": 3.2e11}, "1-a", None, id="beyond-the-calendar"),
        pytest.param("CreatedOnce", _NEVER, "1-a", NOW, id="once-first"),
        pytest.param("CreatedOnce", {"refresh_at": NOW - 9 * HOUR}, "2-b", None, id="once-done"),
        pytest.param("CreatedOnce", {"refresh_at": None}, "1-a", NOW, id="once-time-lost"),
        pytest.param("OnChange", _NEVER, "1-a", NOW, id="change-first"),
        pytest.param("OnChange", {"refresh_at": NOW - 9 * HOUR}, "1-a", None, id="change-none"),
        pytest.param("OnChange", {}, "1-b", NOW, id="change"),
        pytest.param("OnChange", {"interval_s": 0.0}, "2-a", NOW, id="change-interval-ignored"),
    ],
)
def test_next_due_at_by_policy(
    policy: str, given_status: dict[str, Any], version: str, due_at: datetime | None
) -> None:
    external_secret = _external_secret(policy, **given_status)
    assert next_due_at(external_secret, now=NOW, synced_resource_version=version) == due_at
    due = refresh_due(external_secret, now=NOW, synced_resource_version=version)
    assert due == (due_at is not None and due_at <= NOW)


def test_refresh_due_turns_true_at_the_time_that_next_due_at_names() -> None:
    external_secret = _external_secret()
    due_at = next_due_at(external_secret, now=NOW, synced_resource_version="1-a")
    assert due_at is not None
    before = due_at - timedelta(microseconds=1)
    assert not refresh_due(external_secret, now=before, synced_resource_version="1-a")
    assert refresh_due(external_secret, now=due_at, synced_resource_version="1-a")


_INTERVALS = st.floats(min_value=0.01, max_value=1e9)


@given(st.text(), _INTERVALS)
def test_phase_s_lies_in_its_interval_and_stays(identity: str, interval_s: float) -> None:
    phase = phase_s(identity, interval_s)
    assert 0 <= phase < interval_s
    assert phase_s(identity, interval_s) == phase


def test_phase_s_is_the_same_in_every_process() -> None:
    assert phase_s("aws/eu-west-1", 3600.0) == pytest.approx(2057.248687)


def test_phase_s_spreads_identities_evenly() -> None:
    quarters = [0, 0, 0, 0]
    for number in range(4000):
        quarters[int(phase_s(f"store-{number}", 4.0))] += 1
    assert all(850 < count < 1150 for count in quarters)


@given(
    st.floats(min_value=0, max_value=4e9), st.floats(min_value=0, max_value=1), st.floats(0.1, 1e6)
)
def test_next_tick_at_is_the_next_of_its_series(
    now_s: float, share: float, interval_s: float
) -> None:
    tick = next_tick_at(now_s, share * interval_s, interval_s)
    assert now_s < tick <= now_s + interval_s * 1.001
    turns = (tick - share * interval_s) / interval_s
    assert turns == pytest.approx(round(turns), abs=1e-3)


def test_next_tick_at_keeps_the_series_over_a_restart() -> None:
    ticks = [next_tick_at(now_s, 7.0, 60.0) for now_s in (0.0, 6.9, 7.0, 66.0, 67.0, 127.5)]
    assert ticks == [7.0, 7.0, 67.0, 67.0, 127.0, 187.0]


@pytest.mark.parametrize("interval_s", [0.0, -1.0, float("nan")])
def test_intervals_that_are_not_positive_are_a_caller_bug(interval_s: float) -> None:
    with pytest.raises(ValueError, match="more than 0 seconds"):
        phase_s("a", interval_s)
    with pytest.raises(ValueError, match="more than 0 seconds"):
        next_tick_at(0.0, 0.0, interval_s)


@pytest.mark.parametrize(
    ("attempt", "spread", "wait_s"),
    [
        pytest.param(0, 0.0, 0.5, id="first-shortest"),
        pytest.param(0, 0.5, 0.75, id="first-middle"),
        pytest.param(3, 0.0, 4.0, id="doubled"),
        pytest.param(9, 0.0, 30.0, id="capped"),
        pytest.param(10**9, 0.5, 45.0, id="no-overflow"),
    ],
)
def test_backoff_s_doubles_up_to_its_cap(attempt: int, spread: float, wait_s: float) -> None:
    assert backoff_s(attempt, base_s=1.0, cap_s=60.0, spread=spread) == pytest.approx(wait_s)


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_backoff_s_never_exceeds_its_cap_and_never_is_zero(attempt: int, spread: float) -> None:
    assert 0.5 <= backoff_s(attempt, base_s=1.0, cap_s=300.0, spread=spread) <= 300.0


@pytest.mark.parametrize(("attempt", "spread"), [(-1, 0.0), (0, 1.0), (0, -0.1)])
def test_backoff_s_out_of_range_is_a_caller_bug(attempt: int, spread: float) -> None:
    with pytest.raises(ValueError, match=r"counted from 0|in \[0, 1\)"):
        backoff_s(attempt, base_s=1.0, cap_s=2.0, spread=spread)
