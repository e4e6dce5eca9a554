"""The queue: by priority, each object once, never twice at a time."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest

from secretsync.refresh.lanes import SPARE, Lane, LaneQueue
from tests.refresh.kit import FakeClock, es_ref, in_threads

A, B, C = es_ref("a"), es_ref("b"), es_ref("c")


@pytest.fixture
def queue(clock: FakeClock) -> LaneQueue:
    return LaneQueue(clock, linger_s=0.0)


def test_lanes_go_in_order_and_a_batch_is_of_one_lane(queue: LaneQueue) -> None:
    for index, lane in enumerate((Lane.SWEEP, Lane.DUE, Lane.NEW, Lane.ROTATION)):
        queue.add(es_ref(f"{lane.name.lower()}-1"), lane)
        queue.add(es_ref(f"{lane.name.lower()}-{index + 2}"), lane)
    taken = [queue.take() for _ in range(4)]
    assert [lane for lane, _ in taken] == [Lane.ROTATION, Lane.NEW, Lane.DUE, Lane.SWEEP]
    assert [key.name for key in taken[0][1]] == ["rotation-1", "rotation-5"]


def test_a_key_waits_once_in_its_best_lane(queue: LaneQueue) -> None:
    for lane in (Lane.DUE, Lane.DUE, Lane.NEW, Lane.SWEEP):
        queue.add(A, lane)
    assert queue.depths() == {Lane.ROTATION: 0, Lane.NEW: 1, Lane.DUE: 0, Lane.SWEEP: 0}
    assert queue.take() == (Lane.NEW, [A])
    assert set(queue.depths().values()) == {0}


def test_a_batch_has_a_largest_size(queue: LaneQueue) -> None:
    for key in (A, B, C):
        queue.add(key, Lane.DUE)
    assert queue.take(most=2) == (Lane.DUE, [A, B])
    assert queue.take(most=2) == (Lane.DUE, [C])


def test_a_key_under_work_is_not_handed_out_again_until_it_is_done(queue: LaneQueue) -> None:
    queue.add(A, Lane.DUE)
    queue.take()
    queue.add(A, Lane.DUE)
    queue.add(A, Lane.ROTATION)
    queue.add(B, Lane.SWEEP)
    assert queue.take() == (Lane.SWEEP, [B])
    assert queue.working == 2
    queue.done(A)
    assert queue.take() == (Lane.ROTATION, [A])
    queue.done(A)
    queue.done(B)
    assert queue.working == 0
    assert set(queue.depths().values()) == {0}


def test_add_after_waits_for_its_time(queue: LaneQueue, clock: FakeClock) -> None:
    queue.add_after(A, Lane.DUE, 10.0)
    queue.add(B, Lane.SWEEP)
    assert queue.take() == (Lane.SWEEP, [B])
    clock.advance(9.9)
    queue.add(C, Lane.SWEEP)
    assert queue.take() == (Lane.SWEEP, [C])
    clock.advance(0.1)
    assert queue.take() == (Lane.DUE, [A])


@pytest.mark.parametrize(
    ("first_s", "second_s", "due_s"),
    [pytest.param(5.0, 10.0, 5.0, id="later"), pytest.param(10.0, 5.0, 5.0, id="earlier")],
)
def test_of_two_plans_the_earlier_counts_and_only_once(
    queue: LaneQueue, clock: FakeClock, first_s: float, second_s: float, due_s: float
) -> None:
    queue.add_after(A, Lane.DUE, first_s)
    queue.add_after(A, Lane.DUE, second_s)
    clock.advance(due_s)
    assert queue.take() == (Lane.DUE, [A])
    queue.done(A)
    clock.advance(100)
    queue.add(B, Lane.SWEEP)
    assert queue.take() == (Lane.SWEEP, [B])


def test_a_look_now_replaces_the_one_that_was_planned(queue: LaneQueue, clock: FakeClock) -> None:
    queue.add_after(A, Lane.DUE, 5.0)
    queue.add(A, Lane.NEW)
    assert queue.take() == (Lane.NEW, [A])
    queue.done(A)
    clock.advance(100)
    queue.add(B, Lane.SWEEP)
    assert queue.take() == (Lane.SWEEP, [B])


def test_forgotten_keys_do_not_come_back(queue: LaneQueue, clock: FakeClock) -> None:
    queue.add(A, Lane.NEW)
    queue.add_after(B, Lane.NEW, 1.0)
    queue.add(C, Lane.NEW)
    queue.take(most=1)  # A is under work, and asked for again.
    queue.add(A, Lane.NEW)
    for key in (A, B):
        queue.forget(key)
    queue.done(A)
    clock.advance(10)
    assert queue.take() == (Lane.NEW, [C])
    assert set(queue.depths().values()) == {0}


def test_a_worker_leaves_worse_lanes_to_others(queue: LaneQueue) -> None:
    queue.add(A, Lane.DUE)
    taken: list[tuple[Lane, list]] = []
    worker = threading.Thread(target=lambda: taken.append(queue.take(worst=Lane.NEW)))
    worker.start()
    time.sleep(0.02)
    assert taken == []
    queue.add(B, Lane.NEW)
    worker.join(60)
    assert taken == [(Lane.NEW, [B])]
    assert queue.take() == (Lane.DUE, [A])


def test_closing_wakes_everybody_and_hands_nothing_out(queue: LaneQueue) -> None:
    closing = threading.Timer(0.02, queue.close)
    closing.start()
    assert in_threads(4, lambda _: queue.take()[1]) == [[]] * 4
    queue.add(A, Lane.NEW)
    assert queue.take() == (Lane.SWEEP, [])


def test_a_first_key_lingers_for_those_that_come_with_it(clock: FakeClock) -> None:
    queue = LaneQueue(clock, linger_s=2.0)

    def feed() -> None:
        for index in range(20):
            queue.add(es_ref(f"k-{index:02}"), Lane.NEW)
            time.sleep(0.002)

    feeder = threading.Thread(target=feed)
    feeder.start()
    lane, keys = queue.take()
    feeder.join()
    assert (lane, len(keys)) == (Lane.NEW, 20)


def test_plans_for_a_far_day_that_are_made_anew_at_each_look_do_not_pile_up(
    clock: FakeClock,
) -> None:
    queue = LaneQueue(clock, linger_s=0.0)
    for _ in range(5_000):
        queue.add_after(A, Lane.DUE, 86_400.0)
        queue.add(A, Lane.NEW)
        assert queue.take() == (Lane.NEW, [A])
        queue.done(A)
        clock.advance(0.1)
    queue.add_after(A, Lane.DUE, 86_400.0)
    queue.add_after(B, Lane.DUE, 60.0)
    assert len(queue._later) <= SPARE + 4  # what it holds is what the law is about
    clock.advance(61)
    assert queue.take() == (Lane.DUE, [B])
    clock.advance(86_400)
    assert queue.take() == (Lane.DUE, [A])
    assert set(queue.depths().values()) == {0}


def test_many_threads_never_work_on_one_key_at_a_time(clock: FakeClock) -> None:
    queue = LaneQueue(clock, linger_s=0.0)
    keys = [es_ref(f"k-{index}") for index in range(20)]
    busy: Counter = Counter()
    worked: Counter = Counter()
    most_at_once: list[int] = []
    guard = threading.Lock()

    def work() -> None:
        while True:
            _, batch = queue.take(most=3)
            if not batch:
                return
            with guard:
                busy.update(batch)
                worked.update(batch)
                most_at_once.append(max(busy.values()))
            with guard:
                busy.subtract(batch)
            for key in batch:
                queue.done(key)

    def feed(index: int) -> None:
        for turn in range(200):
            queue.add(keys[(turn * 7 + index) % 20], Lane(turn % 4))

    workers = [threading.Thread(target=work) for _ in range(5)]
    for worker in workers:
        worker.start()
    in_threads(3, feed)
    until_s = time.monotonic() + 60
    while (queue.working or any(queue.depths().values())) and time.monotonic() < until_s:
        time.sleep(0.005)
    queue.close()
    for worker in workers:
        worker.join(60)
    assert set(most_at_once) == {1}
    assert worked.keys() == set(keys)
    assert set(queue.depths().values()) == {0}
