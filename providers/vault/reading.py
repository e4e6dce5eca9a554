"""Reads values and metadata of a KV engine; tells the kinds of absence apart.

Neighbours: `paths` says where; `session` calls; `engines` and `versions` tell what an
answer means; `kv` is the provider.

An absence is certain (`definite`) where the engine says so itself: a deleted or destroyed
version by its metadata, anything else by an engine that is known to be there, to be KV and
to have the store's version. The last is asked once, at the first absence.

Source: OpenBao and Vault, KV secrets engine version 1 and 2 (API).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.base import (
    InvalidRef,
    MalformedSecret,
    ProviderError,
    SecretBytes,
    SecretNotFound,
    SecretRef,
    SecretValue,
)
from providers.metadata import content_version
from providers.vault.engines import Engines
from providers.vault.errors import Refused
from providers.vault.paths import KvPaths, Place
from providers.vault.payload import marshal
from providers.vault.session import VaultSession
from providers.vault.versions import described_version, moment, version_id, version_number

__all__ = ["KvReader", "Removed", "Stored", "described"]

_DESCRIBING = ("created_time", "current_version", "delete_version_after")


@dataclass(frozen=True, slots=True)
class Stored:
    """What an engine holds at a place.

    Args:
        data: the map; None for none.
        version: the current one, deleted ones included; 0 for none, and with KV 1.
        made: when the version was made, as the server writes it.
    """

    data: Mapping[str, Any] | None
    version: int = 0
    made: str = ""


class KvReader:
    """Reads through one session."""

    def __init__(self, session: VaultSession, paths: KvPaths) -> None:
        self._session = session
        self._paths = paths
        #: Which engines there are, as far as this session was told.
        self.engines = Engines(session, v2=paths.v2)

    def read(self, ref: SecretRef) -> SecretValue | ProviderError:
        """Read one ref."""
        try:
            place = self._paths.place(ref.key, listed=ref.listed)
            return self._metadata(place, ref) if ref.metadata else self._value(place, ref)
        except ProviderError as exc:
            # An error may be kept for long; the frames it went through hold values.
            return exc.with_traceback(None)

    def stored(self, place: Place, *, version: str = "") -> Stored:
        """Return what is kept at a place; `data` is None where that is certainly nothing.

        Raises:
            ProviderError: it cannot be read, or nobody can tell.
        """
        params = {"version": version} if version else None
        try:
            reply = self._session.call(
                "ReadSecretData", "GET", self._paths.data(place), params=params
            )
        except Refused as refused:
            return self._missing(refused, place, version)
        return self._found(reply, place, version)

    def metadata(self, place: Place) -> Mapping[str, Any]:
        """Return what describes the secret at a place.

        Raises:
            SecretNotFound: nothing is there.
            ProviderError: it cannot be read.
        """
        if not self._paths.v2:
            raise InvalidRef(
                f'metadata of "{place}" cannot be read: version 1 of the engine has none',
                remedy="use metadataPolicy: None, or an engine of version 2",
            )
        try:
            reply = self._session.call("ReadSecretMetadata", "GET", self._paths.about(place))
        except Refused as refused:
            if refused.nothing_there:
                raise self._nothing(place, f'secret "{place}" does not exist') from None
            raise self._session.explain(refused, f'"{place}"') from None
        found = reply.get("data")
        if not isinstance(found, Mapping) or "current_version" not in found:
            raise MalformedSecret(f'Vault describes "{place}" in a way that is not known')
        return found

    def doubt(self) -> None:
        """Forget what was learned about engines and the token."""
        self.engines.doubt()
        self._session.doubt()

    def _value(self, place: Place, ref: SecretRef) -> SecretValue:
        if ref.version and not self._paths.v2:
            raise InvalidRef(
                f'"{place}": version 1 of the engine keeps no versions',
                remedy="remove remoteRef.version",
            )
        asked = ref.version.partition("@")[0]
        if ref.version and not (asked.isascii() and asked.isdigit()):
            raise InvalidRef(f'"{place}": the version is no number', remedy="versions are 1, 2, …")
        stored = self.stored(place, version=asked)
        if stored.data is None:
            raise self._nothing(place, f'secret "{place}" does not exist')
        payload = marshal(stored.data)
        if self._paths.v2:
            version = version_id(str(stored.version), stored.made)
        else:
            version = content_version(payload)
        return SecretValue(SecretBytes(payload), version, moment(stored.made))

    def _metadata(self, place: Place, ref: SecretRef) -> SecretValue:
        entry = self.metadata(place)
        payload = marshal(described(entry))
        version = described_version(entry) or content_version(payload)
        return SecretValue(SecretBytes(payload), version, moment(entry.get("created_time")))

    def _found(self, reply: Mapping[str, Any], place: Place, version: str) -> Stored:
        held = reply.get("data")
        if not isinstance(held, Mapping):
            raise MalformedSecret(f'Vault\'s answer for "{place}" holds no data')
        if not self._paths.v2:
            return Stored(held)
        about, data = held.get("metadata"), held.get("data")
        number = version_number(about.get("version")) if isinstance(about, Mapping) else 0
        if not number or not isinstance(about, Mapping):
            raise InvalidRef(
                f'"{place}" is not kept by version 2 of the KV engine',
                remedy="set version: v1 in the store, or correct its path",
            )
        if version.strip("0") and int(version) != number:
            raise MalformedSecret(f'Vault answers another version of "{place}" than was asked')
        if data is None:
            raise _removed(place, about)
        if not isinstance(data, Mapping):
            raise MalformedSecret(f'Vault\'s answer for "{place}" holds no map')
        return Stored(data, number, str(about.get("created_time") or ""))

    def _missing(self, refused: Refused, place: Place, version: str) -> Stored:
        held = refused.reply.get("data")
        if refused.status == 404 and isinstance(held, Mapping) and held.get("data") is None:
            about = held.get("metadata")
            if isinstance(about, Mapping):
                raise _removed(place, about)
        if not refused.nothing_there:
            raise self._session.explain(refused, f'"{place}"') from None
        if version:
            text = f'secret "{place}" has no version {version}'
            raise SecretNotFound(text, remedy="see which versions its metadata lists")
        # May raise: an engine of another version knows nothing of the place.
        if self.engines.has_kv_at(place.mount):
            return Stored(None)
        raise SecretNotFound(
            f'secret "{place}" does not exist, or its engine is another one',
            remedy="check path, version and namespace of the store",
        )

    def _nothing(self, place: Place, text: str) -> SecretNotFound:
        return SecretNotFound(
            text, remedy="check the key", definite=self.engines.has_kv_at(place.mount)
        )


def described(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `metadataPolicy: Fetch` gives for an entry: its custom metadata and dates."""
    custom = entry.get("custom_metadata")
    return {
        **(custom if isinstance(custom, Mapping) else {}),
        **{name: entry[name] for name in _DESCRIBING if name in entry},
    }


class Removed(SecretNotFound):
    """A version that was deleted or destroyed; a write continues from its number."""

    version = 0


def _removed(place: Place, about: Mapping[str, Any]) -> SecretNotFound:
    number = version_number(about.get("version"))
    if about.get("destroyed") is True:
        error = Removed(
            f'version {number} of secret "{place}" is destroyed',
            remedy="write a new version of it",
            definite=True,
        )
    else:
        error = Removed(
            f'version {number} of secret "{place}" is deleted',
            remedy="undelete it, or write a new version of it",
            definite=bool(about.get("deletion_time")),
            pending_deletion=True,
        )
    error.version = number
    return error
