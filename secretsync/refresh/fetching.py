"""The fetch planner: each ref once, packed, in flight once, retried with care."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from providers.base import (
    ProviderError,
    RateLimited,
    SecretRef,
    SecretValue,
    Unavailable,
)
from secretsync.core.schedule import backoff_s
from secretsync.refresh.clock import Clock
from secretsync.refresh.sessions import SessionKey, StoreSession

__all__ = ["Answer", "Fetcher", "asked_to_wait"]

log = logging.getLogger(__name__)

Answer = SecretValue | ProviderError

#: Calls of one store that may be under way at once.
PARALLEL_CALLS = 4
#: Tries of a transient failure within one fetch; more is the queue's business.
DEFAULT_RETRIES = 2
RETRY_BASE_S = 0.2
RETRY_CAP_S = 5.0
#: A store that asks for a longer pause than this gets it between fetches, not within.
LONGEST_PAUSE_S = 10.0


class Fetcher:
    """Reads refs through sessions for everybody in the process.

    Args:
        spread: gives numbers in [0, 1) that keep retries of many from coinciding.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        spread: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._spread = spread
        self._lock = threading.Lock()
        self._in_flight: dict[tuple[SessionKey, SecretRef], Future[Answer]] = {}

    def fetch(self, session: StoreSession, refs: Iterable[SecretRef]) -> dict[SecretRef, Answer]:
        """Read refs; total: an answer for each, and no exception for any fault.

        A ref that another thread reads right now through the same session is waited
        for, not read again.
        """
        wanted = list(dict.fromkeys(refs))
        mine, theirs = self._claim(session.key, wanted)
        try:
            answers = self._read(session, list(mine))
        except BaseException:
            self._settle(session.key, mine, {})
            raise
        self._settle(session.key, mine, answers)
        return answers | {ref: future.result() for ref, future in theirs.items()}

    def _claim(
        self, key: SessionKey, refs: Sequence[SecretRef]
    ) -> tuple[dict[SecretRef, Future[Answer]], dict[SecretRef, Future[Answer]]]:
        mine: dict[SecretRef, Future[Answer]] = {}
        theirs: dict[SecretRef, Future[Answer]] = {}
        with self._lock:
            for ref in refs:
                running = self._in_flight.get((key, ref))
                if running is None:
                    mine[ref] = self._in_flight[key, ref] = Future()
                else:
                    theirs[ref] = running
        return mine, theirs

    def _settle(
        self,
        key: SessionKey,
        futures: dict[SecretRef, Future[Answer]],
        answers: dict[SecretRef, Answer],
    ) -> None:
        with self._lock:
            for ref in futures:
                del self._in_flight[key, ref]
        for ref, future in futures.items():
            future.set_result(answers.get(ref) or Unavailable("the read was abandoned"))

    def _read(self, session: StoreSession, refs: list[SecretRef]) -> dict[SecretRef, Answer]:
        packs = _packed(session, refs)
        if len(packs) <= 1:
            return self._read_pack(session, packs[0]) if packs else {}
        answers: dict[SecretRef, Answer] = {}
        workers = min(PARALLEL_CALLS, len(packs))
        with ThreadPoolExecutor(workers, thread_name_prefix="fetch") as pool:
            for part in pool.map(lambda pack: self._read_pack(session, pack), packs):
                answers |= part
        return answers

    def _read_pack(self, session: StoreSession, pack: list[SecretRef]) -> dict[SecretRef, Answer]:
        """Read one pack; repeat what failed transiently, and only that."""
        retry = session.store.retry
        retries = retry.max_retries if retry else DEFAULT_RETRIES
        base_s = (retry.retry_interval_s if retry else 0.0) or RETRY_BASE_S
        answers: dict[SecretRef, Answer] = {}
        left = pack
        for attempt in range(retries + 1):
            if attempt and not self._clock.wait(
                backoff_s(attempt - 1, base_s=base_s, cap_s=RETRY_CAP_S, spread=self._spread())
            ):
                break
            pause = asked_to_wait(session)
            if pause is not None:
                return {**dict.fromkeys(left, pause), **answers}
            if not session.limiter.acquire():
                break
            answers |= _fetched(session, left)
            pause_s = self._note_throttling(session, (answers[ref] for ref in left))
            left = [ref for ref in left if isinstance(answers[ref], Unavailable)]
            if not left or pause_s > LONGEST_PAUSE_S:
                break
        for ref in left:
            answers.setdefault(ref, Unavailable("the read was abandoned: shutting down"))
        return answers

    @staticmethod
    def _note_throttling(session: StoreSession, answers: Iterable[Answer]) -> float:
        throttled = [answer for answer in answers if isinstance(answer, RateLimited)]
        if not throttled:
            return 0.0
        pauses_s = [answer.retry_after_s for answer in throttled if answer.retry_after_s]
        session.limiter.throttled(max(pauses_s, default=None))
        return max(pauses_s, default=0.0)


def asked_to_wait(session: StoreSession) -> RateLimited | None:
    """Return what to answer for a store that must be left alone for long, else None.

    Whoever waited for it could not work for other stores meanwhile.
    """
    closed_s = session.limiter.closed_s()
    if closed_s <= LONGEST_PAUSE_S:
        return None
    return RateLimited("the store throttles and asked for a pause", retry_after_s=closed_s)


def _packed(session: StoreSession, refs: list[SecretRef]) -> list[list[SecretRef]]:
    try:
        return session.provider.pack(refs)
    except Exception as exc:
        log.debug("%s: internal error", session.key.store, exc_info=exc)
        return [[ref] for ref in refs]


def _fetched(session: StoreSession, refs: list[SecretRef]) -> dict[SecretRef, Answer]:
    """Read one pack; a bug that one ref meets in the adapter is that ref's answer only."""
    try:
        answers = session.provider.fetch(refs)
    except Exception as exc:
        log.debug("%s: internal error", session.key.store, exc_info=exc)
        if len(refs) == 1:
            return {refs[0]: _bug(f"internal error ({type(exc).__name__})")}
        return {ref: answer for ref in refs for answer in _fetched(session, [ref]).values()}
    return {ref: answers.get(ref) or _bug("the provider gave no answer") for ref in refs}


def _bug(message: str) -> ProviderError:
    return ProviderError(message, remedy="run with --debug for the traceback, and report it")
