"""A provider whose service has no names with slashes, under keys that have them.

The laws write keys with folders. Where a service cannot have such names, a case opens its
provider through this, and the laws need not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from providers.base import Changes, PushItem, PushRef, SecretRef

__all__ = ["Respelled", "respelled"]


def respelled(key: str) -> str:
    """Return the key as such a service can have it."""
    return key.replace("/", "-")


class Respelled:
    """Passes everything on, with other keys; answers are of the refs that were asked."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)

    def pack(self, refs: Sequence[SecretRef]) -> list[list[SecretRef]]:
        asked = {_plain(ref): ref for ref in refs}
        return [[asked[one] for one in group] for group in self._provider.pack(list(asked))]

    def fetch(self, refs: Sequence[SecretRef]) -> dict[SecretRef, Any]:
        asked = {_plain(ref): ref for ref in refs}
        return {asked[one]: got for one, got in self._provider.fetch(list(asked)).items()}

    def changes(self, watermark: object | None, known: Mapping[SecretRef, str]) -> Changes:
        asked = {_plain(ref): ref for ref in known}
        found = self._provider.changes(watermark, {_plain(ref): at for ref, at in known.items()})
        return Changes(
            {asked[ref]: version for ref, version in found.changed.items()},
            frozenset(asked[ref] for ref in found.unchanged),
            frozenset(asked[ref] for ref in found.unknown),
            found.watermark,
        )

    def check(self, refs: Sequence[SecretRef]) -> None:
        self._provider.check([_plain(ref) for ref in refs])

    def push(self, item: PushItem) -> bool:
        pushed: bool = self._provider.push(replace(item, ref=_place(item.ref)))
        return pushed

    def exists(self, ref: PushRef) -> bool:
        there: bool = self._provider.exists(_place(ref))
        return there

    def delete(self, ref: PushRef) -> bool:
        gone: bool = self._provider.delete(_place(ref))
        return gone


def _plain(ref: SecretRef) -> SecretRef:
    return replace(ref, key=respelled(ref.key))


def _place(ref: PushRef) -> PushRef:
    return replace(ref, remote_key=respelled(ref.remote_key))
