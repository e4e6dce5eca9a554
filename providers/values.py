"""What goes to adapters and comes from them: references, values, listings, changes.

A value is a `SecretBytes` from the service to the target. Neighbour: `base` offers these
with the rest of the contract.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

__all__ = [
    "Changes",
    "FindQuery",
    "FoundSecret",
    "PushItem",
    "PushRef",
    "SecretBytes",
    "SecretRef",
    "SecretValue",
]


class SecretBytes:
    """Bytes that refuse to be shown, stored or sent by accident.

    `reveal()` is the only way to the value, so that a search for it finds every
    place where plaintext is used. repr, str and format show a placeholder; pickle,
    copy and JSON fail.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """Return the plaintext."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretBytes) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "SecretBytes(***)"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a SecretBytes is never copied or pickled; pass the object itself")

    def __iter__(self) -> NoReturn:
        raise TypeError("a SecretBytes is not iterable; call reveal() where plaintext is meant")


@dataclass(frozen=True, slots=True)
class SecretRef:
    """One thing to read: a key, a version of it ("" = the current one), or its metadata.

    Args:
        key: as the manifest writes it.
        metadata: read what describes the secret (`metadataPolicy: Fetch`), as one JSON object.
        listed: the key is the service's own full name, as `find` gave it: what a store's
            configuration puts before keys (`prefix`, `path`) is not put before this one.
        property: for services that select it themselves, as webhooks do; "" elsewhere,
            so that one read serves all properties of a key.
    """

    key: str
    version: str = ""
    metadata: bool = False
    listed: bool = False
    property: str = ""


@dataclass(frozen=True, slots=True)
class SecretValue:
    """What the service holds for a ref.

    Args:
        value: the payload as stored, or for metadata refs a JSON object.
        version: the service's own id of this version, never empty: an adapter of a
            service without versions gives a digest that only it can compare.
        created_at: when the service says this version was made; None if it does not.
    """

    value: SecretBytes
    version: str
    created_at: datetime | None = None


def _any_name(name: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class FindQuery:
    """`dataFrom.find`: which secrets to list.

    Args:
        path: where to look; what it means is the service's affair.
        name_regexp: as written, "" for none; for messages and equality.
        tags: name and value of each tag that a secret must have, sorted.
        matches: whether a full name satisfies `name_regexp`, in linear time.
    """

    path: str = ""
    name_regexp: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    matches: Callable[[str], bool] = field(default=_any_name, compare=False)


@dataclass(frozen=True, slots=True)
class FoundSecret:
    """One secret that a query found.

    Args:
        name: under which it goes into the target, before conversion and rewriting.
        ref: how to read it; `listed`, and with the version where the list tells it.
    """

    name: str
    ref: SecretRef


@dataclass(frozen=True, slots=True)
class PushRef:
    """Where a push goes: a key at the service, or one property of the JSON object there."""

    remote_key: str
    property: str = ""


@dataclass(frozen=True, slots=True)
class PushItem:
    """One value to push.

    Args:
        metadata: the `metadata` block of the PushSecret's entry as written, {} for none.
        secret_key: of the source, which templates of webhooks may use; "" for the whole.
    """

    ref: PushRef
    value: SecretBytes
    metadata: Mapping[str, Any] = field(default_factory=dict)
    secret_key: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What moved since a watermark, without reading a value.

    Args:
        changed: refs whose current version differs from the known one, with the new id.
        unchanged: refs that certainly still have the known version.
        unknown: refs that only a read can tell about. A ref that a list does not show
            belongs here: a list that misses it is no proof of absence.
        watermark: opaque; hand it back at the next call. None: start over.
    """

    changed: Mapping[SecretRef, str]
    unchanged: frozenset[SecretRef]
    unknown: frozenset[SecretRef]
    watermark: object | None
