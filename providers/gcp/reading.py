"""Reads values: the payload of a version, its checksum, and what is left out of errors.

Neighbours: `calls` sends; `ids` names; `versions` resolves; `secret_manager` answers for
refs. A value is asked for by number wherever the number can be had, as Google promises
consistency for numbers only: an alias, `latest` among them, may show an older version for
minutes, and one that was seen to be newer is not gone back from.

Source: https://cloud.google.com/secret-manager/docs/overview#consistency
"""

from __future__ import annotations

from typing import Any

from google.cloud.secretmanager_v1 import (
    AccessSecretVersionRequest,
    AccessSecretVersionResponse,
    GetSecretRequest,
    SecretManagerServiceClient,
)

from providers.base import (
    InvalidRef,
    MalformedSecret,
    ProviderError,
    SecretBytes,
    SecretNotFound,
    SecretRef,
    SecretValue,
    Unavailable,
)
from providers.gcp.calls import CallError, Calls
from providers.gcp.checksum import crc32c
from providers.gcp.errors import STATES
from providers.gcp.ids import Place, is_latest, number_in, number_of, version_of
from providers.gcp.versions import ENABLED, Version, VersionReader
from providers.metadata import content_version, metadata_json
from providers.showing import shown

__all__ = ["SecretReader"]

#: What Google stores at most in a version.
MAX_PAYLOAD_BYTES = 64 * 1024


class SecretReader:
    """Reads secrets of one place.

    Args:
        client: of Secret Manager.
        calls: runs its methods.
        place: project and location.
        versions: knows what numbers versions have.
    """

    def __init__(
        self,
        client: SecretManagerServiceClient,
        calls: Calls,
        *,
        place: Place,
        versions: VersionReader,
    ) -> None:
        self._client = client
        self._calls = calls
        self._place = place
        self._versions = versions

    def read(self, ref: SecretRef) -> SecretValue | ProviderError:
        """Read one ref; total, and no error keeps frames that hold a value."""
        error: ProviderError
        try:
            return self._read(ref)
        except ProviderError as exc:
            error = exc
        except CallError as failed:
            error = self._error(failed, ref)
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)

    def metadata(self, ref: SecretRef) -> SecretValue:
        """Return labels and annotations of a secret as one JSON object.

        Raises:
            InvalidRef: the key can be no secret's name.
            CallError: they cannot be read.
        """
        secret = self.secret(ref.key)
        fields = {"annotations": dict(secret.annotations), "labels": dict(secret.labels)}
        payload = metadata_json(fields)
        return SecretValue(SecretBytes(payload), secret.etag or content_version(payload))

    def secret(self, key: str) -> Any:
        """Return the resource of a secret.

        Raises:
            InvalidRef: the key can be no secret's name.
            CallError: it cannot be read.
        """
        request = GetSecretRequest(name=self._place.secret(key))
        secret = self._calls.run("GetSecret", self._client.get_secret, request)
        if self._place.key_of(secret.name) != key:
            raise Unavailable(f'the answer of Google for "{shown(key)}" is not whole')
        return secret

    def _read(self, ref: SecretRef) -> SecretValue:
        if not ref.key:
            raise InvalidRef("a reference has an empty key", remedy="name it in remoteRef.key")
        if ref.metadata:
            return self.metadata(ref)
        version = self._versions.look_up(ref)
        if version is None:
            return self._read_directly(ref)
        if version.state != ENABLED:
            raise version.error(ref.key)
        return self._access(ref, version.number, version)

    def _read_directly(self, ref: SecretRef) -> SecretValue:
        """Read by the name that the ref gives, and see that it is no step back."""
        try:
            value = self._access(ref, version_of(ref))
        except CallError as failed:
            instead = None
            if is_latest(ref) and failed.fault.code in STATES:
                instead = self._versions.enabled_instead(ref, failed.fault.code)
            if instead is None:
                raise
            return self._access(ref, instead.number, instead)
        if is_latest(ref):
            newest = self._versions.newest(ref.key)
            if int(number_of(value.version)) < newest:
                value = self._newer(ref, newest) or value
            self._versions.note(ref.key, number_of(value.version))
        return value

    def _newer(self, ref: SecretRef, number: int) -> SecretValue | None:
        try:
            return self._access(ref, str(number))
        except CallError as failed:
            if failed.fault.code in STATES:
                return None
            if failed.fault.kind is SecretNotFound:
                # The secret was made anew, and its numbers began again.
                self._versions.forget(ref.key)
                return None
            raise

    def _access(self, ref: SecretRef, version: str, told: Version | None = None) -> SecretValue:
        name = f"{self._place.secret(ref.key)}/versions/{version}"
        answer = self._calls.run(
            "AccessSecretVersion",
            self._client.access_secret_version,
            AccessSecretVersionRequest(name=name),
        )
        number, payload = self._checked(ref, version, answer)
        made = self._versions.identified(ref.key, number, payload, told)
        return SecretValue(SecretBytes(payload), made, told.created_at if told else None)

    def _checked(self, ref: SecretRef, asked: str, answer: Any) -> tuple[str, bytes]:
        """Return number and payload of an answer that is whole, right and of that secret."""
        # The plain message: the SDK's wrapper would be most of what this costs.
        plain = AccessSecretVersionResponse.pb(answer)
        name, number = plain.name.partition("/versions/")[0], number_in(plain.name)
        payload = plain.payload
        if not number or not plain.HasField("payload"):
            raise Unavailable(f'the answer of Google for "{shown(ref.key)}" is not whole')
        if self._place.key_of(name) != ref.key or (asked.isdigit() and asked != number):
            raise MalformedSecret(f'Google answers with another secret than "{shown(ref.key)}"')
        if len(payload.data) > MAX_PAYLOAD_BYTES:
            raise MalformedSecret(f'"{shown(ref.key)}" is larger than {MAX_PAYLOAD_BYTES} bytes')
        if not payload.HasField("data_crc32c") or payload.data_crc32c != crc32c(payload.data):
            raise MalformedSecret(
                f'the payload of "{shown(ref.key)}" does not match its checksum',
                remedy="look at proxies between here and Google",
            )
        return number, payload.data

    def _error(self, failed: CallError, ref: SecretRef) -> ProviderError:
        """Return the error of a ref; of an absent one after a look at its secret.

        Only a secret that Google says is gone is definitely absent: one without versions
        may have got its first a moment ago, and an identity that may not look learns
        nothing from a version that is not found.
        """
        error = failed.error(ref.key)
        if not isinstance(error, SecretNotFound):
            return error
        try:
            if failed.operation != "GetSecret":
                self.secret(ref.key)
        except CallError as again:
            failed = again
            if failed.fault.kind is not SecretNotFound:
                error.remedy += "; allow secretmanager.secrets.get to tell a missing secret apart"
                return error
        if failed.operation == "GetSecret":
            error.definite = True
            return error
        return SecretNotFound(
            f'Google has "{shown(ref.key)}", but no version {version_of(ref)} of it',
            remedy="add a version, or correct the version of the reference",
        )
