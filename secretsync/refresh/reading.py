"""From a batch of ExternalSecrets to their values: stores, sessions, one planned fetch."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from providers.base import (
    AuthFailed,
    FindQuery,
    ProviderError,
    SecretRef,
    SecretValue,
    Unavailable,
)
from secretsync.core.materialize import materialize
from secretsync.core.sources import (
    Answer,
    AnySource,
    FindSource,
    FoundValues,
    GeneratorSource,
    KeptValues,
    Source,
    remote_stores,
    sources,
)
from secretsync.errors import (
    AlreadyExists,
    ClusterError,
    ClusterUnavailable,
    ConfigError,
    Conflict,
    SecretSyncError,
)
from secretsync.refresh.catalog import StoreCatalog, StoreUnmanaged
from secretsync.refresh.denials import Denials
from secretsync.refresh.fetching import Fetcher
from secretsync.refresh.finding import Found, Lister
from secretsync.refresh.generations import Generations
from secretsync.refresh.sessions import Sessions, StoreSession
from secretsync.resources.external_secret import ExternalSecret, StoreRef

__all__ = [
    "Readings",
    "SourceReader",
    "Unreadable",
    "by_sessions",
    "is_transient",
    "portions",
]

log = logging.getLogger(__name__)

#: Stores that are read at the same time; each has its own budget.
PARALLEL_STORES = 8
#: Values held at once: with AWS's largest, 64 KiB each, that is 64 MiB.
PORTION_REFS = 1000
#: What a query counts for, before it is known what it finds.
QUERY_REFS = 100

#: Stands where a generator has not run.
WAITING = KeptValues({}, "")

Resolved = tuple[ExternalSecret, Mapping[StoreRef, StoreSession]]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why an ExternalSecret cannot be read at all: its store, its session."""

    error: SecretSyncError | ProviderError
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Readings:
    """The answers for one ExternalSecret."""

    values: Mapping[AnySource, Answer]
    dialects: Mapping[StoreRef, str]


@dataclass(slots=True)
class _Demand:
    """What one session must read for a batch, and what it answered."""

    session: StoreSession
    refs: dict[SecretRef, None] = field(default_factory=dict)
    queries: dict[FindQuery, None] = field(default_factory=dict)
    found: dict[FindQuery, Found] = field(default_factory=dict)
    answers: dict[SecretRef, SecretValue | ProviderError] = field(default_factory=dict)


class SourceReader:
    """Resolves stores and reads, each ref once however many ask for it.

    Args:
        generations: answers for generators.
        denials: is told what each store answered.
    """

    def __init__(
        self,
        catalog: StoreCatalog,
        sessions: Sessions,
        fetcher: Fetcher,
        lister: Lister,
        generations: Generations,
        denials: Denials,
    ) -> None:
        self._catalog = catalog
        self._sessions = sessions
        self._fetcher = fetcher
        self._lister = lister
        self._generations = generations
        self._denials = denials

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
            self._generations.require(external_secret)
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
            for source in _sources(item, by_store):
                if isinstance(source, GeneratorSource):
                    continue
                session = by_store[source.store]
                demand = demands.setdefault(id(session), _Demand(session))
                if isinstance(source, FindSource):
                    demand.queries[source.query] = None
                else:
                    demand.refs[source.ref] = None
        self._fetch(list(demands.values()))
        readings = []
        for item, by_store in batch:
            values: dict[AnySource, Answer] = {
                source: WAITING
                if isinstance(source, GeneratorSource)
                else _answer(source, demands[id(by_store[source.store])])
                for source in _sources(item, by_store)
            }
            # Last, and only where all else is there: nobody takes back what was handed out.
            versions = _complete(item, values, _dialects(by_store)) if item.generators() else None
            if versions is not None:
                for entry, answer in self._generations.answer(item, versions).items():
                    values[entry] = answer  # noqa: PERF403 - update takes keys of one type
            readings.append((item, Readings(values, _dialects(by_store))))
        return readings

    def _fetch(self, demands: Sequence[_Demand]) -> None:
        if len(demands) <= 1:
            for demand in demands:
                self._fetch_one(demand)
            return
        workers = min(PARALLEL_STORES, len(demands))
        with ThreadPoolExecutor(workers, thread_name_prefix="store") as pool:
            for done in [pool.submit(self._fetch_one, demand) for demand in demands]:
                done.result()

    def _fetch_one(self, demand: _Demand) -> None:
        """List first: what was found is read with all else, in the same packs."""
        refs = dict(demand.refs)
        for query in demand.queries:
            found = demand.found[query] = self._lister.find(demand.session, query)
            if not isinstance(found, ProviderError):
                refs |= dict.fromkeys(each.ref for each in found)
        demand.answers = self._fetcher.fetch(demand.session, refs)
        everything = [*demand.answers.values(), *demand.found.values()]
        self._denials.note(demand.session.store.ref, everything)
        if any(isinstance(answer, AuthFailed) for answer in everything):
            # The next use looks the credentials up again: they may have been rotated.
            self._sessions.forget(demand.session.key, only=demand.session)


def _complete(
    item: ExternalSecret, values: Mapping[AnySource, Answer], dialects: Mapping[StoreRef, str]
) -> Mapping[str, str] | None:
    """Return the versions of everything but what is generated; None where some is missing."""
    try:
        return materialize(item, values, dialects=dialects).versions
    except Exception:  # noqa: BLE001 - the pipeline meets the same, and reports it
        return None


def _answer(source: Source | FindSource, demand: _Demand) -> Answer:
    if isinstance(source, Source):
        return demand.answers[source.ref]
    found = demand.found[source.query]
    if isinstance(found, ProviderError):
        return found
    return FoundValues(tuple((each, demand.answers[each.ref]) for each in found))


def _dialects(by_store: Mapping[StoreRef, StoreSession]) -> dict[StoreRef, str]:
    return {store: session.dialect for store, session in by_store.items()}


def _sources(
    item: ExternalSecret, by_store: Mapping[StoreRef, StoreSession]
) -> tuple[AnySource, ...]:
    return sources(item, remote=remote_stores(_dialects(by_store)))


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
    refs: set[AnySource] = set()
    weight = 0  # at least that of `refs`: what is shared may count twice
    for item, by_store in sorted(batch, key=_first_key):
        needed = sources(item)
        if portion and weight + _weight(needed) > PORTION_REFS:
            weight = _weight(refs)
        if portion and weight + _weight(set(needed) - refs) > PORTION_REFS:
            yield portion
            portion, refs, weight = [], set(), 0
        portion.append((item, by_store))
        refs.update(needed)
        weight += _weight(needed)
    if portion:
        yield portion


def _weight(needed: Collection[AnySource]) -> int:
    return sum(QUERY_REFS if isinstance(source, FindSource) else 1 for source in needed)


def _first_key(resolved: Resolved) -> str:
    for source in sources(resolved[0]):
        if isinstance(source, Source):
            return source.ref.key
        if isinstance(source, FindSource):
            return source.query.path + source.query.name_regexp
    return ""


def is_transient(error: BaseException) -> bool:
    """Return whether trying again may help without anybody changing anything."""
    return isinstance(error, Unavailable | ClusterUnavailable | Conflict | AlreadyExists)
