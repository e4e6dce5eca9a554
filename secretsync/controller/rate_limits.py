"""Token buckets by peer and path: how often somebody may ask for private-key work.

Neighbours: `sealing_http` asks before it reads a body. The clock comes in as an argument.

Source: the headers that a Sealed Secrets controller sends on its limited paths
(X-Ratelimit-Limit is the burst and one more).
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["RateLimiter", "Verdict"]

#: Peers that are remembered. Who asks from more addresses than this gets more turns,
#: but never more memory.
MAX_BUCKETS = 4096


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may go on, and what is said about it.

    Args:
        headers: X-Ratelimit-Limit, -Remaining, -Reset and, on a refusal, Retry-After.
    """

    allowed: bool
    headers: Mapping[str, str]


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float


class RateLimiter:
    """Buckets that fill at `rate_per_s` and hold `burst` and one more.

    Args:
        rate_per_s: requests a second in the long run, more than 0.
        burst: requests that may come at once, beyond the first.
    """

    def __init__(self, rate_per_s: float, burst: int) -> None:
        if rate_per_s <= 0 or burst < 0:
            raise ValueError("`rate_per_s` must be more than 0 and `burst` not negative")
        self._rate_per_s = rate_per_s
        self._most = burst + 1
        self._lock = threading.Lock()
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()

    def ask(self, peer: str, path: str, *, now_s: float) -> Verdict:
        """Take a token, if there is one.

        Args:
            peer: the address the connection came from; nothing that the peer says.
            now_s: of a clock that never jumps.
        """
        with self._lock:
            bucket = self._bucket((peer, path), now_s)
            allowed = bucket.tokens >= 1
            if allowed:
                bucket.tokens -= 1
            tokens = bucket.tokens
        headers = {
            "X-Ratelimit-Limit": str(self._most),
            "X-Ratelimit-Remaining": str(math.floor(tokens)),
            "X-Ratelimit-Reset": str(math.ceil((self._most - tokens) / self._rate_per_s)),
        }
        if not allowed:
            headers["Retry-After"] = str(max(1, math.ceil((1 - tokens) / self._rate_per_s)))
        return Verdict(allowed, headers)

    def _bucket(self, key: tuple[str, str], now_s: float) -> _Bucket:
        """Return a bucket as full as it is now; the longest unused one makes room."""
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= MAX_BUCKETS:
                self._buckets.popitem(last=False)
            bucket = self._buckets[key] = _Bucket(float(self._most), now_s)
        self._buckets.move_to_end(key)
        gained = max(0.0, now_s - bucket.at_s) * self._rate_per_s
        bucket.tokens = min(float(self._most), bucket.tokens + gained)
        bucket.at_s = now_s
        return bucket
