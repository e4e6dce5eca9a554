"""Pushes to Parameter Store, as External Secrets Operator does them.

Neighbours: `parameter_store` offers this; `pushing` has what both services share. What
lacks the tag of a push is neither changed nor deleted, and a value is compared before it
is written. A parameter is made and tagged by one call, so that none is left unmarked.

Needs `ssm:GetParameter`, `PutParameter`, `ListTagsForResource`, `AddTagsToResource`, and
`DeleteParameter` where pushes delete.

Source: API_PutParameter, API_DeleteParameter of Systems Manager.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from providers.aws.calls import CallError, Calls
from providers.aws.errors import UNREADABLE
from providers.aws.parameter_names import invalid_name, parameter_name
from providers.aws.pushing import (
    DESCRIPTION,
    PushOptions,
    push_options,
    pushed_payload,
    require_managed,
    settled,
)
from providers.aws.tags import tag_list, tag_map
from providers.base import InvalidRef, PushItem, PushRef, SecretNotFound, SecretRef
from providers.json_property import has_property, without_property
from providers.showing import shown

__all__ = ["ParameterWriter"]

_FIELDS = ("secretType", "kmsKeyID", "tier", "description", "encodeAsDecoded")
_TYPES = ("String", "StringList", "SecureString")
_TIERS = ("Standard", "Advanced", "Intelligent-Tiering")

_Entry = Mapping[str, Any]


class ParameterWriter:
    """Writes parameters, for one identity in one region.

    Args:
        prefix: put before each key that is a name.
    """

    def __init__(self, client: Any, calls: Calls, *, prefix: str) -> None:
        self._client = client
        self._calls = calls
        self._prefix = prefix

    def push(self, item: PushItem) -> bool:
        """Make the parameter hold the value; see `providers.base.Writer`."""
        name = self._name(item.ref)
        return settled(lambda: self._push(name, item), name)

    def exists(self, ref: PushRef) -> bool:
        """Return whether the parameter, or the property, is there."""
        name = self._name(ref)
        return settled(lambda: self._exists(name, ref), name)

    def delete(self, ref: PushRef) -> bool:
        """Remove the parameter, or the property; the parameter too once it is the last one."""
        name = self._name(ref)
        return settled(lambda: self._delete(name, ref), name)

    def _name(self, ref: PushRef) -> str:
        name = parameter_name(self._prefix, SecretRef(ref.remote_key))
        refusal = invalid_name(name)
        if refusal is not None or not ref.remote_key:
            raise refusal or InvalidRef("a push has an empty remoteKey", remedy="name it")
        if ":" in name:
            raise InvalidRef(
                "a push goes to a parameter's name, not to an ARN, a version or a label",
                remedy="name the parameter",
            )
        return name

    def _push(self, name: str, item: PushItem) -> bool:
        options = push_options(item.metadata, known=_FIELDS, refused={})
        settings = _settings(options)
        current = self._current(name)
        if current is None:
            value = _text(pushed_payload(item, None), name)
            self._put(
                Name=name,
                Value=value,
                Description=options.text("description", DESCRIPTION),
                Overwrite=False,
                Tags=tag_list(options.marked()),
                **{"Type": _TYPES[0], **settings},
            )
            return True
        tags = self._tags(name)
        require_managed(tags, name)
        payload = current["Value"].encode(errors="surrogatepass")
        wanted = pushed_payload(item, payload)
        written = wanted != payload or settings.get("Type", current["Type"]) != current["Type"]
        if written:
            self._put(Name=name, Value=_text(wanted, name), Overwrite=True, **settings)
        missing = options.missing(tags)
        if missing:
            self._calls.run(
                "AddTagsToResource",
                self._client.add_tags_to_resource,
                ResourceType="Parameter",
                ResourceId=name,
                Tags=tag_list(missing),
            )
        return written or bool(missing)

    def _exists(self, name: str, ref: PushRef) -> bool:
        current = self._current(name)
        if current is None or not ref.property:
            return current is not None
        return has_property(current["Value"].encode(errors="surrogatepass"), ref.property)

    def _delete(self, name: str, ref: PushRef) -> bool:
        current = self._current(name)
        if current is None:
            return False
        require_managed(self._tags(name), name)
        if ref.property:
            payload = current["Value"].encode(errors="surrogatepass")
            rest = without_property(payload, ref.property)
            if rest is None:
                return False
            if rest != b"{}":
                self._put(Name=name, Value=_text(rest, name), Overwrite=True)
                return True
        self._calls.run("DeleteParameter", self._client.delete_parameter, Name=name)
        return True

    def _put(self, **params: Any) -> None:
        self._calls.run("PutParameter", self._client.put_parameter, **params)

    def _current(self, name: str) -> _Entry | None:
        """Return the current version; None if there is no such parameter."""
        try:
            reply = self._calls.run(
                "GetParameter", self._client.get_parameter, Name=name, WithDecryption=True
            )
        except CallError as failed:
            if failed.fault.kind is SecretNotFound and failed.fault.definite:
                return None
            raise
        entry = reply.get("Parameter")
        if not isinstance(entry, Mapping) or not isinstance(entry.get("Value"), str):
            raise CallError(UNREADABLE, "GetParameter")
        return entry

    def _tags(self, name: str) -> dict[str, str]:
        operation = "ListTagsForResource"
        reply = self._calls.run(
            operation,
            self._client.list_tags_for_resource,
            ResourceType="Parameter",
            ResourceId=name,
        )
        tags = tag_map(reply.get("TagList"))
        if tags is None:
            raise CallError(UNREADABLE, operation)
        return tags


def _settings(options: PushOptions) -> dict[str, Any]:
    """Return what the entry says of type, key and tier; what it does not say stays as it is."""
    settings: dict[str, Any] = {}
    kind = options.text("secretType", "", choices=("", *_TYPES))
    if kind:
        settings["Type"] = kind
    if kind == "SecureString" and options.text("kmsKeyID"):
        settings["KeyId"] = options.text("kmsKeyID")
    tier = options.fields.get("tier") or {}
    if not isinstance(tier, Mapping) or tier.get("type", _TIERS[0]) not in _TIERS:
        raise InvalidRef(
            f"metadata.tier.type is not one of {', '.join(_TIERS)}", remedy="correct it"
        )
    if tier.get("type"):
        settings["Tier"] = tier["type"]
    if tier.get("policies"):
        settings["Policies"] = json.dumps(tier["policies"])
    return settings


def _text(payload: bytes, name: str) -> str:
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        text = ""
    if not text:
        # Outside of the handler: the exception holds the value.
        raise InvalidRef(
            f'the value for parameter "{shown(name)}" is empty or binary, '
            "and Parameter Store holds text",
            remedy="push it encoded, or to Secrets Manager",
        )
    return text
