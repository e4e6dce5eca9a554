"""A budget of calls per store: a token bucket that yields when the store throttles.

Additive increase, multiplicative decrease: each throttled answer halves the rate and
closes the bucket for as long as the store asked; each second that it is open adds a
little. Calls that were under way together and are throttled together count once.
"""

from __future__ import annotations

import threading

from secretsync.refresh.clock import Clock

__all__ = ["StoreLimiter"]

#: Below every published limit of the stores we speak to (the tightest per-second
#: ones are 40/s and above), and far above what batched refreshes need.
DEFAULT_RATE_PER_S = 30.0
BURST_CALLS = 30.0
MIN_RATE_PER_S = 0.1
RECOVERY_PER_S = 1.0
#: How long to hold back when a store throttles without saying for how long.
DEFAULT_HOLD_S = 1.0


class StoreLimiter:
    """Budget of one store session; shared by all threads that use it."""

    def __init__(self, clock: Clock, *, rate_per_s: float = DEFAULT_RATE_PER_S) -> None:
        self._clock = clock
        self._ceiling_per_s = rate_per_s
        self._rate_per_s = rate_per_s
        self._tokens = BURST_CALLS
        self._refilled_at_s = clock.monotonic_s()
        self._closed_until_s = 0.0
        self._lock = threading.Lock()

    @property
    def rate_per_s(self) -> float:
        """The rate allowed now, in calls per second."""
        return self._rate_per_s

    def closed_s(self) -> float:
        """Return for how many more seconds the store asked to be left alone."""
        with self._lock:
            return max(0.0, self._closed_until_s - self._clock.monotonic_s())

    def acquire(self) -> bool:
        """Wait for the right to make one call; False when the process is to end."""
        while True:
            wait_s = self._take()
            if wait_s <= 0:
                return True
            if not self._clock.wait(wait_s):
                return False

    def _take(self) -> float:
        """Take a token, or return the seconds until one may be there."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            if now_s < self._closed_until_s:
                return self._closed_until_s - now_s
            # Counted from the reopening on, so that it begins slowly and not with a burst.
            elapsed_s = max(0.0, now_s - max(self._refilled_at_s, self._closed_until_s))
            self._refilled_at_s = now_s
            self._rate_per_s = min(
                self._ceiling_per_s, self._rate_per_s + elapsed_s * RECOVERY_PER_S
            )
            self._tokens = min(BURST_CALLS, self._tokens + elapsed_s * self._rate_per_s)
            if self._tokens >= 1:
                self._tokens -= 1
                return 0.0
            return (1 - self._tokens) / self._rate_per_s

    def throttled(self, retry_after_s: float | None) -> None:
        """Report a throttled answer and how long the store asked to wait, if it did."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            hold_s = DEFAULT_HOLD_S if retry_after_s is None else retry_after_s
            if now_s >= self._closed_until_s:
                self._rate_per_s = max(MIN_RATE_PER_S, self._rate_per_s / 2)
            self._closed_until_s = max(self._closed_until_s, now_s + hold_s)
            self._tokens = 0.0
