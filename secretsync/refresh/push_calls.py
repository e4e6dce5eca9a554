"""Calls of one push at one store: budgeted, repeated with care, one at a time a key.

Neighbours: `pushing` decides what is called; `fetching` does the same for reads.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import zlib
from collections.abc import Callable
from typing import TypeVar

from providers.base import (
    AuthFailed,
    ProviderError,
    PushRef,
    RateLimited,
    SecretNotFound,
    SecretRef,
    Unavailable,
)
from providers.json_property import with_property
from secretsync.core.go_json import unmarshal
from secretsync.core.push import Planned
from secretsync.core.schedule import backoff_s
from secretsync.refresh.clock import Clock
from secretsync.refresh.fetching import (
    DEFAULT_RETRIES,
    RETRY_BASE_S,
    RETRY_CAP_S,
    asked_to_wait,
)
from secretsync.refresh.push_stores import OpenStore, PushStores

__all__ = ["PushCalls"]

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Keys whose hashes meet share a lock, which costs a wait and nothing else.
_LOCKS = 64


class PushCalls:
    """Calls adapters for everybody in the process."""

    def __init__(self, stores: PushStores, clock: Clock) -> None:
        self._stores = stores
        self._clock = clock
        # Two properties of one key are read, changed and written one after the other.
        self._locks = [threading.Lock() for _ in range(_LOCKS)]

    def push(self, store: OpenStore, planned: Planned) -> bool:
        """Push a value; see `providers.base.Writer.push`."""
        ref = planned.item.ref
        return self._alone(store, ref, lambda: store.writer.push(planned.item))

    def exists(self, store: OpenStore, ref: PushRef) -> bool:
        """Look whether something is there; see `providers.base.Writer.exists`."""
        return self._alone(store, ref, lambda: store.writer.exists(ref))

    def delete(self, store: OpenStore, ref: PushRef) -> bool:
        """Delete what was pushed; see `providers.base.Writer.delete`."""
        return self._alone(store, ref, lambda: store.writer.delete(ref))

    def differs(self, store: OpenStore, planned: Planned) -> bool:
        """Return whether a push would write, as far as a look can tell.

        Raises:
            ProviderError: it cannot be told.
        """
        ref, value = planned.item.ref, planned.item.value.reveal()
        if not store.reads:
            return not self.exists(store, ref)
        payload = self._payload(store, ref.remote_key)
        if payload is None:
            return True
        if not ref.property:
            return not _same(payload, value, _marks(store))
        if store.session.dialect == "kubernetes":
            return _member(payload, ref.property) != value.decode(errors="surrogateescape")
        return not _same(payload, with_property(payload, ref.property, value))

    def holds_value(self, store: OpenStore, ref: PushRef) -> bool:
        """Return whether something that is not empty is there already.

        Raises:
            ProviderError: it cannot be told.
        """
        if not store.reads:
            return self.exists(store, ref)
        payload = self._payload(store, ref.remote_key)
        if payload is None:
            return False
        return bool(_member(payload, ref.property)) if ref.property else bool(payload)

    def _payload(self, store: OpenStore, key: str) -> bytes | None:
        """Return what a key holds, None where it does not exist."""
        ref = SecretRef(key)

        def fetch() -> bytes | None:
            answer = store.session.provider.fetch([ref])[ref]
            if isinstance(answer, SecretNotFound):
                return None
            if isinstance(answer, ProviderError):
                raise answer
            return answer.value.reveal()

        return self._called(store, fetch)

    def _alone(self, store: OpenStore, ref: PushRef, call: Callable[[], T]) -> T:
        place = f"{store.store.ref}\0{ref.remote_key}".encode("utf-8", "surrogatepass")
        with self._locks[zlib.crc32(place) % _LOCKS]:
            return self._called(store, call)

    def _called(self, store: OpenStore, call: Callable[[], T]) -> T:
        """Call, and repeat what failed transiently.

        Raises:
            ProviderError: the last failure.
        """
        retry = store.store.retry
        retries = retry.max_retries if retry else DEFAULT_RETRIES
        base_s = (retry.retry_interval_s if retry else 0.0) or RETRY_BASE_S
        failed: ProviderError = Unavailable("the push was abandoned: shutting down")
        for attempt in range(retries + 1):
            if attempt and not self._clock.wait(
                backoff_s(attempt - 1, base_s=base_s, cap_s=RETRY_CAP_S, spread=random.random())  # noqa: S311 - it spreads retries
            ):
                break
            pause = asked_to_wait(store.session)
            if pause is not None:
                raise pause
            if not store.session.limiter.acquire():
                break
            outcome = self._tried(store, call)
            if not isinstance(outcome, ProviderError):
                return outcome
            failed = outcome
            if not isinstance(failed, Unavailable):
                break
        raise failed.with_traceback(None)

    def _tried(self, store: OpenStore, call: Callable[[], T]) -> T | ProviderError:
        try:
            return call()
        except RateLimited as exc:
            store.session.limiter.throttled(exc.retry_after_s)
            return exc.with_traceback(None)
        except AuthFailed as exc:
            # The next use looks the credentials up again: they may have been rotated.
            self._stores.forget(store)
            return exc.with_traceback(None)
        except ProviderError as exc:
            return exc.with_traceback(None)
        except Exception as exc:
            log.debug("%s: internal error", store.store.ref, exc_info=exc)
            return ProviderError(
                f"internal error ({type(exc).__name__})",
                remedy="run with --debug for the traceback, and report it",
            )


def _marks(store: OpenStore) -> tuple[str, ...]:
    """Return the members by which a store marks among the values what was pushed.

    Source: External Secrets Operator 2.9: KV version 1 has no metadata to hold the mark.
    """
    return ("custom_metadata",) if store.session.dialect in ("vault", "openBao") else ()


def _same(held: bytes, wanted: bytes, marks: tuple[str, ...] = ()) -> bool:
    """Return whether two payloads are the same bytes, or the same JSON object."""
    if held == wanted:
        return True
    try:
        # Not as Go reads it: bytes that are no text must stay apart from one another.
        first, second = json.loads(held), json.loads(wanted)
    except (ValueError, RecursionError):
        return False
    if not isinstance(first, dict):
        return False
    unmarked = {name: value for name, value in first.items() if name not in marks}
    return bool(unmarked == second)


def _member(payload: bytes, name: str) -> str | None:
    """Return a member of a JSON object that is a text, None where there is none."""
    try:
        found = unmarshal(payload)
    except ValueError:
        return None
    value = found.get(name) if isinstance(found, dict) else None
    return None if value is None else value if isinstance(value, str) else "?"
