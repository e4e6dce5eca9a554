"""The keys of one entry of data or dataFrom, made from what its source answered. Pure.

fetch → property → rewrite → (without rewrite) conversionStrategy → key check → decode →
null byte check, in ESO's order. Neighbours: `materialize` calls this for every entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from providers.base import ProviderError, SecretBytes, SecretNotFound, SecretValue
from providers.showing import shown
from secretsync.core.dialects import dialect_of
from secretsync.core.errors import CoreError
from secretsync.core.keys import convert_keys, validate_keys
from secretsync.core.property_path import (
    extract_map,
    select_metadata,
    select_property,
    whole_value,
)
from secretsync.core.rewrite import rewrite
from secretsync.core.sources import Answer, FoundValues, GeneratedValues, Item, KeptValues
from secretsync.core.values import check_null_bytes, decode
from secretsync.resources.external_secret import DataFrom, DataItem, Find, RemoteRef

if TYPE_CHECKING:
    from secretsync.resources.rewrite_spec import Rewrite

__all__ = ["SourceError", "is_optional", "key_of", "take"]


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


def is_optional(item: Item) -> bool:
    """Return whether the manifest lets the item come to nothing."""
    wanted = _wanted(item)
    return wanted is not None and wanted.empty_result_policy == "Ignore"


def key_of(item: Item) -> str:
    """Return what the item looks for, for messages."""
    wanted = _wanted(item)
    if isinstance(wanted, RemoteRef):
        named = shown(wanted.key)
        return f"{named} ({shown(wanted.property)})" if wanted.property else named
    return "what find asks for"


def _wanted(item: Item) -> RemoteRef | Find | None:
    if isinstance(item.entry, DataItem):
        return item.entry.remote_ref
    source = item.entry.source
    return source if isinstance(source, RemoteRef | Find) else None


def take(item: Item, answer: Answer, dialect: str) -> dict[str, SecretBytes]:
    """Make the keys of one entry.

    Args:
        answer: what its source gave, no error.
        dialect: the provider's key; "" for a generator.

    Raises:
        CoreError: the answer does not fit what the entry asks of it.
        ProviderError: one secret of several that were found could not be read.
    """
    if isinstance(answer, ProviderError):
        raise answer
    if isinstance(item.entry, DataItem):
        return _one(item.entry, _payload(answer), dialect)
    return _several(item.entry, answer, dialect)


def _payload(answer: Answer) -> bytes:
    if not isinstance(answer, SecretValue):
        raise TypeError("one key is answered by one value")
    return answer.value.reveal()


def _one(item: DataItem, payload: bytes, dialect: str) -> dict[str, SecretBytes]:
    remote = item.remote_ref
    raw = _selected(payload, remote, dialect)
    if raw is None:
        # Metadata is JSON of the adapter's own making: it is taken as it comes.
        metadata = remote.metadata_policy == "Fetch"
        raw = payload if metadata else whole_value(payload, dialect=dialect)
    return _finished({item.secret_key: raw}, remote)


def _selected(payload: bytes, remote: RemoteRef, dialect: str) -> bytes | None:
    """Return the property that an entry asks for; None where it asks for none."""
    if not remote.property:
        return None
    select = select_metadata if remote.metadata_policy == "Fetch" else select_property
    return select(payload, remote.property, key=remote.key, dialect=dialect)


def _several(entry: DataFrom, answer: Answer, dialect: str) -> dict[str, SecretBytes]:
    if isinstance(answer, KeptValues):
        return {}  # `materialize` fills in what no entry makes
    if isinstance(answer, GeneratedValues):
        # As in ESO, what was generated is neither converted nor decoded.
        made = {key: value.reveal() for key, value in answer.values.items()}
        renamed = validate_keys(rewrite(made, entry.rewrite))
        return {key: SecretBytes(value) for key, value in renamed.items()}
    if not isinstance(entry.source, RemoteRef | Find):
        raise TypeError("only a generator is answered by generated values")
    if isinstance(answer, FoundValues):
        raw = _found(answer, dialect)
        if not raw and dialect_of(dialect).empty_find_is_absent:
            raise SecretNotFound("find matched nothing", definite=True)
    else:
        raw = _extracted(entry, answer, dialect)
    return _finished(_renamed(raw, entry.rewrite, entry.source.conversion_strategy), entry.source)


def _extracted(entry: DataFrom, answer: Answer, dialect: str) -> dict[str, bytes]:
    if not isinstance(entry.source, RemoteRef):
        raise TypeError("extract reads one key")
    remote, payload = entry.source, _payload(answer)
    selected = _selected(payload, remote, dialect)
    # What was selected, and metadata, are plain JSON whatever the provider's values are like.
    plain = selected is not None or remote.metadata_policy == "Fetch"
    return extract_map(payload if selected is None else selected, dialect=dialect, selected=plain)


def _found(answer: FoundValues, dialect: str) -> dict[str, bytes]:
    """Any error means that something is not known: nothing is concluded from the rest."""
    raw: dict[str, bytes] = {}
    for found, value in answer.values:
        if isinstance(value, SecretNotFound):
            raise ProviderError(
                f"{value.message}, though it was found", remedy="it is looked for again"
            ) from value
        if isinstance(value, ProviderError):
            raise value
        raw[found.name] = whole_value(value.value.reveal(), dialect=dialect)
    return raw


def _renamed(
    raw: Mapping[str, bytes], rules: tuple[Rewrite, ...], conversion: str
) -> dict[str, bytes]:
    renamed = rewrite(raw, rules) if rules else convert_keys(raw, conversion)
    return validate_keys(renamed)


def _finished(raw: Mapping[str, bytes], wanted: RemoteRef | Find) -> dict[str, SecretBytes]:
    finished: dict[str, SecretBytes] = {}
    for key, value in raw.items():
        decoded = decode(value, wanted.decoding_strategy, key=key)
        if wanted.null_byte_policy == "Fail":
            check_null_bytes(decoded, key=key)
        finished[key] = SecretBytes(decoded)
    return finished
