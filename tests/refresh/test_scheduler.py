"""One job per group, at the phase that a stable hash gives it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from secretsync.refresh.index import GroupKey
from secretsync.refresh.scheduler import GroupScheduler
from secretsync.refresh.sessions import SessionKey
from secretsync.resources.meta import ObjectRef
from tests.e2e.rig import settled

WAIT_S = 60


def _group(name: str, interval_s: float) -> GroupKey:
    return GroupKey(SessionKey(ObjectRef("SecretStore", "web", name)), interval_s)


class Ticks:
    """Counts ticks per group."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._counts: dict[GroupKey, int] = {}

    def __call__(self, group: GroupKey) -> None:
        with self._changed:
            self._counts[group] = self._counts.get(group, 0) + 1
            self._changed.notify_all()
        if group.session.store.name == "bad":
            raise RuntimeError("a tick that fails")

    def wait(self, group: GroupKey, count: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.of(group) >= count, WAIT_S)

    def of(self, group: GroupKey) -> int:
        return self._counts.get(group, 0)


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def scheduler(ticks: Ticks) -> Iterator[GroupScheduler]:
    made = GroupScheduler(ticks)
    made.start()
    yield made
    made.stop()


def test_groups_tick_at_their_interval_until_they_are_gone(
    scheduler: GroupScheduler, ticks: Ticks
) -> None:
    # The slow one's turn is at a phase of its own, which must not be just now.
    quick, slow = _group("quick", 0.1), _group("slow", 3600.0 * 24 * 365)
    scheduler.keep(frozenset({quick, slow}))
    assert ticks.wait(quick, 3)
    assert ticks.of(slow) == 0
    scheduler.keep(frozenset({slow}))
    settled(lambda: ticks.of(quick), for_s=1)


def test_a_tick_that_fails_is_tried_again(scheduler: GroupScheduler, ticks: Ticks) -> None:
    bad = _group("bad", 0.1)
    scheduler.keep(frozenset({bad}))
    assert ticks.wait(bad, 2)


def test_keeping_the_same_groups_starts_nothing_over(
    scheduler: GroupScheduler, ticks: Ticks
) -> None:
    group, started_s = _group("a", 1.0), time.monotonic()
    for _ in range(20):
        scheduler.keep(frozenset({group}))
        time.sleep(0.1)
    assert ticks.wait(group, 1)
    found = ticks.of(group)
    assert found <= int(time.monotonic() - started_s) + 1


def test_stopping_twice_or_before_the_start_is_fine(ticks: Ticks) -> None:
    idle = GroupScheduler(ticks)
    idle.stop()
    idle.start()
    idle.stop()
    idle.stop()
