"""One tick of one group: list and ask for changes, and say who must be looked at.

A tick that finds nothing costs the change list and nothing else: no value is read and
nothing is written anywhere.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

from providers.base import FindQuery, ProviderError, RateLimited, SecretRef, SecretValue
from secretsync.core.sources import found_digest
from secretsync.refresh.clock import Clock
from secretsync.refresh.fetching import Fetcher, asked_to_wait
from secretsync.refresh.finding import Lister
from secretsync.refresh.index import DependencyIndex, GroupKey, Need
from secretsync.refresh.sessions import StoreSession
from secretsync.resources.meta import ObjectRef

__all__ = ["TickResult", "Ticker"]

#: How often a group compares everything instead of what the list says has moved:
#: change lists are hints, sweeps are truth.
SWEEP_EVERY_S = 3600.0


@dataclass(frozen=True, slots=True)
class TickResult:
    """What a tick found.

    Args:
        moved: who depends on a key whose version is new.
        unread: who depends on a key that could not be compared.
        error: why changes could not be asked for; nothing is concluded then.
        compared: how many keys were found unchanged, without reading a value.
    """

    moved: frozenset[ObjectRef] = frozenset()
    unread: frozenset[ObjectRef] = frozenset()
    error: ProviderError | None = None
    compared: int = 0


class Ticker:
    """Runs ticks; remembers each group's watermark."""

    def __init__(
        self, index: DependencyIndex, fetcher: Fetcher, lister: Lister, clock: Clock
    ) -> None:
        self._index = index
        self._fetcher = fetcher
        self._lister = lister
        self._clock = clock
        self._lock = threading.Lock()
        self._watermarks: dict[GroupKey, tuple[float, object | None]] = {}

    def tick(self, group: GroupKey, session: StoreSession) -> TickResult:
        """Compare a group with its store.

        Queries are listed, each once; what they find is compared like any other key.
        """
        needs = self._index.needs(group)
        known = {need: version for need, version in needs.items() if version is not None}
        never_read = [need for need, version in needs.items() if version is None]
        unread = self._index.users(group, never_read)
        lists = {need: version for need, version in known.items() if isinstance(need, FindQuery)}
        refs = {need: version for need, version in known.items() if isinstance(need, SecretRef)}
        moved, error = self._list(session, lists)
        if error is not None:
            return TickResult(error=error)
        result = self._compare_all(group, session, refs) if refs else TickResult()
        if result.error is not None:
            return result
        return replace(
            result,
            moved=result.moved | self._index.users(group, moved),
            unread=result.unread | unread,
        )

    def _list(
        self, session: StoreSession, known: Mapping[FindQuery, str]
    ) -> tuple[set[Need], ProviderError | None]:
        """Return the queries that find something else now; of one that fails, why."""
        moved: set[Need] = set()
        for query, digest in known.items():
            found = self._lister.find(session, query)
            if isinstance(found, ProviderError):
                return moved, found
            if found_digest(found) != digest:
                moved.add(query)
        return moved, None

    def _compare_all(
        self, group: GroupKey, session: StoreSession, known: Mapping[SecretRef, str]
    ) -> TickResult:
        pause = asked_to_wait(session)
        if pause is not None:
            return TickResult(error=pause)
        if not session.limiter.acquire():
            return TickResult()
        swept_at_s, watermark = self._watermark(group)
        try:
            changes = session.provider.changes(watermark, known)
        except ProviderError as exc:
            if isinstance(exc, RateLimited):
                session.limiter.throttled(exc.retry_after_s)
            return TickResult(error=exc)
        with self._lock:
            self._watermarks[group] = (swept_at_s, changes.watermark)
        moved = set(changes.changed)
        failed: set[SecretRef] = set()
        if changes.unknown:
            more, failed = self._compare(session, {ref: known[ref] for ref in changes.unknown})
            moved |= more
        return TickResult(
            moved=self._index.users(group, moved),
            unread=self._index.users(group, failed),
            compared=len(changes.unchanged),
        )

    def _watermark(self, group: GroupKey) -> tuple[float, object | None]:
        now_s = self._clock.monotonic_s()
        with self._lock:
            swept_at_s, watermark = self._watermarks.get(group, (now_s, None))
        if now_s - swept_at_s >= SWEEP_EVERY_S:
            return now_s, None
        return swept_at_s, watermark

    def _compare(
        self, session: StoreSession, known: Mapping[SecretRef, str]
    ) -> tuple[set[SecretRef], set[SecretRef]]:
        """Read what no list can tell about; only its version is looked at."""
        moved: set[SecretRef] = set()
        failed: set[SecretRef] = set()
        for ref, answer in self._fetcher.fetch(session, known).items():
            if not isinstance(answer, SecretValue):
                failed.add(ref)
            elif answer.version != known[ref]:
                moved.add(ref)
        return moved, failed

    def forget(self, groups: frozenset[GroupKey]) -> None:
        """Drop the watermarks of all but the given groups."""
        with self._lock:
            for group in [group for group in self._watermarks if group not in groups]:
                del self._watermarks[group]
