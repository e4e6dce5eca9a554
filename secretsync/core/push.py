"""A Secret's data → what goes where: the entries of a PushSecret carried out. Pure.

Neighbours: `refresh.pushing` reads the Secret, renders its template and asks the stores;
`core.rewrite` makes remote keys of keys.

Source: External Secrets Operator 2.9, PushSecret v1alpha1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from providers.base import PushItem, PushRef, SecretBytes
from secretsync.core.errors import CoreError
from secretsync.core.go_json import marshal
from secretsync.core.rewrite import rewrite
from secretsync.resources.push_secret import DataTo, PushData, PushSecret, PushStore, Synced
from secretsync.resources.regexes import compile_regex
from secretsync.resources.secret_store import SecretStore

__all__ = [
    "Planned",
    "PushProblem",
    "is_meant",
    "place_of",
    "planned_pushes",
    "pushes_to",
    "remote_ref",
    "reverse_unicode",
    "stale",
    "store_key",
]

_ESCAPED = re.compile(r"_U([0-9a-fA-F]{4,5})_")
_SURROGATES = range(0xD800, 0xE000)

Data = Mapping[str, SecretBytes]


class PushProblem(CoreError):
    """An entry does not fit the Secret; the message holds no value.

    Args:
        field: path of the entry, `spec.data[0]`.
    """

    def __init__(self, field: str, message: str, *, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.field = field


@dataclass(frozen=True, slots=True)
class Planned:
    """One value and its place at one store.

    Args:
        field: the entry that asks for it, for messages.
        entry: what the status says of it.
    """

    item: PushItem
    field: str
    entry: Mapping[str, Any]


def store_key(store: SecretStore) -> str:
    """Return how `status.syncedPushSecrets` names a store."""
    return f"{store.kind}/{store.meta.name}"


def place_of(ref: PushRef) -> str:
    """Return how `status.syncedPushSecrets` names a place at a store."""
    return f"{ref.remote_key}/{ref.property}" if ref.property else ref.remote_key


def is_meant(wanted: PushStore, store: SecretStore) -> bool:
    """Return whether an entry's store reference means this store."""
    if wanted.kind != store.kind:
        return False
    if wanted.name:
        return wanted.name == store.meta.name
    return wanted.selector is not None and wanted.selector.matches(store.meta.labels)


def pushes_to(item: PushSecret, store: SecretStore) -> bool:
    """Return whether a PushSecret names or selects a store that it could use."""
    if store.kind == "SecretStore" and store.meta.namespace != item.meta.namespace:
        return False
    return any(is_meant(wanted, store) for wanted in item.stores)


def reverse_unicode(key: str) -> str:
    """Undo conversionStrategy Unicode: `_U002f_` is `/`.

    What is no character comes out as U+FFFD, as Go writes it.
    """

    def character(match: re.Match[str]) -> str:
        code = int(match[1], 16)
        return "\ufffd" if code in _SURROGATES else chr(code)

    return _ESCAPED.sub(character, key)


def planned_pushes(
    secret: PushSecret, data: Data, store: SecretStore, *, any_bytes: bool = False
) -> list[Planned]:
    """Return everything that goes to one store.

    `data` wins over `dataTo` for a key that both name.

    Args:
        data: of the source, its template rendered.
        any_bytes: the store takes a whole Secret apart again, and values that are not
            text in it may stand as Python's surrogateescape has them.

    Raises:
        PushProblem: an entry asks for a key that is not there, or for a place twice, or
            for a JSON object of values that are not text.
        RewriteProblem: a rewrite does not fit.
        TemplateProblem: a template of a rewrite fails.
    """
    planned = [
        _explicit(f"spec.data[{index}]", entry, data, any_bytes=any_bytes)
        for index, entry in enumerate(secret.data)
    ]
    named = frozenset(entry.secret_key for entry in secret.data if entry.secret_key)
    for index, many in enumerate(secret.data_to):
        if is_meant(many.store, store):
            field = f"spec.dataTo[{index}]"
            planned += _many(field, many, data, named, any_bytes=any_bytes)
    _check_places(planned)
    return planned


def _explicit(field: str, entry: PushData, data: Data, *, any_bytes: bool) -> Planned:
    converted = _converted(field, data, entry.conversion_strategy)
    if entry.secret_key:
        value = converted.get(entry.secret_key)
        if value is None:
            raise PushProblem(
                f"{field}.match.secretKey",
                f"secret key {entry.secret_key} does not exist",
                remedy="correct secretKey, or add the key to the Secret",
            )
    else:
        value = _json(field, converted, any_bytes=any_bytes)
    ref = PushRef(entry.remote_key, entry.property)
    return _planned(field, entry.secret_key, ref, value, entry)


def _many(
    field: str, entry: DataTo, data: Data, named: frozenset[str], *, any_bytes: bool
) -> Iterator[Planned]:
    converted = _converted(field, data, entry.conversion_strategy)
    expression = compile_regex(entry.regexp) if entry.regexp else None
    taken = {
        key: value
        for key, value in converted.items()
        if key not in named and (expression is None or expression.search(key))
    }
    if not taken:
        return
    if entry.remote_key:
        value = _json(field, taken, any_bytes=any_bytes)
        yield _planned(field, "", PushRef(entry.remote_key), value, entry)
        return
    # The keys stand for themselves as values, so that two that become one are noticed.
    names = {key: key.encode("utf-8", "surrogatepass") for key in taken}
    for remote_key, key in rewrite(names, entry.rewrite).items():
        if not remote_key:
            raise PushProblem(f"{field}.rewrite", "a key is rewritten to nothing")
        secret_key = key.decode("utf-8", "surrogatepass")
        yield _planned(field, secret_key, PushRef(remote_key), taken[secret_key], entry)


def _planned(
    field: str, secret_key: str, ref: PushRef, value: SecretBytes, entry: PushData | DataTo
) -> Planned:
    remote: dict[str, Any] = {"remoteKey": ref.remote_key}
    if ref.property:
        remote["property"] = ref.property
    match: dict[str, Any] = {"remoteRef": remote}
    if secret_key:
        match["secretKey"] = secret_key
    said: dict[str, Any] = {"match": match, "conversionStrategy": entry.conversion_strategy}
    if entry.metadata:
        said["metadata"] = dict(entry.metadata)
    return Planned(PushItem(ref, value, entry.metadata), field, said)


def _converted(field: str, data: Data, strategy: str) -> dict[str, SecretBytes]:
    if strategy != "ReverseUnicode":
        return dict(data)
    converted: dict[str, SecretBytes] = {}
    for key, value in data.items():
        name = reverse_unicode(key)
        if name in converted:
            raise PushProblem(
                f"{field}.conversionStrategy",
                "two keys become one key by ReverseUnicode",
                remedy="rename one of them in the Secret",
            )
        converted[name] = value
    return converted


def _json(field: str, data: Data, *, any_bytes: bool) -> SecretBytes:
    """Return the values as one JSON object, as Go writes a map of strings."""
    if any_bytes:
        texts = {
            key: value.reveal().decode(errors="surrogateescape") for key, value in data.items()
        }
        return SecretBytes(json.dumps(texts, sort_keys=True, separators=(",", ":")).encode())
    members: dict[str, str] = {}
    binary = ""
    for key, value in data.items():
        try:
            members[key] = value.reveal().decode()
        except UnicodeDecodeError:
            binary = key
            break
    if binary:
        # Outside of the handler: the exception holds the value.
        raise PushProblem(
            field,
            f"the value of key {binary} is not UTF-8 text, which a JSON object cannot hold",
            remedy="push that key alone, by secretKey or by dataTo without remoteKey",
        )
    return SecretBytes(marshal(members, html=False))


def _check_places(planned: list[Planned]) -> None:
    """No two values go to one place, nor one to a part of another."""
    first: dict[PushRef, str] = {}
    for each in planned:
        ref = each.item.ref
        for other in (ref, PushRef(ref.remote_key) if ref.property else ref):
            if other in first:
                raise PushProblem(
                    each.field,
                    f"{ref.remote_key} is pushed by {first[other]} already",
                    remedy="send each value to a place of its own",
                )
        first[ref] = each.field
    for each in planned:
        whole = PushRef(each.item.ref.remote_key)
        if each.item.ref.property and whole in first:
            raise PushProblem(
                each.field,
                f"{whole.remote_key} is replaced as a whole by {first[whole]}",
                remedy="push the properties, or the whole value",
            )


def stale(before: Synced, now: Synced) -> dict[str, dict[str, PushRef]]:
    """Return what was pushed earlier and is not any more: store → place → where.

    What the status says so that it cannot be read is left alone.
    """
    found: dict[str, dict[str, PushRef]] = {}
    for store, places in before.items():
        for place, entry in places.items():
            if place in now.get(store, {}):
                continue
            ref = remote_ref(entry)
            if ref is not None and place_of(ref) == place:
                found.setdefault(store, {})[place] = ref
    return found


def remote_ref(entry: Mapping[str, Any]) -> PushRef | None:
    """Return the place of an entry of the status, None where it says none."""
    match = entry.get("match")
    remote = match.get("remoteRef") if isinstance(match, dict) else None
    if not isinstance(remote, dict):
        return None
    key, prop = remote.get("remoteKey"), remote.get("property") or ""
    if not isinstance(key, str) or not key or not isinstance(prop, str):
        return None
    return PushRef(key, prop)
