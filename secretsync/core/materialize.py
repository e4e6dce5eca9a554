"""ExternalSecret and provider values → the Secret that should exist. Pure.

Order of precedence as in ESO: `dataFrom` in order, later entries win, then `data`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from providers.base import ProviderError, SecretBytes, SecretNotFound, SecretRef, SecretValue
from secretsync.core.hashes import created_by_hash, eso_field_managers, field_manager
from secretsync.core.keys import convert_keys, validate_keys
from secretsync.core.property_path import extract_map, select_property
from secretsync.core.secrets import (
    ADOPT_ANNOTATION,
    ALLOW_EMPTY_ANNOTATION,
    CREATED_BY_LABEL,
    DATA_HASH_ANNOTATION,
    LAST_APPLIED_ANNOTATION,
    MANAGED_LABEL,
    VERSIONS_ANNOTATION,
    DesiredSecret,
    OwnerReference,
)
from secretsync.core.values import CoreError, check_null_bytes, decode
from secretsync.resources.external_secret import (
    DataFrom,
    DataItem,
    ExternalSecret,
    RemoteRef,
    StoreRef,
)

__all__ = [
    "Materialized",
    "Missing",
    "Source",
    "SourceError",
    "desired_secret",
    "materialize",
    "sources",
    "version_key",
]


@dataclass(frozen=True, slots=True)
class Source:
    """One thing to read: from which store, which ref."""

    store: StoreRef
    ref: SecretRef


@dataclass(frozen=True, slots=True)
class Missing:
    """An item whose secret does not exist upstream.

    Args:
        field: path of the item, `spec.data[0]`.
        definite: the provider is certain.
    """

    field: str
    key: str
    definite: bool


class SourceError(CoreError):
    """One item could not be made from its source; `__cause__` says why.

    Args:
        field: path of the item, `spec.data[0].remoteRef`.
        cause: a ProviderError or CoreError, whose message carries no value.
    """

    def __init__(self, field: str, cause: ProviderError | CoreError) -> None:
        super().__init__(f"{field}: {cause.message}", remedy=cause.remedy)
        self.field = field
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Materialized:
    """The data of a target, and what it was made from."""

    data: Mapping[str, SecretBytes]
    versions: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[Missing, ...] = ()


def version_key(source: Source) -> str:
    """Return how the provider-versions annotation names a source."""
    store = source.store
    version = f"@{source.ref.version}" if source.ref.version else ""
    return f"{store.kind}/{store.name}:{source.ref.key}{version}"


def sources(external_secret: ExternalSecret) -> tuple[Source, ...]:
    """Return everything it reads, each once."""
    return tuple(
        dict.fromkeys(_source(item.store, remote) for _, item, remote in _items(external_secret))
    )


def materialize(
    external_secret: ExternalSecret,
    values: Mapping[Source, SecretValue | ProviderError],
    *,
    dialects: Mapping[StoreRef, str],
) -> Materialized:
    """Make the data of the target from what the providers answered.

    Args:
        values: an entry for every source of `sources(external_secret)`.
        dialects: how each store addresses properties (the provider's key).

    Raises:
        SourceError: an item failed; nothing may be written then. An item that does
            not exist upstream is an error too under deletionPolicy Retain, and is
            reported in `missing` otherwise.
    """
    tolerant = external_secret.target.deletion_policy != "Retain"
    data: dict[str, SecretBytes] = {}
    versions: dict[str, str] = {}
    missing: list[Missing] = []
    for path, item, remote in _items(external_secret):
        source = _source(item.store, remote)
        answer = values[source]
        if isinstance(answer, SecretNotFound) and tolerant:
            missing.append(Missing(path, remote.key, answer.definite))
            continue
        if isinstance(answer, ProviderError):
            raise SourceError(path, answer) from answer
        try:
            data.update(_take(item, remote, answer.value, dialects[item.store]))
        except CoreError as exc:
            raise SourceError(path, exc) from exc
        versions[version_key(source)] = answer.version
    return Materialized(data, versions, tuple(missing))


def _items(
    external_secret: ExternalSecret,
) -> Iterator[tuple[str, DataItem | DataFrom, RemoteRef]]:
    for index, entry in enumerate(external_secret.data_from):
        yield f"spec.dataFrom[{index}].extract", entry, entry.extract
    for index, item in enumerate(external_secret.data):
        yield f"spec.data[{index}].remoteRef", item, item.remote_ref


def _source(store: StoreRef, remote: RemoteRef) -> Source:
    return Source(store, SecretRef(remote.key, remote.version))


def _take(
    item: DataItem | DataFrom, remote: RemoteRef, payload: SecretBytes, dialect: str
) -> dict[str, SecretBytes]:
    """Select, convert and decode one item's keys."""
    raw = payload.reveal()
    if remote.property:
        raw = select_property(raw, remote.property, key=remote.key, dialect=dialect)
    if isinstance(item, DataItem):
        found = {item.secret_key: raw}
    else:
        found = convert_keys(extract_map(raw), remote.conversion_strategy)
        found = validate_keys(found)
    return {key: SecretBytes(_finished(key, value, remote)) for key, value in found.items()}


def _finished(key: str, value: bytes, remote: RemoteRef) -> bytes:
    decoded = decode(value, remote.decoding_strategy, key=key)
    if remote.null_byte_policy == "Fail":
        check_null_bytes(decoded, key=key)
    return decoded


#: Of the ExternalSecret's own metadata, what says something about that object only.
_NOT_COPIED = frozenset({LAST_APPLIED_ANNOTATION, ADOPT_ANNOTATION, ALLOW_EMPTY_ANNOTATION})
#: Computed for each write: a copied or templated one would never agree with it.
_COMPUTED = frozenset({DATA_HASH_ANNOTATION, VERSIONS_ANNOTATION})


def desired_secret(
    external_secret: ExternalSecret,
    materialized: Materialized,
    *,
    extra_labels: Mapping[str, str] | None = None,
) -> DesiredSecret:
    """Return the Secret that the ExternalSecret wants, all but its live part.

    Args:
        extra_labels: labels of ours, such as the inventory of a PATH.
    """
    meta, target = external_secret.meta, external_secret.target
    owner_policy = target.creation_policy == "Owner"
    created_by = created_by_hash(meta.namespace, meta.name)
    labels, annotations = _metadata(external_secret)
    labels = {**labels, MANAGED_LABEL: "true"}
    if target.creation_policy in ("Owner", "Orphan"):
        # A Secret that others share is not ours to prune.
        labels.update(extra_labels or {})
    if owner_policy:
        labels[CREATED_BY_LABEL] = created_by
    return DesiredSecret(
        parent=external_secret.ref,
        namespace=meta.namespace,
        name=target.name,
        data=materialized.data,
        field_managers=(field_manager(meta.name), *eso_field_managers(meta.name)),
        created_by=created_by,
        type=target.template.type if target.template else "",
        labels=labels,
        annotations=annotations,
        finalizers=target.template.metadata.finalizers if target.template else (),
        immutable=target.immutable,
        owner=_owner(external_secret) if owner_policy else None,
        disown=not owner_policy,
        keep_foreign_keys=target.creation_policy in ("Merge", "CreateOrMerge"),
        must_exist=target.creation_policy == "Merge",
        versions=materialized.versions,
        adopt=meta.annotations.get(ADOPT_ANNOTATION) == "true",
        allow_empty=meta.annotations.get(ALLOW_EMPTY_ANNOTATION) == "true",
    )


def _metadata(external_secret: ExternalSecret) -> tuple[dict[str, str], dict[str, str]]:
    """Without a template the object's own labels and annotations are copied."""
    template = external_secret.target.template
    if template is not None:
        written = dict(template.metadata.annotations)
        return dict(template.metadata.labels), _without(written, _COMPUTED)
    meta = external_secret.meta
    return dict(meta.labels), _without(meta.annotations, _NOT_COPIED | _COMPUTED)


def _without(strings: Mapping[str, str], names: frozenset[str]) -> dict[str, str]:
    return {key: value for key, value in strings.items() if key not in names}


def _owner(external_secret: ExternalSecret) -> OwnerReference | None:
    if not external_secret.live:
        return None
    return OwnerReference(
        api_version="external-secrets.io/v1",
        kind="ExternalSecret",
        name=external_secret.meta.name,
        uid=external_secret.meta.uid,
    )
