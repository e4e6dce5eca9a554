"""Periodic work waits for its windows; generators get their turn by the clock."""

from __future__ import annotations

from datetime import timedelta

import pytest

from secretsync.controller.sync_gate import SyncGate
from secretsync.core.conditions import rfc3339
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.resources.external_secret import ExternalSecret
from tests.core.secret_cases import external_secret
from tests.refresh.kit import START, FakeClock

#: START is midnight.
NIGHT = {"schedule": "0 22 * * *", "duration": "4h"}
DAY = {"schedule": "0 8 * * *", "duration": "10h"}
GENERATED = {
    "data": None,
    "dataFrom": [{"sourceRef": {"generatorRef": {"kind": "Password", "name": "new"}}}],
}

MADE = "Password/new:dataFrom[0]"


class Waits(LaneQueue):
    """A queue that notes what is asked of it."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.asked: list[tuple[Lane, float]] = []

    def add(self, key: object, lane: Lane) -> None:
        self.asked.append((lane, 0.0))

    def add_after(self, key: object, lane: Lane, delay_s: float) -> None:
        self.asked.append((lane, delay_s))


@pytest.fixture
def queue() -> Waits:
    return Waits(FakeClock())


@pytest.fixture
def gate(queue: Waits) -> SyncGate:
    return SyncGate(queue, FakeClock())


def windowed(kind: str, window: dict[str, str], **spec: object) -> ExternalSecret:
    return external_secret({"syncWindows": {"kind": kind, "windows": [window]}, **spec})


@pytest.mark.parametrize(
    ("item", "asked"),
    [
        pytest.param(external_secret(), (Lane.ROTATION, 0.0), id="no-windows"),
        pytest.param(windowed("allow", NIGHT), (Lane.ROTATION, 0.0), id="allowed"),
        pytest.param(windowed("allow", DAY), (Lane.DUE, 8 * 3600.0), id="until-it-opens"),
        pytest.param(windowed("deny", NIGHT), (Lane.DUE, 2 * 3600.0 + 1), id="until-it-closes"),
        pytest.param(windowed("deny", DAY), (Lane.ROTATION, 0.0), id="not-denied"),
        pytest.param(
            windowed("allow", {"schedule": "x", "duration": "1h"}),
            (Lane.DUE, 24 * 3600.0),
            id="never-is-asked-for-again",
        ),
        pytest.param(
            windowed("allow", DAY, refreshPolicy="OnChange"), (Lane.ROTATION, 0.0), id="on-change"
        ),
    ],
)
def test_periodic_work_waits_for_its_windows(
    gate: SyncGate, queue: Waits, item: ExternalSecret, asked: tuple[Lane, float]
) -> None:
    gate.admit(item, Lane.ROTATION)
    assert queue.asked == [asked]


@pytest.mark.parametrize(
    ("spec", "passed_s", "asked"),
    [
        pytest.param({}, 600.0, [(Lane.DUE, 3000.0)], id="the-rest-of-its-interval"),
        pytest.param({}, 7200.0, [(Lane.DUE, 0.0)], id="overdue"),
        pytest.param({}, None, [(Lane.DUE, 3600.0)], id="without-a-time-from-now-on"),
        pytest.param({"refreshInterval": "0"}, 600.0, [], id="once"),
        pytest.param({"refreshPolicy": "CreatedOnce"}, 600.0, [], id="created-once"),
        pytest.param({"refreshPolicy": "OnChange"}, 600.0, [], id="on-change"),
        pytest.param(
            {"syncWindows": {"kind": "allow", "windows": [DAY]}},
            600.0,
            [(Lane.DUE, 8 * 3600.0)],
            id="when-a-window-opens",
        ),
    ],
)
def test_generator_gets_its_turn_when_its_interval_is_over(
    gate: SyncGate,
    queue: Waits,
    spec: dict[str, object],
    passed_s: float | None,
    asked: list[tuple[Lane, float]],
) -> None:
    item = external_secret({"refreshInterval": "1h", **GENERATED, **spec})
    versions = {}
    if passed_s is not None:
        versions[MADE] = rfc3339(START - timedelta(seconds=passed_s))
    gate.plan_generator(item, versions)
    assert queue.asked == asked


def test_what_reads_only_stores_gets_no_turn_by_the_clock(gate: SyncGate, queue: Waits) -> None:
    gate.plan_generator(external_secret(), {MADE: rfc3339(START)})
    assert queue.asked == []
