"""Lists what `dataFrom.find` asks for: each query once, errors as values, retried with care.

Neighbours: `reading` reads what was found together with all else, `ticks` compares it
with what was found before.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable

from providers.base import FindQuery, FoundSecret, ProviderError, RateLimited, Unavailable
from secretsync.core.schedule import backoff_s
from secretsync.refresh.clock import Clock
from secretsync.refresh.fetching import (
    DEFAULT_RETRIES,
    LONGEST_PAUSE_S,
    RETRY_BASE_S,
    RETRY_CAP_S,
    asked_to_wait,
)
from secretsync.refresh.sessions import StoreSession

__all__ = ["MAX_FOUND", "Found", "Lister"]

log = logging.getLogger(__name__)

#: A Secret holds 1 MiB: what finds more keys than this asks for the wrong thing.
MAX_FOUND = 5000

Found = tuple[FoundSecret, ...] | ProviderError


class Lister:
    """Lists through sessions for everybody in the process.

    Args:
        spread: gives numbers in [0, 1) that keep retries of many from coinciding.
    """

    def __init__(self, clock: Clock, *, spread: Callable[[], float] = random.random) -> None:
        self._clock = clock
        self._spread = spread

    def find(self, session: StoreSession, query: FindQuery) -> Found:
        """Return what a query finds, sorted by name; total: any fault is the answer.

        Two secrets of one name, or more than `MAX_FOUND`, are a fault too: nothing may be
        concluded from such a list.
        """
        retry = session.store.retry
        retries = retry.max_retries if retry else DEFAULT_RETRIES
        base_s = (retry.retry_interval_s if retry else 0.0) or RETRY_BASE_S
        answer: Found = Unavailable("the list was abandoned: shutting down")
        for attempt in range(retries + 1):
            if attempt and not self._clock.wait(
                backoff_s(attempt - 1, base_s=base_s, cap_s=RETRY_CAP_S, spread=self._spread())
            ):
                break
            pause = asked_to_wait(session)
            if pause is not None:
                return pause
            if not session.limiter.acquire():
                break
            answer = _listed(session, query)
            if isinstance(answer, RateLimited):
                session.limiter.throttled(answer.retry_after_s)
                if (answer.retry_after_s or 0.0) > LONGEST_PAUSE_S:
                    break
            if not isinstance(answer, Unavailable):
                break
        return answer


def _listed(session: StoreSession, query: FindQuery) -> Found:
    try:
        found = sorted(session.provider.find(query), key=lambda each: each.name)
    except ProviderError as exc:
        return exc
    except Exception as exc:
        log.debug("%s: internal error", session.key.store, exc_info=exc)
        return ProviderError(
            f"internal error ({type(exc).__name__})",
            remedy="run with --debug for the traceback, and report it",
        )
    if len(found) > MAX_FOUND:
        return ProviderError(
            f"find matches {len(found)} secrets, more than {MAX_FOUND}",
            remedy="narrow name.regexp, path or tags",
        )
    names = {each.name for each in found}
    if len(names) < len(found):
        return ProviderError("find matches two secrets of one name", remedy="narrow path or tags")
    return tuple(found)
