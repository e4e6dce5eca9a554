"""What an ExternalSecret reads: keys of stores, queries, generators; and how each is named.

Neighbours: `refresh.reading` answers sources, `materialize` makes keys of the answers,
`refresh.index` remembers who depends on what.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from providers.base import (
    FindQuery,
    FoundSecret,
    ProviderError,
    SecretBytes,
    SecretRef,
    SecretValue,
)
from secretsync.core.dialects import dialect_of
from secretsync.resources.external_secret import (
    DataFrom,
    DataItem,
    ExternalSecret,
    Find,
    GeneratorRef,
    RemoteRef,
    StoreRef,
)
from secretsync.resources.regexes import compile_regex

__all__ = [
    "MANY_READ",
    "Answer",
    "AnySource",
    "FindSource",
    "FoundValues",
    "GeneratedValues",
    "GeneratorSource",
    "Item",
    "KeptValues",
    "Source",
    "found_digest",
    "found_names",
    "found_versions",
    "is_many",
    "items",
    "many_key",
    "names_digest",
    "remote_stores",
    "sources",
    "version_key",
]

#: Names, in the annotation, what a query found: with `_PINNED`, what its list named with
#: its version, so that the query's digest tells whether it moved.
_FOUND = "found:"
_PINNED = "listed:"
#: Names a query of which only is noted whether it finds the same names.
_MANY = "many("
#: Names a digest of what was read by name, where that is too much; no store is named so.
MANY_READ = f":{_MANY})"


@dataclass(frozen=True, slots=True)
class Source:
    """One key to read: from which store, which ref."""

    store: StoreRef
    ref: SecretRef


@dataclass(frozen=True, slots=True)
class FindSource:
    """Secrets to list and to read: in which store, by which query."""

    store: StoreRef
    query: FindQuery


@dataclass(frozen=True, slots=True)
class GeneratorSource:
    """Values to generate.

    Args:
        index: of the entry of `spec.dataFrom`: two entries of one generator get values
            of their own, as in ESO.
    """

    ref: GeneratorRef
    index: int


AnySource = Source | FindSource | GeneratorSource


@dataclass(frozen=True, slots=True)
class FoundValues:
    """What a query found, and each one's value or why there is none; in the list's order."""

    values: tuple[tuple[FoundSecret, SecretValue | ProviderError], ...] = ()


@dataclass(frozen=True, slots=True)
class GeneratedValues:
    """What a generator made, by its own keys.

    Args:
        mark: when and for what; it stands beside the Secret as the version of the values.
    """

    values: Mapping[str, SecretBytes]
    mark: str


@dataclass(frozen=True, slots=True)
class KeptValues:
    """What a generator made before stays as it is in the live Secret.

    Args:
        live: all data of the Secret that is the ExternalSecret's own.
        mark: as it stands beside the Secret.
        pending: it is time for new values, and this run only plans: it makes none. Nothing
            is in `live` where there is no Secret yet.
    """

    live: Mapping[str, SecretBytes]
    mark: str
    pending: bool = False


#: What a source was answered with: a Source by a value, a FindSource by FoundValues, a
#: GeneratorSource by GeneratedValues or KeptValues; any of them by an error.
Answer = SecretValue | FoundValues | GeneratedValues | KeptValues | ProviderError


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of data or dataFrom with its source.

    Args:
        field: path of the entry in the manifest, for messages.
    """

    field: str
    entry: DataItem | DataFrom
    source: AnySource


def remote_stores(dialects: Mapping[StoreRef, str]) -> frozenset[StoreRef]:
    """Return the stores whose service selects properties itself.

    Args:
        dialects: the provider's key of each store.
    """
    return frozenset(
        store for store, dialect in dialects.items() if dialect_of(dialect).address == "remote"
    )


def items(external_secret: ExternalSecret, *, remote: Collection[StoreRef] = ()) -> Iterator[Item]:
    """Yield every entry in order of precedence: later ones win, as in ESO.

    Args:
        remote: see `remote_stores`; elsewhere one read serves all properties of a key.
    """
    for index, entry in enumerate(external_secret.data_from):
        path = f"spec.dataFrom[{index}]"
        if isinstance(entry.source, GeneratorRef):
            source: AnySource = GeneratorSource(entry.source, index)
            yield Item(f"{path}.sourceRef.generatorRef", entry, source)
        elif isinstance(entry.source, Find):
            yield Item(f"{path}.find", entry, FindSource(_store(entry), _query(entry.source)))
        else:
            source = Source(_store(entry), _ref(entry.source, entry.store in remote))
            yield Item(f"{path}.extract", entry, source)
    for index, item in enumerate(external_secret.data):
        source = Source(item.store, _ref(item.remote_ref, item.store in remote))
        yield Item(f"spec.data[{index}].remoteRef", item, source)


def _store(entry: DataFrom) -> StoreRef:
    if entry.store is None:
        raise AssertionError("only a generator has no store")
    return entry.store


def _ref(wanted: RemoteRef, with_property: bool) -> SecretRef:  # noqa: FBT001 - one of two forms
    return SecretRef(
        wanted.key,
        wanted.version,
        metadata=wanted.metadata_policy == "Fetch",
        property=wanted.property if with_property else "",
    )


def _query(find: Find) -> FindQuery:
    tags = tuple(sorted(find.tags))
    if not find.name_regexp:
        return FindQuery(find.path, "", tags)
    regexp = compile_regex(find.name_regexp)
    return FindQuery(find.path, find.name_regexp, tags, regexp.search)


def sources(
    external_secret: ExternalSecret, *, remote: Collection[StoreRef] = ()
) -> tuple[AnySource, ...]:
    """Return everything it reads, each once.

    Args:
        remote: as for `items`.
    """
    return tuple(dict.fromkeys(item.source for item in items(external_secret, remote=remote)))


def version_key(source: AnySource) -> str:
    """Return how the provider-versions annotation names a source.

    A query is named by a digest: what it asks for is in the manifest.
    """
    if isinstance(source, GeneratorSource):
        return f"{source.ref.kind}/{source.ref.name}:dataFrom[{source.index}]"
    store = _prefix(source.store)
    if isinstance(source, FindSource):
        return f"{store}find({_query_digest(source.query)})"
    ref = source.ref
    if ref.listed:
        return f"{store}{_PINNED if ref.version else _FOUND}{ref.key}"
    version = f"@{ref.version}" if ref.version else ""
    rest = "#metadata" if ref.metadata else f"#{ref.property}" if ref.property else ""
    return f"{store}{ref.key}{version}{rest}"


def many_key(source: FindSource) -> str:
    """Return how a query is named that found too much to note each of it."""
    return f"{_prefix(source.store)}{_MANY}{_query_digest(source.query)})"


def is_many(name: str) -> bool:
    """Return whether a name among the versions is that of such a query, or `MANY_READ`."""
    return f":{_MANY}" in name and name.endswith(")")


def _prefix(store: StoreRef) -> str:
    return f"{store.kind}/{store.name}:"


def found_versions(
    external_secret: ExternalSecret, versions: Mapping[str, str]
) -> Iterator[tuple[Source, str]]:
    """Yield what queries found and must be compared by itself, with its version.

    What a list names with its version need not: the query's digest covers it.

    Args:
        versions: as they were written.
    """
    for store in _searched(external_secret):
        prefix = f"{_prefix(store)}{_FOUND}"
        for name, version in versions.items():
            if name.startswith(prefix):
                yield Source(store, SecretRef(name.removeprefix(prefix), listed=True)), version


def found_names(external_secret: ExternalSecret, versions: Mapping[str, str]) -> frozenset[str]:
    """Return the entries of the versions that name what queries found."""
    prefixes = tuple(
        f"{_prefix(store)}{kind}"
        for store in _searched(external_secret)
        for kind in (_FOUND, _PINNED)
    )
    return frozenset(name for name in versions if name.startswith(prefixes))


def _searched(external_secret: ExternalSecret) -> tuple[StoreRef, ...]:
    found = (source for source in sources(external_secret) if isinstance(source, FindSource))
    return tuple(dict.fromkeys(source.store for source in found))


def _query_digest(query: FindQuery) -> str:
    return _digest([(query.path, query.name_regexp), *query.tags])


def found_digest(found: Iterable[FoundSecret]) -> str:
    """Return what changes whenever a query finds other secrets, whatever their order."""
    return _digest(sorted((each.name, each.ref.key, each.ref.version) for each in found))


def names_digest(found: Iterable[FoundSecret]) -> str:
    """Return what changes only when a query finds secrets of other names."""
    return _digest(sorted((each.name, each.ref.key) for each in found))


def _digest(groups: Iterable[tuple[str, ...]]) -> str:
    digest = hashlib.sha256()
    for group in groups:
        for text in group:
            encoded = text.encode("utf-8", "surrogatepass")
            digest.update(b"%d:%b" % (len(encoded), encoded))
    return digest.hexdigest()[:16]
