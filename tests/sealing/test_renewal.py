"""When a new sealing key is due."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from sealing import RENEW_PERIOD, plan_renewal
from tests.sealing.kit import NOW

MS = timedelta(milliseconds=1)
DAYS_30 = timedelta(days=30)
NEVER = timedelta(0)


@pytest.mark.parametrize(
    ("newest_at", "period", "cutoff_at", "due", "next_at"),
    [
        pytest.param(None, NEVER, None, True, None, id="row 94: no key, no period"),
        pytest.param(None, 100 * MS, None, True, NOW + 100 * MS, id="row 95"),
        pytest.param(NOW - DAYS_30, NEVER, None, False, None, id="row 96: a key, no period"),
        pytest.param(
            NOW - DAYS_30 + 100 * MS, DAYS_30, None, False, NOW + 100 * MS, id="row 98: soon"
        ),
        pytest.param(NOW - MS, DAYS_30, NOW, True, NOW + DAYS_30, id="row 99: cut-off now"),
        pytest.param(NOW, NEVER, NOW, False, None, id="made at the cut-off"),
        pytest.param(NOW - MS, NEVER, NOW, True, None, id="cut-off without a period"),
        pytest.param(NOW - DAYS_30, DAYS_30, None, True, NOW + DAYS_30, id="just due"),
        pytest.param(NOW - 9 * DAYS_30, DAYS_30, None, True, NOW + DAYS_30, id="long due"),
        pytest.param(NOW - MS, NEVER, NOW + MS, False, NOW + MS, id="cut-off to come"),
        pytest.param(NOW - MS, DAYS_30, NOW + MS, False, NOW + MS, id="cut-off before the period"),
        pytest.param(None, NEVER, NOW + MS, True, NOW + MS, id="no key, cut-off to come"),
        pytest.param(NOW + 2 * MS, NEVER, NOW + MS, False, None, id="newer than a cut-off to come"),
        pytest.param(
            NOW + DAYS_30, DAYS_30, None, False, NOW + 2 * DAYS_30, id="brought in from the future"
        ),
    ],
)
def test_renewal_is_due_by_absence_age_or_cutoff(newest_at, period, cutoff_at, due, next_at):
    plan = plan_renewal(newest_at, now=NOW, period=period, cutoff_at=cutoff_at)
    assert (plan.due, plan.next_at) == (due, next_at)
    assert bool(plan.reason) is due


def test_renewal_says_why():
    ages = {"cutoff_at": NOW, "now": NOW}
    assert plan_renewal(None, **ages).reason == "there is no key yet"
    assert "older than the cut-off time" in plan_renewal(NOW - MS, **ages).reason
    assert "older than the renewal period" in plan_renewal(NOW - RENEW_PERIOD, now=NOW).reason
    assert timedelta(hours=720) == RENEW_PERIOD


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"period": -MS}, "`period` must not be negative; 0 switches"),
        ({"now": datetime(2026, 1, 1)}, "`now` has no time zone"),  # noqa: DTZ001 - the mistake
        ({"newest_at": datetime(2026, 1, 1)}, "`newest_at` has no time zone"),  # noqa: DTZ001 - the mistake
        ({"cutoff_at": datetime(2026, 1, 1)}, "`cutoff_at` has no time zone"),  # noqa: DTZ001 - the mistake
    ],
)  # fmt: skip
def test_renewal_of_a_callers_mistake_is_refused(change, says):
    with pytest.raises(ValueError, match=says):
        plan_renewal(**({"newest_at": NOW, "now": NOW} | change))
