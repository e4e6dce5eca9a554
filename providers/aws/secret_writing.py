"""Pushes to Secrets Manager, as External Secrets Operator does them.

Neighbours: `secrets_manager` offers this; `pushing` has what both services share. What
lacks the tag of a push is neither changed nor deleted. A value is compared before it is
written, and each version's id is the one before plus one: two writers at once cannot both
succeed, and a repeated request makes no second version.

Needs besides reading: `secretsmanager:DescribeSecret`, `CreateSecret`, `PutSecretValue`,
`TagResource`, and `DeleteSecret` where pushes delete.

Source: API_CreateSecret, API_PutSecretValue, API_DeleteSecret.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from providers.aws.calls import CallError, Calls
from providers.aws.config import SecretsManagerOptions
from providers.aws.errors import UNREADABLE
from providers.aws.ids import secret_id
from providers.aws.pushing import (
    DESCRIPTION,
    PushOptions,
    push_options,
    pushed_payload,
    require_managed,
    settled,
)
from providers.aws.tags import tag_list, tag_map
from providers.base import (
    InvalidRef,
    MalformedSecret,
    PushItem,
    PushRef,
    SecretNotFound,
)
from providers.json_property import has_property, without_property
from providers.showing import shown

__all__ = ["SecretWriter"]

#: The id of the first version that a push makes.
_FIRST_VERSION = "00000000-0000-0000-0000-000000000001"
_FIELDS = ("secretPushFormat", "description", "kmsKeyId")
_REFUSED = {
    "resourcePolicy": "policies are left as they are",
    "replicationLocations": "replicas are left as they are",
}
_FORMATS = ("binary", "string")
_FORMAT_FIELDS = {"binary": "SecretBinary", "string": "SecretString"}

_Reply = Mapping[str, Any]


class SecretWriter:
    """Writes secrets, for one identity in one region.

    Args:
        prefix: put before each key that is a name.
        options: how secrets are deleted.
    """

    def __init__(
        self, client: Any, calls: Calls, *, prefix: str, options: SecretsManagerOptions | None
    ) -> None:
        self._client = client
        self._calls = calls
        self._prefix = prefix
        self._options = options or SecretsManagerOptions()

    def push(self, item: PushItem) -> bool:
        """Make the secret hold the value; see `providers.base.Writer`."""
        asked = self._asked(item.ref)
        return settled(lambda: self._push(asked, item), asked)

    def exists(self, ref: PushRef) -> bool:
        """Return whether the secret, or the property, is there."""
        asked = self._asked(ref)
        return settled(lambda: self._exists(asked, ref), asked)

    def delete(self, ref: PushRef) -> bool:
        """Remove the secret, or the property; the secret too once it is the last one."""
        asked = self._asked(ref)
        return settled(lambda: self._delete(asked, ref), asked)

    def _asked(self, ref: PushRef) -> str:
        if not ref.remote_key:
            raise InvalidRef("a push has an empty remoteKey", remedy="name the secret")
        return secret_id(self._prefix, ref.remote_key)

    def _push(self, asked: str, item: PushItem) -> bool:
        options = push_options(item.metadata, known=_FIELDS, refused=_REFUSED)
        field = _FORMAT_FIELDS[options.text("secretPushFormat", _FORMATS[0], choices=_FORMATS)]
        described = self._described(asked)
        if described is None:
            self._create(asked, item, options, field)
            return True
        if described.get("DeletedDate"):
            raise InvalidRef(
                f'secret "{shown(asked)}" is scheduled for deletion and cannot be pushed to',
                remedy=f"aws secretsmanager restore-secret --secret-id {asked}",
            )
        tags = _tags(described)
        require_managed(tags, asked)
        current = self._current(asked, described)
        payload, held_as = _payload(current)
        wanted = pushed_payload(item, payload)
        written = wanted != payload or field != held_as
        if written:
            token = _next_version(current.get("VersionId"))
            self._put(described, {field: _as_field(field, wanted)}, token)
        missing = options.missing(tags)
        if missing:
            self._calls.run(
                "TagResource",
                self._client.tag_resource,
                SecretId=described["ARN"],
                Tags=tag_list(missing),
            )
        return written or bool(missing)

    def _create(self, asked: str, item: PushItem, options: PushOptions, field: str) -> None:
        key = options.text("kmsKeyId")
        self._calls.run(
            "CreateSecret",
            self._client.create_secret,
            Name=asked,
            Description=options.text("description", DESCRIPTION),
            ClientRequestToken=_FIRST_VERSION,
            Tags=tag_list(options.marked()),
            **{field: _as_field(field, pushed_payload(item, None))},
            **({"KmsKeyId": key} if key else {}),
        )

    def _exists(self, asked: str, ref: PushRef) -> bool:
        described = self._described(asked)
        if described is None or described.get("DeletedDate"):
            return False
        if not ref.property:
            return True
        payload, _ = _payload(self._current(asked, described))
        return payload is not None and has_property(payload, ref.property)

    def _delete(self, asked: str, ref: PushRef) -> bool:
        described = self._described(asked)
        if described is None or described.get("DeletedDate"):
            return False
        require_managed(_tags(described), asked)
        if ref.property:
            current = self._current(asked, described)
            payload, field = _payload(current)
            rest = without_property(payload, ref.property) if payload is not None else None
            if rest is None:
                return False
            if rest != b"{}":
                token = _next_version(current.get("VersionId"))
                self._put(described, {field: _as_field(field, rest)}, token)
                return True
        self._calls.run(
            "DeleteSecret",
            self._client.delete_secret,
            SecretId=described["ARN"],
            **_deletion(self._options),
        )
        return True

    def _put(self, described: _Reply, value: Mapping[str, Any], token: str) -> None:
        self._calls.run(
            "PutSecretValue",
            self._client.put_secret_value,
            SecretId=described["ARN"],
            ClientRequestToken=token,
            **value,
        )

    def _described(self, asked: str) -> _Reply | None:
        """Return what describes a secret; None if it does not exist."""
        try:
            reply = self._calls.run("DescribeSecret", self._client.describe_secret, SecretId=asked)
        except CallError as failed:
            if failed.fault.kind is SecretNotFound and failed.fault.definite:
                return None
            raise
        if not reply.get("ARN"):
            raise CallError(UNREADABLE, "DescribeSecret")
        return reply

    def _current(self, asked: str, described: _Reply) -> _Reply:
        """Return the current version; {} of a secret that has none yet."""
        if not described.get("VersionIdsToStages"):
            return {}
        reply = self._calls.run("GetSecretValue", self._client.get_secret_value, SecretId=asked)
        if not reply.get("ARN"):
            raise CallError(UNREADABLE, "GetSecretValue")
        return reply


def _tags(described: _Reply) -> dict[str, str]:
    tags = tag_map(described.get("Tags", []))
    if tags is None:
        raise CallError(UNREADABLE, "DescribeSecret")
    return tags


def _payload(current: _Reply) -> tuple[bytes | None, str]:
    """Return the payload of a version, and the field that holds it."""
    text, binary = current.get("SecretString"), current.get("SecretBinary")
    if isinstance(text, str):
        return text.encode(errors="surrogatepass"), "SecretString"
    return (binary if isinstance(binary, bytes) else None), "SecretBinary"


def _as_field(field: str, payload: bytes) -> str | bytes:
    if field == "SecretBinary":
        return payload
    try:
        return payload.decode()
    except UnicodeDecodeError:
        pass
    # Outside of the handler: the exception holds the value.
    raise MalformedSecret(
        "the value is not UTF-8, so it cannot be pushed as a string",
        remedy="use secretPushFormat: binary",
    )


def _next_version(version: Any) -> str:
    """Return the id that follows a version's."""
    try:
        number = uuid.UUID(version).int if version else 0
    except (ValueError, TypeError, AttributeError):
        raise InvalidRef("the current version has an id that is no UUID") from None
    return str(uuid.UUID(int=(number + 1) % (1 << 128)))


def _deletion(options: SecretsManagerOptions) -> dict[str, Any]:
    if options.force_delete_without_recovery:
        if options.recovery_window_in_days:
            raise InvalidRef(
                "spec.provider.aws.secretsManager: forceDeleteWithoutRecovery and "
                "recoveryWindowInDays exclude each other",
                remedy="remove one of them",
            )
        return {"ForceDeleteWithoutRecovery": True}
    days = options.recovery_window_in_days
    return {"RecoveryWindowInDays": days} if days else {}
