"""Pushes: makes secrets, adds versions where they differ, removes what was pushed.

Neighbours: `reading` gives what is there; `push_options` reads the metadata block;
`providers.json_property` merges single properties. What does not carry the label of a push
is neither changed nor deleted.

Google has no condition for adding a version. Pushes of one session to one secret wait for
each other, so that no property of either is lost.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from google.cloud.secretmanager_v1 import (
    AddSecretVersionRequest,
    CreateSecretRequest,
    DeleteSecretRequest,
    SecretManagerServiceClient,
    UpdateSecretRequest,
)

from providers.base import (
    InvalidRef,
    NotManaged,
    ProviderError,
    PushItem,
    PushRef,
    SecretNotFound,
    SecretRef,
    SecretValue,
)
from providers.gcp.calls import CallError, Calls
from providers.gcp.checksum import crc32c
from providers.gcp.errors import UnreadableVersion
from providers.gcp.ids import Place, number_in
from providers.gcp.push_options import MANAGED, PushOptions, is_managed, push_options
from providers.gcp.reading import MAX_PAYLOAD_BYTES, SecretReader
from providers.gcp.versions import VersionReader
from providers.json_property import has_property, with_property, without_property
from providers.showing import shown

__all__ = ["SecretWriter"]

_T = TypeVar("_T")
_LOCKS = 64
_EMPTY = b"{}"


class SecretWriter:
    """Writes secrets of one place.

    Args:
        client: of Secret Manager.
        calls: runs its methods.
        place: project and location.
        reader: gives what is there.
        versions: is told of versions that were made.
    """

    def __init__(
        self,
        client: SecretManagerServiceClient,
        calls: Calls,
        *,
        place: Place,
        reader: SecretReader,
        versions: VersionReader,
    ) -> None:
        self._client = client
        self._calls = calls
        self._place = place
        self._reader = reader
        self._versions = versions
        self._locks = tuple(threading.Lock() for _ in range(_LOCKS))

    def push(self, item: PushItem) -> bool:
        """See `providers.base.Writer`."""
        options = push_options(item)
        return self._alone(item.ref, lambda: self._push(item, options))

    def exists(self, ref: PushRef) -> bool:
        """See `providers.base.Writer`: there is a version, or it has that property."""
        return self._alone(ref, lambda: self._exists(ref))

    def delete(self, ref: PushRef) -> bool:
        """See `providers.base.Writer`."""
        return self._alone(ref, lambda: self._delete(ref))

    def _alone(self, ref: PushRef, act: Callable[[], _T]) -> _T:
        self._place.secret(ref.remote_key)
        with self._locks[hash(ref.remote_key) % _LOCKS]:
            try:
                return act()
            except CallError as failed:
                error = failed.error(ref.remote_key)
        # Outside of the handler: nothing of the call is kept.
        raise error

    def _push(self, item: PushItem, options: PushOptions) -> bool:
        key = item.ref.remote_key
        secret = self._managed(key)
        held = self._held(item.ref) if secret is not None else None
        wanted = item.value.reveal()
        if item.ref.property:
            wanted = with_property(held, item.ref.property, wanted)
        if len(wanted) > MAX_PAYLOAD_BYTES:
            raise InvalidRef(
                f'what is pushed to "{shown(key)}" is larger than {MAX_PAYLOAD_BYTES} bytes'
            )
        wrote = False
        if secret is None:
            self._create(key, options)
            wrote = True
        else:
            wrote = self._update(secret, options)
        if held is None or held != wanted:
            self._add(key, wanted)
            wrote = True
        return wrote

    def _exists(self, ref: PushRef) -> bool:
        if ref.property:
            held = self._held(ref)
            return held is not None and has_property(held, ref.property)
        answer = self._reader.read(SecretRef(ref.remote_key))
        if isinstance(answer, SecretNotFound):
            return False
        if isinstance(answer, ProviderError) and not isinstance(answer, UnreadableVersion):
            raise answer
        return True

    def _delete(self, ref: PushRef) -> bool:
        secret = self._managed(ref.remote_key)
        if secret is None:
            return False
        if ref.property:
            held = self._held(ref)
            left = without_property(held, ref.property) if held is not None else None
            if left is None:
                return False
            if left != _EMPTY:
                self._add(ref.remote_key, left)
                return True
        request = DeleteSecretRequest(name=self._place.secret(ref.remote_key), etag=secret.etag)
        self._calls.run("DeleteSecret", self._client.delete_secret, request)
        self._versions.forget(ref.remote_key)
        return True

    def _managed(self, key: str) -> Any:
        """Return the resource of a secret that was pushed, or None for none at all.

        Raises:
            NotManaged: somebody else made it.
        """
        try:
            secret = self._reader.secret(key)
        except CallError as failed:
            if failed.fault.kind is SecretNotFound:
                return None
            raise
        if not is_managed(secret):
            raise NotManaged(
                f'"{shown(key)}" exists at Google and was not pushed by a PushSecret',
                remedy=f"push to another key, or label it {MANAGED[0]}={MANAGED[1]}",
            )
        return secret

    def _held(self, ref: PushRef) -> bytes | None:
        """Return the payload that is there, or None for none.

        A version that is disabled or destroyed may be replaced as a whole; a property is
        not merged into what cannot be read.
        """
        answer = self._reader.read(SecretRef(ref.remote_key))
        if isinstance(answer, SecretValue):
            return answer.value.reveal()
        if isinstance(answer, SecretNotFound):
            return None
        if isinstance(answer, UnreadableVersion) and not ref.property:
            return None
        raise answer

    def _create(self, key: str, options: PushOptions) -> None:
        request = CreateSecretRequest(
            parent=self._place.parent, secret_id=key, secret=options.resource(self._place)
        )
        self._calls.run("CreateSecret", self._client.create_secret, request)
        # Numbers of an earlier secret of this name mean nothing any more.
        self._versions.forget(key)

    def _update(self, secret: Any, options: PushOptions) -> bool:
        changed = options.updates(secret)
        if changed:
            request = UpdateSecretRequest(
                secret={"name": secret.name, "etag": secret.etag, **changed},
                update_mask={"paths": sorted(changed)},
            )
            self._calls.run("UpdateSecret", self._client.update_secret, request)
        return bool(changed)

    def _add(self, key: str, payload: bytes) -> None:
        request = AddSecretVersionRequest(
            parent=self._place.secret(key),
            payload={"data": payload, "data_crc32c": crc32c(payload)},
        )
        made = self._calls.run("AddSecretVersion", self._client.add_secret_version, request)
        # So that the next comparison sees it, whatever `latest` shows by then.
        self._versions.note(key, number_in(made.name))
