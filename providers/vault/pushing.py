"""Writes to a KV engine what PushSecrets push; nothing that others made is touched.

What is ours carries a marker, as External Secrets Operator writes it: custom metadata
`managed-by: external-secrets`, which version 1 of the engine keeps inside of the map under
`custom_metadata`. The marker is written before the first value.

With version 2 every write names the version that it replaces (check-and-set), whether the
store demands that or not: two writers that merge properties lose none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.base import (
    InvalidRef,
    MalformedSecret,
    NotManaged,
    ProviderError,
    PushItem,
    PushRef,
    SecretNotFound,
)
from providers.showing import shown
from providers.vault.errors import Refused
from providers.vault.paths import KvPaths, Place
from providers.vault.payload import plain, same, unmarshal
from providers.vault.reading import KvReader, Removed, Stored
from providers.vault.session import VaultSession

__all__ = ["KvWriter"]

_MARKER = {"managed-by": "external-secrets"}
#: Where version 1 keeps the marker.
_INSIDE = "custom_metadata"

_WRITE = "WriteSecretData"


class KvWriter:
    """Writes through one session."""

    def __init__(self, session: VaultSession, reader: KvReader, paths: KvPaths) -> None:
        self._session = session
        self._reader = reader
        self._paths = paths

    def push(self, item: PushItem) -> bool:
        """Make the engine hold the value; see `providers.base.Writer`.

        Without a property the value is a JSON object, which becomes the map.

        Raises:
            NotManaged: something without our marker is there.
            ProviderError: it could not be written.
        """
        place = self._paths.place(item.ref.remote_key)
        stored = self._stored(place)
        held = self._content(stored)
        marked = self._is_marked(place, stored)
        if not marked and (stored.data is not None or self._is_described(place)):
            raise _not_ours(place)
        wanted = _wanted(item, held)
        if held is not None and same(held, wanted):
            return False
        if not marked and self._paths.v2:
            self._mark(place)
        self._write(place, wanted, stored)
        return True

    def exists(self, ref: PushRef) -> bool:
        """Return whether something is there, whoever made it.

        Raises:
            ProviderError: it cannot be told.
        """
        held = self._content(self._stored(self._paths.place(ref.remote_key)))
        if held is None:
            return False
        return not ref.property or ref.property in held

    def delete(self, ref: PushRef) -> bool:
        """Remove what was pushed: a property, or all versions; the last property takes all.

        Raises:
            NotManaged: it lacks our marker.
            ProviderError: it could not be removed.
        """
        place = self._paths.place(ref.remote_key)
        stored = self._stored(place)
        held = self._content(stored)
        if held is None:
            return False
        if not self._is_marked(place, stored):
            raise _not_ours(place)
        if ref.property and ref.property not in held:
            return False
        rest = {key: value for key, value in held.items() if key != ref.property}
        if ref.property and rest:
            self._write(place, rest, stored)
            return True
        # Of version 2 this takes the metadata, and with it every version.
        path = self._paths.about(place)
        self._call("DeleteSecret", "DELETE", path, place)
        return True

    def _stored(self, place: Place) -> Stored:
        """Return what is there; of a deleted version, its number."""
        try:
            return self._reader.stored(place)
        except SecretNotFound as gone:
            if not gone.definite:
                raise
            return Stored(None, gone.version if isinstance(gone, Removed) else 0)

    def _content(self, stored: Stored) -> Mapping[str, Any] | None:
        """Return the map without the marker that version 1 keeps in it."""
        if stored.data is None or self._paths.v2:
            return stored.data
        return {key: value for key, value in stored.data.items() if key != _INSIDE}

    def _is_marked(self, place: Place, stored: Stored) -> bool:
        """Return whether the marker is there, on a secret that has no value as well."""
        if self._paths.v2:
            held = self._described(place).get(_INSIDE)
        else:
            held = (stored.data or {}).get(_INSIDE)
        return isinstance(held, Mapping) and _MARKER.items() <= held.items()

    def _is_described(self, place: Place) -> bool:
        """Return whether somebody keeps metadata, or deleted versions, at the place."""
        return self._paths.v2 and bool(self._described(place))

    def _described(self, place: Place) -> Mapping[str, Any]:
        try:
            return self._reader.metadata(place)
        except SecretNotFound:
            return {}

    def _mark(self, place: Place) -> None:
        self._call(
            "WriteSecretMetadata", "POST", self._paths.about(place), place, {_INSIDE: _MARKER}
        )

    def _write(self, place: Place, content: Mapping[str, Any], stored: Stored) -> None:
        path = self._paths.data(place)
        if self._paths.v2:
            body = {"data": plain(content), "options": {"cas": stored.version}}
        else:
            body = {**plain(content), _INSIDE: _MARKER}
        self._call(_WRITE, "POST", path, place, body)

    def _call(
        self, operation: str, method: str, path: str, place: Place, body: object = None
    ) -> None:
        error: ProviderError
        try:
            self._session.call(operation, method, path, body=body)
        except Refused as refused:
            error = self._session.explain(refused, f'"{place}"')
        else:
            return
        # Outside of the handler: frames of the call hold the value.
        raise error


def _wanted(item: PushItem, held: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the map that the engine is to hold."""
    value = item.value.reveal()
    if item.ref.property:
        try:
            return {**(held or {}), item.ref.property: value.decode()}
        except UnicodeDecodeError:
            pass
        raise InvalidRef(
            f'the value for "{shown(item.ref.remote_key)}" is not UTF-8, and Vault keeps text',
            remedy="encode it, e.g. as base64 in the template of the PushSecret",
        )
    try:
        found = unmarshal(value)
    except MalformedSecret:
        found = None
    if not isinstance(found, dict):
        raise InvalidRef(
            f'the value for "{shown(item.ref.remote_key)}" is no JSON object, and Vault keeps maps',
            remedy="set match.remoteRef.property, or push a JSON object",
        )
    return found


def _not_ours(place: Place) -> NotManaged:
    return NotManaged(
        f'secret "{place}" was not made by a PushSecret',
        remedy="choose another key, or give it the custom metadata managed-by=external-secrets",
    )
