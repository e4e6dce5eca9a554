"""From a batch of ExternalSecrets to their values: stores, sessions, one planned fetch."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from providers.base import AuthFailed, ProviderError, SecretRef, Unavailable
from secretsync.core.materialize import Source, sources
from secretsync.errors import (
    AlreadyExists,
    ClusterError,
    ClusterUnavailable,
    ConfigError,
    Conflict,
    SecretSyncError,
)
from secretsync.refresh.catalog import StoreCatalog, StoreUnmanaged
from secretsync.refresh.fetching import Answer, Fetcher
from secretsync.refresh.sessions import Sessions, StoreSession
from secretsync.resources.external_secret import ExternalSecret, StoreRef

__all__ = ["Readings", "SourceReader", "Unreadable", "by_sessions", "is_transient", "portions"]

log = logging.getLogger(__name__)

#: Stores that are read at the same time; each has its own budget.
PARALLEL_STORES = 8
#: Values held at once: with AWS's largest, 64 KiB each, that is 64 MiB.
PORTION_REFS = 1000

Resolved = tuple[ExternalSecret, Mapping[StoreRef, StoreSession]]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why an ExternalSecret cannot be read at all: its store, its session."""

    error: SecretSyncError | ProviderError
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Readings:
    """The answers for one ExternalSecret."""

    values: Mapping[Source, Answer]
    dialects: Mapping[StoreRef, str]


@dataclass(slots=True)
class _Demand:
    """What one session must read for a batch."""

    session: StoreSession
    refs: dict[SecretRef, None] = field(default_factory=dict)


class SourceReader:
    """Resolves stores and reads, each ref once however many ask for it."""

    def __init__(self, catalog: StoreCatalog, sessions: Sessions, fetcher: Fetcher) -> None:
        self._catalog = catalog
        self._sessions = sessions
        self._fetcher = fetcher

    def resolve(
        self, external_secret: ExternalSecret
    ) -> Mapping[StoreRef, StoreSession] | Unreadable:
        """Return the session of each store that it names, or why there is none."""
        namespace = external_secret.meta.namespace
        found: dict[StoreRef, StoreSession] = {}
        try:
            for store_ref in external_secret.stores():
                store = self._catalog.find(store_ref, namespace)
                found[store_ref] = self._sessions.session(store, namespace)
        except StoreUnmanaged as exc:
            return Unreadable(exc, skipped=True)
        except (ConfigError, ClusterError, ProviderError) as exc:
            return Unreadable(exc)
        except Exception as exc:
            log.debug("%s: internal error", external_secret.ref, exc_info=exc)
            return Unreadable(SecretSyncError(f"internal error ({type(exc).__name__})"))
        return found

    def split(
        self, batch: Sequence[ExternalSecret]
    ) -> tuple[
        list[tuple[ExternalSecret, Mapping[StoreRef, StoreSession]]],
        list[tuple[ExternalSecret, Unreadable]],
    ]:
        """Resolve a batch into what can be read and what cannot."""
        readable, unreadable = [], []
        for item in batch:
            resolved = self.resolve(item)
            if isinstance(resolved, Unreadable):
                unreadable.append((item, resolved))
            else:
                readable.append((item, resolved))
        return readable, unreadable

    def read(
        self, batch: Sequence[tuple[ExternalSecret, Mapping[StoreRef, StoreSession]]]
    ) -> list[tuple[ExternalSecret, Readings]]:
        """Read everything that a resolved batch needs."""
        demands: dict[int, _Demand] = {}
        for item, by_store in batch:
            for source in sources(item):
                session = by_store[source.store]
                demands.setdefault(id(session), _Demand(session)).refs[source.ref] = None
        answers = self._fetch(demands)
        readings = []
        for item, by_store in batch:
            values = {
                source: answers[id(by_store[source.store])][source.ref] for source in sources(item)
            }
            dialects = {store: session.dialect for store, session in by_store.items()}
            readings.append((item, Readings(values, dialects)))
        return readings

    def _fetch(self, demands: Mapping[int, _Demand]) -> dict[int, dict[SecretRef, Answer]]:
        if len(demands) <= 1:
            return {key: self._fetch_one(demand) for key, demand in demands.items()}
        workers = min(PARALLEL_STORES, len(demands))
        with ThreadPoolExecutor(workers, thread_name_prefix="store") as pool:
            running = {key: pool.submit(self._fetch_one, demand) for key, demand in demands.items()}
        return {key: future.result() for key, future in running.items()}

    def _fetch_one(self, demand: _Demand) -> dict[SecretRef, Answer]:
        answers = self._fetcher.fetch(demand.session, demand.refs)
        if any(isinstance(answer, AuthFailed) for answer in answers.values()):
            # The next use looks the credentials up again: they may have been rotated.
            self._sessions.forget(demand.session.key, only=demand.session)
        return answers


def by_sessions(
    batch: Sequence[tuple[ExternalSecret, Mapping[StoreRef, StoreSession]]],
) -> list[list[tuple[ExternalSecret, Mapping[StoreRef, StoreSession]]]]:
    """Group a resolved batch so that no store waits for one it does not need."""
    groups: dict[frozenset[int], list[tuple[ExternalSecret, Mapping[StoreRef, StoreSession]]]] = (
        defaultdict(list)
    )
    for item, by_store in batch:
        groups[frozenset(id(session) for session in by_store.values())].append((item, by_store))
    return list(groups.values())


def portions(batch: Sequence[Resolved]) -> Iterator[list[Resolved]]:
    """Split a batch so that a bounded number of values is in memory at once.

    Those that read the same keys stay together, so that a key is still read once.
    """
    portion: list[Resolved] = []
    refs: set[Source] = set()
    for item, by_store in sorted(batch, key=_first_key):
        needed = sources(item)
        if (
            portion
            and len(refs) + len(needed) > PORTION_REFS
            and len(refs.union(needed)) > PORTION_REFS
        ):
            yield portion
            portion, refs = [], set()
        portion.append((item, by_store))
        refs.update(needed)
    if portion:
        yield portion


def _first_key(resolved: Resolved) -> str:
    return next((source.ref.key for source in sources(resolved[0])), "")


def is_transient(error: BaseException) -> bool:
    """Return whether trying again may help without anybody changing anything."""
    return isinstance(error, Unavailable | ClusterUnavailable | Conflict | AlreadyExists)
