"""Store sessions: one login per store and identity, shared by all that use it.

The identity is part of the key: what namespace A may read is never handed to B.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from providers.base import AuthFailed, Credentials, Provider
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

    @property
    def dialect(self) -> str:
        """How this store addresses properties: the provider's key."""
        return self.store.provider


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
            if current is not None and self._usable(current, store, namespace):
                return current
            opened = self._opened(key, store, namespace)
            with self._lock:
                self._open[key] = opened
        if current is not None:
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

    def close(self) -> None:
        """Close every session."""
        with self._lock:
            keys = list(self._open)
        for key in keys:
            self.forget(key)

    def _usable(self, session: StoreSession, store: SecretStore, namespace: str) -> bool:
        if session.store.config != store.config or session.store.retry != store.retry:
            return False
        now_s = self._clock.monotonic_s()
        if session.credentials.tokens:
            return now_s - session.opened_at_s < TOKEN_SESSION_S
        if now_s - session.checked_at_s < RECHECK_AFTER_S:
            return True
        try:
            fresh = resolve_credentials(store, namespace, self._source)
        except ClusterError:
            return True  # The cluster cannot say; what works goes on working.
        session.checked_at_s = now_s
        return _values(fresh) == _values(session.credentials)

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
        return StoreSession(key, store, provider, limiter, credentials, now_s, now_s)


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
