"""Change detection for KV version 2: lists of metadata instead of reads of values.

Neighbours: `listing` lists; `kv` notes each read here. No clock.

The dearest way that is not offered, or denied, is left until the next full sweep:

1. OpenBao `scan` of the folder that all known secrets have in common: one call a mount.
2. OpenBao's detailed list of each folder that holds known secrets.
3. Vault: metadata of each secret, up to `_MAX_SINGLE`; no values move.
4. Nothing: every ref is `unknown`, and is read.

Why the answers hold. A version's id is its number and the moment it was made: a secret
whose metadata was removed and that was written again counts from 1, and is told apart by
that. A version that is deleted, or will be, is `unknown`, and so is what a list does not
show. KV version 1 has no versions: all is `unknown`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.base import AccessDenied, Changes, InvalidRef, SecretNotFound, SecretRef
from providers.vault.listing import Lister
from providers.vault.paths import KvPaths, Place
from providers.vault.reading import KvReader
from providers.vault.versions import described_version, listed_version

__all__ = ["ChangeDetector"]

#: Metadata of more secrets is not read one by one; their values are, by many at once.
_MAX_SINGLE = 256

Entries = Mapping[Place, Mapping[str, Any]]


class _Way(enum.IntEnum):
    """How a mount is looked at, cheapest first."""

    SCAN = 1
    FOLDERS = 2
    SINGLE = 3
    NONE = 4


@dataclass(frozen=True, slots=True)
class _Watermark:
    """What the previous list taught.

    Args:
        owner: whose permissions the ways are about.
        ways: per mount.
    """

    owner: object
    ways: Mapping[str, _Way] = field(default_factory=dict)


class ChangeDetector:
    """Compares lists with what is known."""

    def __init__(self, lister: Lister, reader: KvReader, paths: KvPaths) -> None:
        self._lister = lister
        self._reader = reader
        self._paths = paths

    def changes(self, watermark: object | None, known: Mapping[SecretRef, str]) -> Changes:
        """Judge the known refs; see the module's description.

        Raises:
            ProviderError: the server cannot be asked now, or there is no login.
        """
        mark = watermark if isinstance(watermark, _Watermark) else _Watermark(self)
        places = self._places(known)
        if not places or not self._paths.v2:
            return Changes({}, frozenset(), frozenset(known), watermark)
        ways = dict(mark.ways) if mark.owner is self and watermark is not None else {}
        entries: dict[Place, Mapping[str, Any]] = {}
        for mount in sorted({place.mount for place in places.values()}):
            wanted = {place for place in places.values() if place.mount == mount}
            ways[mount] = self._look(mount, wanted, ways.get(mount, _Way.SCAN), entries)
        changed: dict[SecretRef, str] = {}
        unchanged: set[SecretRef] = set()
        for ref, place in places.items():
            entry = entries.get(place)
            now = _version(entry, ref) if entry is not None else ""
            if now and now == known[ref]:
                unchanged.add(ref)
            elif now:
                changed[ref] = now
        unknown = known.keys() - changed.keys() - unchanged
        return Changes(changed, frozenset(unchanged), frozenset(unknown), _Watermark(self, ways))

    def _places(self, known: Iterable[SecretRef]) -> dict[SecretRef, Place]:
        found = {}
        for ref in known:
            try:
                found[ref] = self._paths.place(ref.key, listed=ref.listed)
            except InvalidRef:
                continue  # A read says what is wrong with it.
        return found

    def _look(
        self, mount: str, wanted: set[Place], way: _Way, entries: dict[Place, Mapping[str, Any]]
    ) -> _Way:
        """Fill in entries by the cheapest way offered from `way` on; return that way."""
        if way == _Way.SCAN:
            found = self._lister.scan(Place(mount, _common(wanted)))
            if found is not None:
                entries.update(_wanted(mount, wanted, found))
                return way
            way = _Way.FOLDERS
        if way == _Way.FOLDERS:
            for folder in sorted({_parent(place.path) for place in wanted}):
                found = self._lister.detailed(Place(mount, folder))
                if found is None:
                    break
                entries.update(_wanted(mount, wanted, found))
            else:
                return way
            way = _Way.SINGLE
        if way == _Way.SINGLE and len(wanted) <= _MAX_SINGLE and self._singly(wanted, entries):
            return way
        return _Way.NONE

    def _singly(self, wanted: set[Place], entries: dict[Place, Mapping[str, Any]]) -> bool:
        """Read the metadata of each; return whether that is allowed at all."""
        for place in sorted(wanted - entries.keys(), key=str):
            try:
                entries[place] = self._reader.metadata(place)
            except SecretNotFound:
                continue
            except AccessDenied:
                return bool(entries)
        return True


def _version(entry: Mapping[str, Any], ref: SecretRef) -> str:
    """Return the version that a read would give; "" if that is not certain."""
    return described_version(entry) if ref.metadata else listed_version(entry, ref.version)


def _wanted(mount: str, wanted: set[Place], found: Mapping[str, Mapping[str, Any]]) -> Entries:
    return {place: found[place.path] for place in wanted if place.path in found}


def _common(places: Iterable[Place]) -> str:
    """Return the deepest folder that holds all places; "" is the engine itself."""
    folders = [_parent(place.path).split("/") for place in places]
    shared = []
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return "/".join(shared)


def _parent(path: str) -> str:
    return path.rpartition("/")[0]
