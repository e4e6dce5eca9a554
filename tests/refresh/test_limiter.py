"""The budget of calls per store: burst, rate, and how it yields to throttling."""

from __future__ import annotations

import threading

import pytest

from secretsync.refresh.limiter import (
    BURST_CALLS,
    DEFAULT_HOLD_S,
    MIN_RATE_PER_S,
    RECOVERY_PER_S,
    StoreLimiter,
)
from tests.refresh.kit import FakeClock, in_threads

BURST = int(BURST_CALLS)


def _drained(clock: FakeClock, *, rate_per_s: float = 10.0) -> StoreLimiter:
    limiter = StoreLimiter(clock, rate_per_s=rate_per_s)
    for _ in range(BURST):
        assert limiter.acquire()
    assert clock.waits == []
    return limiter


def test_a_burst_is_free_and_then_the_rate_holds(clock: FakeClock) -> None:
    limiter = _drained(clock)
    started_s = clock.monotonic_s()
    for _ in range(50):
        assert limiter.acquire()
    assert clock.monotonic_s() - started_s == pytest.approx(5.0)


def test_idle_time_fills_the_bucket_no_further_than_a_burst(clock: FakeClock) -> None:
    limiter = _drained(clock)
    clock.advance(3600)
    for _ in range(BURST):
        limiter.acquire()
    assert clock.waits == []
    limiter.acquire()
    assert len(clock.waits) == 1


def test_throttling_halves_the_rate_and_closes_for_as_long_as_was_asked(clock: FakeClock) -> None:
    limiter = StoreLimiter(clock, rate_per_s=16.0)
    limiter.throttled(7.0)
    assert limiter.rate_per_s == 8.0
    assert limiter.closed_s() == 7.0
    started_s = clock.monotonic_s()
    assert limiter.acquire()
    assert clock.monotonic_s() - started_s > 7.0
    assert limiter.closed_s() == 0.0


def test_throttling_without_a_word_holds_for_a_moment(clock: FakeClock) -> None:
    limiter = StoreLimiter(clock)
    limiter.throttled(None)
    assert limiter.closed_s() == DEFAULT_HOLD_S


def test_a_shorter_pause_does_not_shorten_a_longer_one(clock: FakeClock) -> None:
    limiter = StoreLimiter(clock)
    limiter.throttled(30.0)
    limiter.throttled(1.0)
    assert limiter.closed_s() == 30.0


def test_calls_that_are_throttled_together_count_once(clock: FakeClock) -> None:
    limiter = StoreLimiter(clock, rate_per_s=16.0)
    for _ in range(4):
        limiter.throttled(5.0)
    assert limiter.rate_per_s == 8.0
    clock.advance(5.0)
    limiter.throttled(5.0)
    assert limiter.rate_per_s == 4.0


def test_the_rate_never_falls_to_nothing(clock: FakeClock) -> None:
    limiter = StoreLimiter(clock)
    for _ in range(40):
        limiter.throttled(0.0)
    assert limiter.rate_per_s == MIN_RATE_PER_S


def test_reopening_begins_at_the_rate_and_not_with_a_burst(clock: FakeClock) -> None:
    limiter = StoreLimiter(clock, rate_per_s=10.0)
    limiter.throttled(60.0)
    clock.advance(60.0)
    started_s = clock.monotonic_s()
    for _ in range(10):
        limiter.acquire()
    spent_s = clock.monotonic_s() - started_s
    assert 1.0 < spent_s < 2.0, "5/s at first, recovering by 1/s each second"


def test_the_rate_recovers_while_the_store_is_open_up_to_what_it_was(clock: FakeClock) -> None:
    limiter = StoreLimiter(clock, rate_per_s=10.0)
    limiter.throttled(100.0)
    clock.advance(100.0)
    limiter.acquire()
    assert limiter.rate_per_s == pytest.approx(5.0 + clock.waits[-1] * RECOVERY_PER_S)
    clock.advance(2.0)
    limiter.acquire()
    assert limiter.rate_per_s == pytest.approx(7.0 + clock.waits[0] * RECOVERY_PER_S)
    clock.advance(100.0)
    limiter.acquire()
    assert limiter.rate_per_s == 10.0


def test_a_stop_ends_the_wait() -> None:
    stop = threading.Event()
    clock = FakeClock(stop)
    limiter = _drained(clock)
    stop.set()
    assert limiter.acquire() is False


def test_threads_share_one_budget(clock: FakeClock) -> None:
    limiter = StoreLimiter(clock, rate_per_s=10.0)
    started_s = clock.monotonic_s()
    in_threads(8, lambda _: [limiter.acquire() for _ in range(10)])
    least_s = (80 - BURST) / 10.0
    assert clock.monotonic_s() - started_s >= least_s - 0.001
