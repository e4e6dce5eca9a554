"""Keeps the key ring: loaded at start, renewed in time, followed while the service runs.

Neighbours: `sealed.key_store` reads and makes keys, `sealing_desk` and the unsealing
read the ring that is published here. A fault never takes keys away: the ring that was
read last stays in use until another one could be read.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sealing import RENEW_PERIOD, KeyRing, Renewal, RingKey, SealingError, plan_renewal
from sealing.keyring import KEY_LABEL
from secretsync.cluster.base import WatchEvent
from secretsync.core.schedule import backoff_s
from secretsync.errors import ClusterError
from secretsync.refresh.clock import Clock
from secretsync.sealed.key_store import KeyOptions, KeyStore

__all__ = ["Renewing", "RingKeeper", "RingObserver"]

log = logging.getLogger(__name__)

RETRY_BASE_S = 1.0
RETRY_CAP_S = 60.0
#: Watches tell of changes; this look finds what they missed.
LOOK_EVERY_S = 300.0
#: Changes that come together, such as a restored backup, are read together.
LINGER_S = 0.1


@dataclass(frozen=True, slots=True)
class Renewing:
    """When a new key is made, and what it looks like.

    Args:
        period: 0 makes none by age.
        cutoff_at: a newest key from before is replaced; aware.
    """

    period: timedelta = RENEW_PERIOD
    cutoff_at: datetime | None = None
    options: KeyOptions = field(default_factory=KeyOptions)


class RingObserver:
    """Who wants to know; every method may be called from any thread."""

    def private_key_used(self) -> None:
        """A private key is about to be used."""

    def ring_changed(self, keys: Mapping[str, int]) -> None:
        """The ring is another one; `keys` counts it: active, broken, inactive."""

    def ring_failed(self) -> None:
        """Keys could not be read, made or stored."""


class RingKeeper:
    """Publishes the ring and keeps it as the cluster has it.

    Args:
        changed: called when other keys open than before.
    """

    def __init__(
        self,
        store: KeyStore,
        renewing: Renewing,
        clock: Clock,
        observer: RingObserver,
        *,
        changed: Callable[[], None],
    ) -> None:
        self._store = store
        self._renewing = renewing
        self._clock = clock
        self._observer = observer
        self._changed = changed
        self._ring = KeyRing()
        self._observed: dict[str, RingKey] = {}
        self._said: frozenset[str] = frozenset()
        self._known: frozenset[str] = frozenset()
        self._failure: ClusterError | None = None
        self._loaded = threading.Event()
        self._tried = threading.Event()
        self._wake = threading.Event()
        self._renew_now = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sealing-keys", daemon=True)

    @property
    def ring(self) -> KeyRing:
        """The keys as they were read last; every one of them is stored."""
        return self._ring

    @property
    def loaded(self) -> bool:
        """Whether the keys could be read since the start."""
        return self._loaded.is_set()

    @property
    def failure(self) -> ClusterError | None:
        """Why they could not be read, made or stored the last time; None if they could."""
        return self._failure

    def start(self) -> None:
        """Begin to load and to follow."""
        self._thread.start()

    def wait_tried(self, timeout_s: float) -> bool:
        """Wait until the first attempt to load and to make a key has ended."""
        return self._tried.wait(timeout_s)

    def renew(self) -> None:
        """Make a new key now, whatever the age of the newest."""
        self._renew_now.set()
        self._wake.set()

    def close(self) -> None:
        """End; a key that is being made is finished first."""
        self._closed.set()
        self._wake.set()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread to end."""
        self._thread.join(timeout_s)

    def on_secret(self, event: WatchEvent) -> None:
        """Look again where a Secret of the namespace is, was or becomes a key."""
        metadata = event.object.get("metadata") or {}
        name = metadata.get("name", "")
        labelled = KEY_LABEL in (metadata.get("labels") or {})
        if labelled or self.follows(("", name)):
            self._wake.set()

    def follows(self, key: tuple[str, str]) -> bool:
        """Return whether a Secret is known as a key, by namespace and name."""
        return key[1] in self._known or key[1] == self._store.key_prefix

    def look(self) -> None:
        """Look again, such as after a gap in the watch."""
        self._wake.set()

    def _run(self) -> None:
        failures = 0
        while not self._closed.is_set():
            self._wake.clear()
            try:
                self._look()
            except (ClusterError, SealingError) as exc:
                failures += 1
                self._note_failure(exc)
            except Exception as exc:
                failures += 1
                log.exception("sealing keys not followed", exc_info=exc)
                self._observer.ring_failed()
            else:
                failures, self._failure = 0, None
            self._tried.set()
            self._wake.wait(self._pause_s(failures))
            if self._wake.is_set() and not self._closed.is_set():
                self._closed.wait(LINGER_S)

    def _pause_s(self, failures: int) -> float:
        if failures:
            return backoff_s(failures - 1, base_s=RETRY_BASE_S, cap_s=RETRY_CAP_S, spread=0.0)
        next_at = self._plan().next_at
        if next_at is None:
            return LOOK_EVERY_S
        return min(LOOK_EVERY_S, max(0.0, (next_at - self._clock.now()).total_seconds()))

    def _look(self) -> None:
        """Read the ring; add a key where one is due or was asked for."""
        self._publish(self._store.load())
        renewing, now = self._renewing, self._clock.now()
        if self._renew_now.is_set():
            made: RingKey | None = self._store.create(now=now, options=renewing.options)
            self._renew_now.clear()
            ring = self._store.load()
        else:
            ring, made = self._store.ensure(
                now=now,
                period=renewing.period,
                cutoff_at=renewing.cutoff_at,
                options=renewing.options,
            )
        self._publish(ring)
        if made is not None:
            extra = {"key": made.name, "fingerprint": made.certificate.fingerprint}
            log.info("new sealing key; take a backup of the key ring", extra=extra)

    def _plan(self) -> Renewal:
        newest_at = self._ring.keys[0].ordering_at if self._ring.keys else None
        renewing = self._renewing
        return plan_renewal(
            newest_at,
            now=self._clock.now(),
            period=renewing.period,
            cutoff_at=renewing.cutoff_at,
        )

    def _publish(self, ring: KeyRing) -> None:
        before = {key.private_key.fingerprint: key.name for key in self._ring.keys}
        self._ring = replace(ring, keys=tuple(self._counted(key) for key in ring.keys))
        self._observed = {key.name: key for key in self._ring.keys}
        self._known = frozenset(
            [key.name for key in ring.keys]
            + [key.name for key in ring.broken]
            + [key.name for key in ring.inactive]
        )
        self._say_broken(ring)
        self._observer.ring_changed(
            {
                "active": len(ring.keys),
                "broken": len(ring.broken),
                "inactive": len(ring.inactive),
            }
        )
        after = {key.private_key.fingerprint: key.name for key in ring.keys}
        first = not self._loaded.is_set()
        self._loaded.set()
        self._say_changed(before, after, first=first)
        if first or before.keys() != after.keys():
            self._changed()

    def _counted(self, key: RingKey) -> RingKey:
        known = self._observed.get(key.name)
        if known is not None and known.private_key.fingerprint == key.private_key.fingerprint:
            return replace(key, private_key=known.private_key)
        return replace(key, private_key=key.private_key.observed(self._observer.private_key_used))

    def _say_broken(self, ring: KeyRing) -> None:
        said = frozenset(f"{key.name}: {key.error}" for key in ring.broken)
        for key in ring.broken:
            if f"{key.name}: {key.error}" not in self._said:
                secret = f"{self._store.namespace}/{key.name}"
                log.error(
                    "sealing key not usable", extra={"secret": secret, "cause": str(key.error)}
                )
        self._said = said

    def _say_changed(
        self, before: Mapping[str, str], after: Mapping[str, str], *, first: bool
    ) -> None:
        for fingerprint in sorted(after.keys() - before.keys()):
            log.info(
                "sealing key registered",
                extra={"key": after[fingerprint], "fingerprint": fingerprint},
            )
        for fingerprint in sorted(before.keys() - after.keys()):
            log.warning(
                "sealing key no longer in use: it was deleted, relabelled or damaged",
                extra={"key": before[fingerprint], "fingerprint": fingerprint},
            )
        if first and not after:
            log.info("no sealing key yet", extra={"namespace": self._store.namespace})

    def _note_failure(self, error: ClusterError | SealingError) -> None:
        self._observer.ring_failed()
        failure = error if isinstance(error, ClusterError) else ClusterError(str(error))
        if self._failure is None or self._failure.message != failure.message:
            what = "sealing keys not followed; those known before stay in use"
            log.warning(what, extra={"cause": failure.message, "remedy": failure.remedy})
        self._failure = failure
        if not self._loaded.is_set():
            self._changed()
