"""Who may ask how often: by peer and path, and by nothing that a peer says."""

from __future__ import annotations

import pytest

from secretsync.controller.rate_limits import MAX_BUCKETS, RateLimiter

VERIFY, ROTATE = "/v1/verify", "/v1/rotate"


def test_burst_and_one_more_are_allowed_then_none_until_time_passes() -> None:
    limiter = RateLimiter(2, 2)
    answers = [limiter.ask("10.0.0.1", VERIFY, now_s=100.0).allowed for _ in range(5)]
    assert answers == [True, True, True, False, False]
    assert not limiter.ask("10.0.0.1", VERIFY, now_s=100.4).allowed
    assert limiter.ask("10.0.0.1", VERIFY, now_s=100.5).allowed
    assert not limiter.ask("10.0.0.1", VERIFY, now_s=100.5).allowed


def test_peers_and_paths_have_buckets_of_their_own() -> None:
    limiter = RateLimiter(1, 0)
    assert limiter.ask("10.0.0.1", VERIFY, now_s=0.0).allowed
    assert not limiter.ask("10.0.0.1", VERIFY, now_s=0.0).allowed
    assert limiter.ask("10.0.0.1", ROTATE, now_s=0.0).allowed
    assert limiter.ask("10.0.0.2", VERIFY, now_s=0.0).allowed


def test_headers_say_what_is_left_and_when_to_come_back() -> None:
    limiter = RateLimiter(2, 2)
    first = limiter.ask("p", VERIFY, now_s=0.0)
    assert first.headers == {
        "X-Ratelimit-Limit": "3",
        "X-Ratelimit-Remaining": "2",
        "X-Ratelimit-Reset": "1",
    }
    limiter.ask("p", VERIFY, now_s=0.0)
    limiter.ask("p", VERIFY, now_s=0.0)
    refused = limiter.ask("p", VERIFY, now_s=0.0)
    assert refused.headers["X-Ratelimit-Remaining"] == "0"
    assert refused.headers["X-Ratelimit-Reset"] == "2"
    assert refused.headers["Retry-After"] == "1"


def test_bucket_is_never_fuller_than_full_and_time_never_runs_back() -> None:
    limiter = RateLimiter(2, 1)
    limiter.ask("p", VERIFY, now_s=50.0)
    assert [limiter.ask("p", VERIFY, now_s=9000.0).allowed for _ in range(3)] == [True, True, False]
    assert not limiter.ask("p", VERIFY, now_s=10.0).allowed


def test_many_peers_cost_a_bounded_memory() -> None:
    limiter = RateLimiter(1, 0)
    for number in range(MAX_BUCKETS + 100):
        assert limiter.ask(f"peer-{number}", VERIFY, now_s=0.0).allowed
    assert len(limiter._buckets) == MAX_BUCKETS


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, -1)])
def test_limit_that_limits_nothing_is_refused(rate: float, burst: int) -> None:
    with pytest.raises(ValueError, match="must be more than 0"):
        RateLimiter(rate, burst)
