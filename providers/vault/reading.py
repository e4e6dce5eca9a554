"""Reads values and metadata of a KV engine; tells the kinds of absence apart.

Neighbours: `paths` says where; `session` calls; `kv` is the provider.

An absence is certain (`definite`) where the engine says so itself: a deleted or destroyed
version by its metadata, anything else by an engine that is known to be there, to be KV and
to have the store's version. The last is asked once, at the first absence.

Source: OpenBao and Vault, KV secrets engine version 1 and 2 (API).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from providers.base import (
    AuthFailed,
    InvalidRef,
    MalformedSecret,
    ProviderError,
    SecretBytes,
    SecretNotFound,
    SecretRef,
    SecretValue,
)
from providers.metadata import content_version
from providers.vault.errors import Refused
from providers.vault.paths import KvPaths, Place, api_path
from providers.vault.payload import Number, marshal
from providers.vault.session import VaultSession

__all__ = [
    "KvReader",
    "Removed",
    "Stored",
    "described",
    "described_version",
    "listed_version",
]

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
        self._lock = threading.Lock()
        self._engines: dict[str, bool] = {}

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
        with self._lock:
            self._engines.clear()
        self._session.doubt()

    def engine_is_right(self, mount: str) -> bool:
        """Return whether an engine of the store's version is certainly mounted there.

        Raises:
            InvalidRef: another one is.
            ProviderError: the server cannot be asked.
        """
        with self._lock:
            if mount in self._engines:
                return self._engines[mount]
        try:
            # What the server's own command asks before it touches a KV engine.
            path = api_path("sys/internal/ui/mounts", mount)
            reply = self._session.call("ReadMount", "GET", path)
        except Refused as refused:
            error = self._session.explain(refused, f'engine "{mount}"')
            if isinstance(error, AuthFailed) or refused.status >= 429:
                raise error from None
            right = False
        else:
            right = self._judged(reply.get("data"), mount)
        with self._lock:
            self._engines[mount] = right
        return right

    def _judged(self, found: object, mount: str) -> bool:
        if not isinstance(found, Mapping) or not isinstance(found.get("path"), str):
            return False
        options = found.get("options")
        version = options.get("version") if isinstance(options, Mapping) else None
        wanted = "2" if self._paths.v2 else "1"
        here, kind = found["path"].strip("/"), found.get("type")
        if kind not in ("kv", "generic") or (version or "1") != wanted:
            raise InvalidRef(
                f'the engine at "{mount}" is {kind} of version {version or "1"}, '
                f"the store says v{wanted}",
                remedy="correct path or version of the store",
            )
        # A namespace may come before the mount.
        return bool(here == mount or mount.endswith("/" + here))

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
        return SecretValue(SecretBytes(payload), version, _moment(stored.made))

    def _metadata(self, place: Place, ref: SecretRef) -> SecretValue:
        entry = self.metadata(place)
        payload = marshal(described(entry))
        version = described_version(entry) or content_version(payload)
        return SecretValue(SecretBytes(payload), version, _moment(entry.get("created_time")))

    def _found(self, reply: Mapping[str, Any], place: Place, version: str) -> Stored:
        held = reply.get("data")
        if not isinstance(held, Mapping):
            raise MalformedSecret(f'Vault\'s answer for "{place}" holds no data')
        if not self._paths.v2:
            return Stored(held)
        about, data = held.get("metadata"), held.get("data")
        number = _number(about.get("version")) if isinstance(about, Mapping) else 0
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
        if self.engine_is_right(place.mount):
            return Stored(None)
        raise SecretNotFound(
            f'secret "{place}" does not exist, or its engine is another one',
            remedy="check path, version and namespace of the store",
        )

    def _nothing(self, place: Place, text: str) -> SecretNotFound:
        return SecretNotFound(
            text, remedy="check the key", definite=self.engine_is_right(place.mount)
        )


def described(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `metadataPolicy: Fetch` gives for an entry: its custom metadata and dates."""
    custom = entry.get("custom_metadata")
    return {
        **(custom if isinstance(custom, Mapping) else {}),
        **{name: entry[name] for name in _DESCRIBING if name in entry},
    }


def described_version(entry: Mapping[str, Any]) -> str:
    """Return a version of the description, "" if the server gives none."""
    updated = entry.get("updated_time")
    return f"{entry.get('current_version')}@{updated}" if updated else ""


def version_id(number: str, made: object) -> str:
    """Return what tells a version from all others that ever had its number.

    A number alone does not: a secret whose metadata is removed counts from 1 again.

    Args:
        made: when, as the server writes it.
    """
    return f"{number}@{made}" if isinstance(made, str) and made else number


def listed_version(entry: Mapping[str, Any], asked: str = "") -> str:
    """Return the id of a version that an entry shows, "" unless it certainly has a value.

    One that is to be deleted later counts as uncertain: only a clock could tell.

    Args:
        asked: a number or an id; "" or 0 is the current version.
    """
    number = asked.partition("@")[0].lstrip("0") or str(entry.get("current_version"))
    versions = entry.get("versions")
    one = versions.get(number) if isinstance(versions, Mapping) else None
    if not isinstance(one, Mapping):
        return ""
    if one.get("destroyed") is not False or one.get("deletion_time") != "":
        return ""
    return version_id(number, one.get("created_time"))


class Removed(SecretNotFound):
    """A version that was deleted or destroyed; a write continues from its number."""

    version = 0


def _removed(place: Place, about: Mapping[str, Any]) -> SecretNotFound:
    number = _number(about.get("version"))
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


def _number(found: object) -> int:
    text = str(found) if isinstance(found, Number | int) else ""
    return int(text) if text.isascii() and text.isdigit() else 0


def _moment(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None
