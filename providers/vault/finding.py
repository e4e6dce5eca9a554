"""`dataFrom.find` on a KV engine: by name, by folder, and by custom metadata.

Neighbour: `listing` lists. A list that stops in the middle is an error, never half a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from providers.base import (
    FindQuery,
    FoundSecret,
    InvalidRef,
    SecretNotFound,
    SecretRef,
    Unavailable,
)
from providers.vault.listing import Lister
from providers.vault.paths import KvPaths, Place
from providers.vault.reading import KvReader
from providers.vault.versions import listed_version

__all__ = ["KvFinder"]

#: Folders that one query lists at most; more ask for `find.path`.
_MAX_FOLDERS = 10_000


class KvFinder:
    """Finds through one session.

    A name is the path inside of the engine; without a mount in the store, the mount comes
    first. Where the server tells the current version, the ref asks for that very one.
    """

    def __init__(self, lister: Lister, reader: KvReader, paths: KvPaths) -> None:
        self._lister = lister
        self._reader = reader
        self._paths = paths

    def find(self, query: FindQuery) -> list[FoundSecret]:
        """List the secrets that match.

        Raises:
            ProviderError: the listing failed.
        """
        folder = self._paths.folder(query.path)
        if query.tags and not self._paths.v2:
            raise InvalidRef(
                "find.tags compares custom metadata, which version 1 of the engine has not",
                remedy="find by name, or use an engine of version 2",
            )
        described = self._lister.scan(folder) if self._paths.v2 else None
        if described is not None:
            if not described:
                self._check_empty(folder)
            return self._from_listing(described, folder, query)
        return self._from_names(folder, query)

    def _from_listing(
        self, listing: Mapping[str, Mapping[str, Any]], folder: Place, query: FindQuery
    ) -> list[FoundSecret]:
        found = []
        for path, entry in sorted(listing.items()):
            name = self._paths.key_of(Place(folder.mount, path))
            if not query.matches(name) or not _has_tags(entry, query) or _is_gone(entry):
                continue
            version = listed_version(entry)
            found.append(FoundSecret(name, SecretRef(name, version=version, listed=True)))
        return found

    def _from_names(self, folder: Place, query: FindQuery) -> list[FoundSecret]:
        found = []
        for place in self._walk(folder):
            name = self._paths.key_of(place)
            if query.matches(name) and self._is_tagged(place, query):
                found.append(FoundSecret(name, SecretRef(name, listed=True)))
        return found

    def _walk(self, root: Place) -> Iterator[Place]:
        waiting, listed = [root], 0
        while waiting:
            folder = waiting.pop()
            listed += 1
            if listed > _MAX_FOLDERS:
                raise InvalidRef(
                    f"find meets more than {_MAX_FOLDERS} folders", remedy="narrow find.path"
                )
            names = self._lister.names(folder)
            if names is None:
                if folder == root:
                    self._check_empty(root)
                continue
            before = f"{folder.path}/" if folder.path else ""
            for name in sorted(names, reverse=True):
                place = Place(folder.mount, before + name.rstrip("/"))
                if name.endswith("/"):
                    waiting.append(place)
                else:
                    yield place

    def _is_tagged(self, place: Place, query: FindQuery) -> bool:
        if not query.tags:
            return True
        try:
            return _has_tags(self._reader.metadata(place), query)
        except SecretNotFound:
            return False  # Removed since it was listed.

    def _check_empty(self, folder: Place) -> None:
        """Raise unless the engine is certainly there: an empty list must mean no secrets."""
        if not self._reader.engines.has_kv_at(folder.mount):
            raise Unavailable(
                f'"{folder}" lists nothing, and whether its engine is there cannot be told',
                remedy="check path and namespace of the store and find.path",
            )


def _has_tags(entry: Mapping[str, Any], query: FindQuery) -> bool:
    custom = entry.get("custom_metadata")
    held = custom if isinstance(custom, Mapping) else {}
    return all(held.get(name) == value for name, value in query.tags)


def _is_gone(entry: Mapping[str, Any]) -> bool:
    """Return whether the current version was destroyed, or there never was one."""
    versions = entry.get("versions")
    current = str(entry.get("current_version"))
    one = versions.get(current) if isinstance(versions, Mapping) else None
    return not isinstance(one, Mapping) or one.get("destroyed") is True
