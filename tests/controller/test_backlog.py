"""What is written behind the Secrets: in which order, how long it gives way, how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from secretsync.controller.backlog import YIELD_AT_MOST_S, Backlog
from tests.controller.sealing_front import StandingClock
from tests.e2e.rig import eventually


class Scene:
    """A backlog, its clock, and whether Secrets are being written."""

    def __init__(self) -> None:
        self.clock = StandingClock()
        self.busy = False
        self.backlog: Backlog[str, int] = Backlog(self.clock, lambda: self.busy)
        self._pool = ThreadPoolExecutor(8)

    def taker(self) -> Future[Any]:
        """Take one item in a thread."""
        return self._pool.submit(self.backlog.take)

    def close(self) -> None:
        """End threads that wait."""
        self.backlog.close(drop=True)
        self._pool.shutdown()


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    scene.close()


def test_items_come_in_order_and_a_newer_one_takes_the_place_of_its_elder(scene: Scene) -> None:
    scene.backlog.put("a", 1)
    scene.backlog.put("b", 1)
    scene.backlog.put("a", 2)
    scene.backlog.put("b", 2, replaces=False)
    assert [scene.backlog.take(), scene.backlog.take()] == [("a", 2), ("b", 1)]


def test_nothing_is_handed_out_while_secrets_are_written(scene: Scene) -> None:
    scene.busy = True
    scene.backlog.put("a", 1)
    takers = [scene.taker() for _ in range(4)]
    scene.clock.at_s += YIELD_AT_MOST_S - 1
    with pytest.raises(TimeoutError):
        takers[0].result(timeout=0.3)
    assert not any(taker.done() for taker in takers)
    scene.busy = False
    eventually(lambda: [taker.result() for taker in takers if taker.done()] == [("a", 1)])


def test_item_that_waited_long_gives_way_no_more_and_younger_ones_do(scene: Scene) -> None:
    scene.busy = True
    scene.backlog.put("old", 1)
    scene.clock.at_s += YIELD_AT_MOST_S - 1
    scene.backlog.put("young", 1)
    scene.backlog.put("old", 2)
    scene.clock.at_s += 1
    assert scene.backlog.take() == ("old", 2)
    taker = scene.taker()
    with pytest.raises(TimeoutError):
        taker.result(timeout=0.3)
    scene.clock.at_s += YIELD_AT_MOST_S
    assert taker.result(timeout=60) == ("young", 1)


def test_every_thread_gets_its_share_when_the_way_is_free(scene: Scene) -> None:
    scene.busy = True
    takers = [scene.taker() for _ in range(6)]
    for number in range(6):
        scene.backlog.put(f"item-{number}", number)
    scene.busy = False
    taken = sorted(taker.result(timeout=60) for taker in takers)
    assert taken == [(f"item-{number}", number) for number in range(6)]


def test_forgotten_item_is_not_handed_out(scene: Scene) -> None:
    scene.backlog.put("a", 1)
    scene.backlog.put("b", 1)
    scene.backlog.forget("a")
    assert scene.backlog.take() == ("b", 1)


def test_closed_backlog_hands_out_what_waits_at_once_and_then_ends(scene: Scene) -> None:
    scene.busy = True
    scene.backlog.put("a", 1)
    takers = [scene.taker() for _ in range(4)]
    scene.backlog.close()
    results = [taker.result(timeout=60) for taker in takers]
    assert results.count(("a", 1)) == 1
    assert results.count(None) == 3


def test_backlog_that_is_dropped_hands_out_nothing(scene: Scene) -> None:
    scene.busy = True
    scene.backlog.put("a", 1)
    taker = scene.taker()
    scene.backlog.close(drop=True)
    assert taker.result(timeout=60) is None
