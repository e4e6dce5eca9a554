"""The values of a `fake` store, and those that were pushed into it.

Source: External Secrets Operator 2.9, providers/v1/fake.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from providers.base import (
    CallObserver,
    Changes,
    FindQuery,
    FoundSecret,
    InvalidRef,
    NotManaged,
    ProviderError,
    PushItem,
    PushRef,
    SecretBytes,
    SecretNotFound,
    SecretRef,
    SecretValue,
    Unavailable,
)
from providers.fake.config import FakeConfig
from providers.metadata import content_version
from providers.parts import raise_first
from providers.showing import shown

__all__ = ["FakeStore"]

#: `validationResult` of a store that says of itself that it does not work.
_BROKEN = 2


class FakeStore:
    """A provider whose service is itself.

    Args:
        config: the store's block.
        observe: is told of each group that is read, listed or written.
    """

    def __init__(self, config: FakeConfig, *, observe: CallObserver) -> None:
        self._broken = config.validation_result == _BROKEN
        self._observe = observe
        self._lock = threading.Lock()
        # Key → version → value; of two entries of one version the later counts, as in ESO.
        self._given: dict[str, dict[str, bytes]] = {}
        for entry in config.data:
            self._given.setdefault(entry.key, {})[entry.version] = entry.value.encode()
        self._pushed: dict[str, bytes] = {}

    def pack(self, refs: Sequence[SecretRef]) -> list[list[SecretRef]]:
        """Group refs: one look answers all."""
        distinct = list(dict.fromkeys(refs))
        return [distinct] if distinct else []

    def fetch(self, refs: Sequence[SecretRef]) -> dict[SecretRef, SecretValue | ProviderError]:
        """Read refs; see `providers.base.Provider`."""
        with self._lock:
            answers = {ref: self._read(ref) for ref in refs}
        self._observe("GetSecret", "success")
        return answers

    def find(self, query: FindQuery) -> list[FoundSecret]:
        """List keys by name; `path` is what they begin with.

        Raises:
            InvalidRef: it asks for tags, which there are none of.
        """
        if query.tags:
            raise InvalidRef("the fake store has no tags to find by", remedy="find by name")
        with self._lock:
            keys = sorted({*self._given, *self._pushed})
        self._observe("ListSecrets", "success")
        return [
            FoundSecret(key, SecretRef(key, listed=True))
            for key in keys
            if key.startswith(query.path) and query.matches(key)
        ]

    def changes(self, watermark: object | None, known: Mapping[SecretRef, str]) -> Changes:
        """Compare everything: it is at hand."""
        changed: dict[SecretRef, str] = {}
        unchanged, unknown = set(), set()
        with self._lock:
            answers = {ref: self._read(ref) for ref in known}
        for ref, answer in answers.items():
            if isinstance(answer, ProviderError):
                unknown.add(ref)
            elif answer.version == known[ref]:
                unchanged.add(ref)
            else:
                changed[ref] = answer.version
        return Changes(changed, frozenset(unchanged), frozenset(unknown), "compared")

    def check(self, refs: Sequence[SecretRef]) -> None:
        """Say what the store's `validationResult` says, and read `refs`.

        Raises:
            ProviderError: the first problem found.
        """
        if self._broken:
            raise Unavailable("the fake store's validationResult is 2: error", remedy="set it to 0")
        raise_first(self.fetch(refs))

    def close(self) -> None:
        """Forget nothing: a session that is closed is not used again."""

    def push(self, item: PushItem) -> bool:
        """Keep a value in memory; see `providers.base.Writer`."""
        key = item.ref.remote_key
        with self._lock:
            self._refuse_given(key)
            before = self._pushed.get(key)
            value = item.value.reveal()
            if item.ref.property:
                members = _members(before)
                members[item.ref.property] = value.decode(errors="surrogateescape")
                value = json.dumps(members).encode()
            self._pushed[key] = value
        self._observe("PushSecret", "success")
        return value != before

    def exists(self, ref: PushRef) -> bool:
        """Return whether there is a value, of whoever; see `providers.base.Writer`."""
        with self._lock:
            value = self._value(ref.remote_key, "")
        if value is None or not ref.property:
            return value is not None
        return ref.property in _members(value)

    def delete(self, ref: PushRef) -> bool:
        """Forget what was pushed; see `providers.base.Writer`."""
        with self._lock:
            self._refuse_given(ref.remote_key)
            before = self._pushed.get(ref.remote_key)
            if before is None:
                return False
            if not ref.property:
                del self._pushed[ref.remote_key]
                return True
            members = _members(before)
            found = members.pop(ref.property, None) is not None
            self._pushed[ref.remote_key] = json.dumps(members).encode()
            return found

    def _read(self, ref: SecretRef) -> SecretValue | ProviderError:
        if ref.metadata:
            return InvalidRef("a fake secret has no metadata", remedy="use metadataPolicy: None")
        value = self._value(ref.key, ref.version)
        if value is None:
            version = f" in version {shown(ref.version)}" if ref.version else ""
            return SecretNotFound(f'no data with key "{shown(ref.key)}"{version}', definite=True)
        return SecretValue(SecretBytes(value), content_version(value))

    def _value(self, key: str, version: str) -> bytes | None:
        if not version and key in self._pushed:
            return self._pushed[key]
        versions = self._given.get(key, {})
        if version or "" in versions:
            return versions.get(version)
        # The last in the order of strings, in which v10 comes before v9: ESO's order too.
        return versions[max(versions)] if versions else None

    def _refuse_given(self, key: str) -> None:
        if key in self._given:
            raise NotManaged(
                f'the data of the store has the key "{shown(key)}" already',
                remedy="push to another key",
            )


def _members(value: bytes | None) -> dict[str, Any]:
    try:
        members = json.loads(value or b"{}")
    except ValueError:
        members = {}
    return members if isinstance(members, dict) else {}
