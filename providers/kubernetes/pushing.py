"""Pushes into Secrets of a remote namespace.

What a push made carries the label `managed-by: external-secrets`, as at the other
services. External Secrets Operator marks nothing here and overwrites whatever is there:
what it pushed is handed over by setting the label, and the refusal gives the command.
Writes name the version they were made from, so that nobody's change in between is lost.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from providers.base import (
    InvalidRef,
    MalformedSecret,
    NotManaged,
    PushItem,
    PushRef,
    SecretNotFound,
)
from providers.kubernetes.api import KubeApi, check_name

__all__ = ["MANAGED", "Pusher"]

MANAGED = ("managed-by", "external-secrets")

_METADATA = ("labels", "annotations", "remoteNamespace", "sourceMergePolicy", "targetMergePolicy")


class Pusher:
    """Writes in one namespace, or where a push names another that it may.

    Args:
        other_namespaces: whether it may name one.
    """

    def __init__(self, api: KubeApi, namespace: str, *, other_namespaces: bool) -> None:
        self._api = api
        self._namespace = namespace
        self._other_namespaces = other_namespaces

    def push(self, item: PushItem) -> bool:
        """Make a Secret hold the value; see `providers.base.Writer`."""
        name, prop = item.ref.remote_key, item.ref.property
        extra = _extra(item.metadata)
        namespace = self._target(extra)
        live = self._live(namespace, name)
        if live is not None:
            self._refuse_foreign(live, namespace)
        before = dict((live or {}).get("data") or {})
        value = item.value.reveal()
        data = {**before, prop: _b64(value)} if prop else _whole(value)
        metadata = dict((live or {}).get("metadata") or {"name": name})
        labels = {**(metadata.get("labels") or {}), **extra.get("labels", {})}
        labels[MANAGED[0]] = MANAGED[1]
        annotations = {**(metadata.get("annotations") or {}), **extra.get("annotations", {})}
        same = (metadata.get("labels") or {}, metadata.get("annotations") or {}) == (
            labels,
            annotations,
        )
        if live is not None and data == before and same:
            return False
        metadata |= {"labels": labels, "annotations": annotations}
        metadata.pop("managedFields", None)
        if live is None:
            body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
            self._api.create(namespace, body)
        else:
            self._api.update(namespace, {**live, "metadata": metadata, "data": data})
        return True

    def exists(self, ref: PushRef) -> bool:
        """Return whether a Secret, or a key of it, is there."""
        live = self._live(self._namespace, ref.remote_key)
        if live is None or not ref.property:
            return live is not None
        return ref.property in (live.get("data") or {})

    def delete(self, ref: PushRef) -> bool:
        """Remove a key, and with the last one, or without naming one, the Secret."""
        live = self._live(self._namespace, ref.remote_key)
        data = dict((live or {}).get("data") or {})
        if live is None or (ref.property and ref.property not in data):
            return False
        self._refuse_foreign(live, self._namespace)
        data.pop(ref.property, None)
        if ref.property and data:
            metadata = {**live["metadata"]}
            metadata.pop("managedFields", None)
            self._api.update(self._namespace, {**live, "metadata": metadata, "data": data})
        else:
            self._api.delete(self._namespace, live)
        return True

    def _live(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        check_name(name)
        try:
            found = self._api.get(namespace, name)
        except SecretNotFound:
            return None
        metadata = found.get("metadata")
        if not isinstance(metadata, dict) or metadata.get("name") != name:
            raise MalformedSecret(f'the answer for Secret "{name}" is another object')
        return found

    def _refuse_foreign(self, live: Mapping[str, Any], namespace: str) -> None:
        metadata = live["metadata"]
        if (metadata.get("labels") or {}).get(MANAGED[0]) != MANAGED[1]:
            name = metadata["name"]
            raise NotManaged(
                f'Secret "{name}" in namespace {namespace} was not made by a push',
                remedy=f"kubectl label secret -n {namespace} {name} {'='.join(MANAGED)}",
            )

    def _target(self, extra: Mapping[str, Any]) -> str:
        namespace: str = extra.get("remoteNamespace") or self._namespace
        if namespace != self._namespace and not self._other_namespaces:
            raise InvalidRef(
                "only a push through a ClusterSecretStore may name a remoteNamespace",
                remedy="remove remoteNamespace from metadata.spec",
            )
        return namespace


def _b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _whole(value: bytes) -> dict[str, str]:
    """Return the data of a Secret that is pushed whole: a JSON object of its keys."""
    members: Any = None
    try:
        members = json.loads(value)
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        raise InvalidRef(
            "a value that is no JSON object needs a key to go to",
            remedy="set remoteRef.property, or push the whole Secret",
        )
    return {
        key: _b64(one.encode(errors="surrogateescape") if isinstance(one, str) else _compact(one))
        for key, one in members.items()
    }


def _compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _extra(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `metadata.spec` of the push.

    Raises:
        InvalidRef: it asks for what is not served.
    """
    spec = metadata.get("spec") or {}
    if not isinstance(spec, dict):
        raise InvalidRef("metadata.spec of the push is no object", remedy="correct it")
    for name, value in spec.items():
        if name not in _METADATA or (name.endswith("MergePolicy") and value not in ("", "Merge")):
            raise InvalidRef(
                f"metadata.spec.{name} of the push is not supported so", remedy=f"remove {name}"
            )
    for name in ("labels", "annotations"):
        found = spec.get(name) or {}
        if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
            raise InvalidRef(f"metadata.spec.{name} is no map of strings", remedy="correct it")
    if not isinstance(spec.get("remoteNamespace") or "", str):
        raise InvalidRef("metadata.spec.remoteNamespace is no string", remedy="correct it")
    return {
        **spec,
        "labels": spec.get("labels") or {},
        "annotations": spec.get("annotations") or {},
    }
