"""ExternalSecret and provider values → the Secret that should exist. Pure.

Order of precedence as in ESO: `dataFrom` in order, later entries win, then `data`.
Neighbours: `sources` says what has to be read, `taking` makes the keys of one entry,
`target_template` renders what is made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from providers.base import ProviderError, SecretBytes, SecretNotFound
from secretsync.core.errors import CoreError, PropertyMissing
from secretsync.core.hashes import created_by_hash, eso_field_managers, field_manager
from secretsync.core.noting import notes_of
from secretsync.core.secrets import (
    ADOPT_ANNOTATION,
    ALLOW_EMPTY_ANNOTATION,
    ARGO_PREFIX,
    CREATED_BY_LABEL,
    DATA_HASH_ANNOTATION,
    DATES_ANNOTATION,
    LAST_APPLIED_ANNOTATION,
    MANAGED_LABEL,
    VERSIONS_ANNOTATION,
    DesiredSecret,
    OwnerReference,
)
from secretsync.core.sources import (
    Answer,
    AnySource,
    FindSource,
    FoundValues,
    GeneratedValues,
    GeneratorSource,
    Item,
    KeptValues,
    Source,
    items,
    remote_stores,
    sources,
    version_key,
)
from secretsync.core.taking import SourceError, is_optional, key_of, take
from secretsync.core.target_template import Rendered
from secretsync.resources.external_secret import ExternalSecret, StoreRef
from secretsync.resources.guards import MAX_SHRINK_ANNOTATION, REQUIRE_KEYS_ANNOTATION

__all__ = [
    "Answer",
    "AnySource",
    "FindSource",
    "FoundValues",
    "GeneratedValues",
    "GeneratorSource",
    "KeptValues",
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
class Missing:
    """An item whose secret does not exist upstream, or a query that found nothing.

    Args:
        field: path of the item, `spec.data[0].remoteRef`.
        key: what was looked for.
        definite: the provider is certain.
        optional: the manifest allows it (`emptyResultPolicy: Ignore`).
    """

    field: str
    key: str
    definite: bool
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Materialized:
    """The data of a target, and what it was made from.

    Args:
        kept: some of the data was generated before and is the live Secret's: it is not
            rendered again.
        pending: some of the data would be generated, by a run that does more than plan.
        dates: when the store made a version, where the version's id has no order.
    """

    data: Mapping[str, SecretBytes]
    versions: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[Missing, ...] = ()
    kept: bool = False
    pending: bool = False
    dates: Mapping[str, str] = field(default_factory=dict)


def materialize(
    external_secret: ExternalSecret,
    values: Mapping[AnySource, Answer],
    *,
    dialects: Mapping[StoreRef, str],
) -> Materialized:
    """Make the data of the target from what the sources answered, before any template.

    Args:
        values: an entry for every source of `sources(external_secret)`, those of remote
            stores with their properties.
        dialects: how each store addresses properties (the provider's key).

    Raises:
        SourceError: an item failed; nothing may be written then. An item that does
            not exist upstream is an error too under deletionPolicy Retain, unless it is
            optional, and is reported in `missing` otherwise.
    """
    tolerant = external_secret.target.deletion_policy != "Retain"
    data: dict[str, SecretBytes] = {}
    missing: list[Missing] = []
    for item in items(external_secret, remote=remote_stores(dialects)):
        dialect = dialects.get(item.entry.store, "") if item.entry.store else ""
        try:
            taken = take(item, values[item.source], dialect)
        except (CoreError, ProviderError) as exc:
            absence = _absence(item, exc, tolerant=tolerant)
            if absence is None:
                raise SourceError(item.field, exc) from exc
            missing.append(absence)
            continue
        if not taken and isinstance(item.source, FindSource):
            optional = is_optional(item)
            missing.append(Missing(item.field, key_of(item), definite=True, optional=optional))
        data.update(taken)
    kept = [answer for answer in values.values() if isinstance(answer, KeptValues)]
    for answer in kept:
        data = {**answer.live, **data}
    versions, dates = notes_of(values)
    return Materialized(
        data,
        versions,
        tuple(missing),
        kept=any(answer.live or not answer.pending for answer in kept),
        pending=any(answer.pending for answer in kept),
        dates=dates,
    )


def _absence(item: Item, error: CoreError | ProviderError, *, tolerant: bool) -> Missing | None:
    """Return what is missing, where an error says that and the manifest allows it."""
    optional = is_optional(item)
    if isinstance(error, SecretNotFound) and (tolerant or optional):
        return Missing(item.field, key_of(item), error.definite, optional)
    # What is not JSON has no properties either, but may have been cut off.
    if not isinstance(error, PropertyMissing) or not error.certain:
        return None
    allowed = optional or (error.absent and tolerant)
    missing = Missing(item.field, key_of(item), definite=True, optional=optional)
    return missing if allowed else None


#: Of the ExternalSecret's own metadata, what says something about that object only.
_NOT_COPIED = frozenset(
    {
        LAST_APPLIED_ANNOTATION,
        ADOPT_ANNOTATION,
        ALLOW_EMPTY_ANNOTATION,
        MAX_SHRINK_ANNOTATION,
        REQUIRE_KEYS_ANNOTATION,
    }
)
#: Computed for each write: a copied or templated one would never agree with it.
_COMPUTED = frozenset({DATA_HASH_ANNOTATION, VERSIONS_ANNOTATION, DATES_ANNOTATION})


def desired_secret(
    external_secret: ExternalSecret,
    materialized: Materialized,
    *,
    rendered: Rendered | None = None,
    extra_labels: Mapping[str, str] | None = None,
) -> DesiredSecret:
    """Return the Secret that the ExternalSecret wants, all but its live part.

    Args:
        rendered: what its template makes of the data. None where there is no template,
            or where only what is known without rendering matters.
        extra_labels: labels of ours, such as the inventory of a PATH.
    """
    meta, target = external_secret.meta, external_secret.target
    owner_policy = target.creation_policy == "Owner"
    created_by = created_by_hash(meta.namespace, meta.name)
    labels, annotations = _metadata(external_secret, rendered)
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
        data=materialized.data if rendered is None else rendered.data,
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
        dates=materialized.dates,
        adopt=meta.annotations.get(ADOPT_ANNOTATION) == "true",
        allow_empty=meta.annotations.get(ALLOW_EMPTY_ANNOTATION) == "true",
        guards=external_secret.guards,
    )


def _metadata(
    external_secret: ExternalSecret, rendered: Rendered | None
) -> tuple[dict[str, str], dict[str, str]]:
    """Without a template the object's own labels and annotations are copied."""
    if rendered is not None:
        return dict(rendered.labels), _without(rendered.annotations, _COMPUTED)
    template = external_secret.target.template
    if template is not None:
        plain = (_plain(template.metadata.labels), _plain(template.metadata.annotations))
        return plain[0], _without(plain[1], _COMPUTED)
    meta = external_secret.meta
    copied = _without(meta.annotations, _NOT_COPIED | _COMPUTED)
    return dict(meta.labels), {
        key: value for key, value in copied.items() if not key.startswith(ARGO_PREFIX)
    }


def _plain(entries: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """What needs no rendering to be known."""
    return {key: value for key, value in entries if "{{" not in value}


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
