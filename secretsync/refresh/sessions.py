"""Store sessions: one login per store and identity, shared by all that use it.

A login that runs out is prolonged before the session is handed out, by one thread; where
that is refused a new session takes its place, and the old one ends a little later.
The identity is part of the key: what namespace A may read is never handed to B.
"""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from providers.base import AuthFailed, Credentials, Provider, ProviderError
from providers.registry import load
from secretsync.errors import ClusterError, ClusterUnavailable
from secretsync.refresh.clock import Clock
from secretsync.refresh.limiter import StoreLimiter
from secretsync.refresh.selectors import CredentialSource, is_referent, resolve_credentials
from secretsync.resources.meta import ObjectRef
from secretsync.resources.secret_store import SecretStore

__all__ = ["CallCounter", "SessionKey", "Sessions", "StoreSession", "no_counting"]

#: How old a session may get before its credentials are looked up again, so that
#: rotated ones are used. ESO validates stores at the same interval.
RECHECK_AFTER_S = 300.0
#: A session made from a ServiceAccount token ends before the token (1 h) does.
TOKEN_SESSION_S = 2700.0

#: When a renewal that failed in passing is tried again.
RENEW_RETRY_S = 10.0
#: How long a session that only got old lives on: who was handed it may be using it yet.
RETIRED_S = 60.0

#: Called for each provider request: provider's metric name, operation, status.
CallCounter = Callable[[str, str, str], None]


def no_counting(provider: str, call: str, status: str) -> None:
    """Count nothing."""


@dataclass(frozen=True, slots=True)
class SessionKey:
    """A store, and the namespace whose credentials or tags it uses ("" = its own)."""

    store: ObjectRef
    namespace: str = ""


@dataclass(slots=True)
class StoreSession:
    """One open session; replaced, not edited, when store or credentials change."""

    key: SessionKey
    store: SecretStore
    provider: Provider
    limiter: StoreLimiter
    credentials: Credentials
    opened_at_s: float
    checked_at_s: float
    #: When its login is to be prolonged; None for one that does not end.
    renew_at_s: float | None = None

    @property
    def dialect(self) -> str:
        """How this store addresses properties: the provider's key."""
        return self.store.provider


class _Fitness(enum.Enum):
    """What becomes of a session that somebody asks for."""

    GOOD = enum.auto()
    #: Replaced; who still holds it may finish with it.
    OLD = enum.auto()
    #: Replaced and closed at once: store or credentials are others now.
    WRONG = enum.auto()


class Sessions:
    """The open sessions of a process."""

    def __init__(
        self, source: CredentialSource, clock: Clock, *, count: CallCounter = no_counting
    ) -> None:
        self._source = source
        self._clock = clock
        self._count = count
        self._lock = threading.Lock()
        self._key_locks: dict[SessionKey, threading.Lock] = {}
        self._open: dict[SessionKey, StoreSession] = {}
        self._retired: list[tuple[float, StoreSession]] = []
        # By store: its quotas are shared by everybody who reads from it.
        self._limiters: dict[ObjectRef, StoreLimiter] = {}

    def session(self, store: SecretStore, namespace: str) -> StoreSession:
        """Return the session through which an object of `namespace` uses the store.

        Raises:
            ProviderError: credentials are missing or refused.
        """
        key = session_key(store, namespace)
        with self._lock:
            key_lock = self._key_locks.setdefault(key, threading.Lock())
        with key_lock:
            current = self._open.get(key)
            fitness = self._fitness(current, store, namespace) if current is not None else None
            if current is not None and fitness is _Fitness.GOOD:
                return current
            opened = self._opened(key, store, namespace)
            with self._lock:
                self._open[key] = opened
        if current is not None and fitness is _Fitness.OLD:
            self._retire(current)
        elif current is not None:
            current.provider.close()
        return opened

    def forget(self, key: SessionKey, *, only: StoreSession | None = None) -> None:
        """Close a session whose credentials were refused; the next use logs in anew.

        Args:
            only: the session that was refused; one that took its place meanwhile stays.
        """
        with self._lock:
            if only is not None and self._open.get(key) is not only:
                return
            gone = self._open.pop(key, None)
        if gone is not None:
            gone.provider.close()

    def keep_only(self, stores: frozenset[ObjectRef]) -> None:
        """Close the sessions of stores that no longer exist."""
        with self._lock:
            doomed = [key for key in self._open if key.store not in stores]
            for ref in [ref for ref in self._limiters if ref not in stores]:
                del self._limiters[ref]
        for key in doomed:
            self.forget(key)
        self._close_retired()

    def close(self) -> None:
        """Close every session."""
        with self._lock:
            keys = list(self._open)
        for key in keys:
            self.forget(key)
        self._close_retired(all_of_them=True)

    def _fitness(self, session: StoreSession, store: SecretStore, namespace: str) -> _Fitness:
        if session.store.config != store.config or session.store.retry != store.retry:
            return _Fitness.WRONG
        if not self._renewed(session):
            return _Fitness.OLD
        now_s = self._clock.monotonic_s()
        if session.credentials.tokens:
            young = now_s - session.opened_at_s < TOKEN_SESSION_S
            return _Fitness.GOOD if young else _Fitness.OLD
        if now_s - session.checked_at_s < RECHECK_AFTER_S:
            return _Fitness.GOOD
        try:
            fresh = resolve_credentials(store, namespace, self._source)
        except ClusterError:
            return _Fitness.GOOD  # The cluster cannot say; what works goes on working.
        session.checked_at_s = now_s
        same = _values(fresh) == _values(session.credentials)
        return _Fitness.GOOD if same else _Fitness.WRONG

    def _renewed(self, session: StoreSession) -> bool:
        """Prolong the login if that is due; return whether the session goes on.

        The caller holds the session's lock, so that one thread asks and the others wait.
        """
        now_s = self._clock.monotonic_s()
        if session.renew_at_s is None or now_s < session.renew_at_s:
            return True
        renew: Callable[[], float | None] | None = getattr(session.provider, "renew", None)
        try:
            after_s = renew() if renew is not None else None
        except AuthFailed:
            return False
        except ProviderError:
            after_s = RENEW_RETRY_S
        session.renew_at_s = None if after_s is None else now_s + after_s
        return True

    def _retire(self, session: StoreSession) -> None:
        with self._lock:
            self._retired.append((self._clock.monotonic_s() + RETIRED_S, session))
        self._close_retired()

    def _close_retired(self, *, all_of_them: bool = False) -> None:
        now_s = self._clock.monotonic_s()
        with self._lock:
            due = [one for one in self._retired if all_of_them or one[0] <= now_s]
            self._retired = [one for one in self._retired if one not in due]
        for _, session in due:
            session.provider.close()

    def _opened(self, key: SessionKey, store: SecretStore, namespace: str) -> StoreSession:
        module = load(store.provider)
        try:
            credentials = resolve_credentials(store, namespace, self._source)
        except ClusterUnavailable:
            raise
        except ClusterError as exc:
            raise AuthFailed(
                f"{store.ref}: its credentials cannot be read: {exc.message}", remedy=exc.remedy
            ) from exc

        name = module.metric_name(store.config)

        def observe(call: str, status: str) -> None:
            self._count(name, call, status)

        provider = module.open_provider(store.config, credentials, observe=observe)
        now_s = self._clock.monotonic_s()
        with self._lock:
            limiter = self._limiters.setdefault(store.ref, StoreLimiter(self._clock))
        session = StoreSession(key, store, provider, limiter, credentials, now_s, now_s, now_s)
        if not self._renewed(session):
            # A refused login is reported by the reads: one login a batch, not one an object.
            session.renew_at_s = now_s + RENEW_RETRY_S
        return session


def _values(credentials: Credentials) -> tuple[Mapping[Any, Any], ...]:
    """Return what a login was made from, but for tokens, which are another one each time."""
    return (
        credentials.secrets,
        credentials.whole_secrets,
        credentials.config_maps,
        credentials.authorities,
    )


def session_key(store: SecretStore, namespace: str) -> SessionKey:
    """Return the key under which a namespace's use of a store is shared."""
    separate = is_referent(store) or load(store.provider).identity_names_namespace(store.config)
    return SessionKey(store.ref, namespace if separate else "")
