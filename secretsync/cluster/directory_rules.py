"""What a real API server would refuse, so that a directory refuses it too. Pure.

Source: k8s.io/kubernetes pkg/apis/core/validation (ValidateSecret, ValidateConfigMap).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from secretsync.cluster.base import Kind, Object
from secretsync.cluster.merge import same
from secretsync.errors import Rejected
from secretsync.resources.names import (
    check_annotation_key,
    check_label,
    check_label_key,
    check_label_value,
    check_secret_key,
    check_subdomain,
)

__all__ = [
    "MAX_DATA_BYTES",
    "check_change",
    "check_names",
    "check_object",
    "check_segment",
    "has_status",
]

#: Sum of the decoded values of a Secret or ConfigMap.
MAX_DATA_BYTES = 1024 * 1024

#: Keys that a type needs; of a tuple one is enough.
_REQUIRED_KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "kubernetes.io/basic-auth": (("username", "password"),),
    "kubernetes.io/dockercfg": ((".dockercfg",),),
    "kubernetes.io/dockerconfigjson": ((".dockerconfigjson",),),
    "kubernetes.io/ssh-auth": (("ssh-privatekey",),),
    "kubernetes.io/tls": (("tls.crt",), ("tls.key",)),
}
_JSON_KEYS: Mapping[str, tuple[str, ...]] = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
}
_WITHOUT_STATUS = frozenset(
    {
        ("", "ConfigMap"),
        ("", "Event"),
        ("", "Secret"),
        ("", "ServiceAccount"),
        ("coordination.k8s.io", "Lease"),
    }
)
#: Their names may hold a colon (`system:node`): a path segment is all that is asked.
_PATH_SEGMENT_GROUPS = frozenset({"rbac.authorization.k8s.io"})


def has_status(kind: Kind) -> bool:
    """Return whether the kind has a status subresource."""
    return (kind.group, kind.kind) not in _WITHOUT_STATUS


def check_names(kind: Kind, namespace: str, name: str) -> None:
    """Refuse names that an API server refuses, or that leave the directory.

    Raises:
        Rejected: with the rule that is broken.
    """
    hint = check_subdomain(name)
    if kind.group in _PATH_SEGMENT_GROUPS:
        bad = not name or name.startswith(".") or any(sign in name for sign in "/%\\\0")
        hint = "a path segment: no '/', no '%', no dot in front" if bad else ""
    elif kind.group == "" and kind.kind == "Namespace":
        hint = check_label(name)
    if hint:
        raise Rejected(f"{kind.kind}: invalid metadata.name", remedy=f"a name is {hint}")
    hint = check_label(namespace) if kind.namespaced else ""
    if hint:
        raise Rejected(f"{kind.kind}: invalid metadata.namespace", remedy=f"a namespace is {hint}")


def check_segment(what: str, name: str) -> None:
    """Refuse what can be no folder or file of an object, also when only reading.

    Raises:
        Rejected: it is empty, would leave its folder, or is a reserved one.
    """
    if not name or name.startswith((".", "_")) or any(sign in name for sign in "/\\\0"):
        raise Rejected(
            f"{name!r} is no {what}", remedy="names have no '/' and begin with a letter or digit"
        )


def check_object(kind: Kind, obj: Object) -> None:
    """Refuse an object that is wrong by itself.

    Raises:
        Rejected: with the field; values are never quoted.
    """
    metadata = obj.get("metadata") or {}
    for section, check_key in (("labels", check_label_key), ("annotations", check_annotation_key)):
        for key, value in (metadata.get(section) or {}).items():
            if hint := check_key(key):
                raise Rejected(
                    f"metadata.{section}: invalid key {key!r}", remedy=f"a key is {hint}"
                )
            if not isinstance(value, str):
                raise Rejected(
                    f"metadata.{section}.{key} is not a string", remedy="put the value in quotes"
                )
            if section == "labels" and (hint := check_label_value(value)):
                raise Rejected(f"invalid value of label {key}", remedy=f"a value is {hint}")
    if kind.group == "" and kind.kind == "Secret":
        _check_data(obj, encoded=("data",), plain=())
        _check_type(obj)
    elif kind.group == "" and kind.kind == "ConfigMap":
        _check_data(obj, encoded=("binaryData",), plain=("data",))


def check_change(kind: Kind, old: Object, new: Object) -> None:
    """Refuse a change of what cannot change.

    Raises:
        Rejected: an immutable field differs.
    """
    before, after = old.get("metadata") or {}, new.get("metadata") or {}
    added = set(after.get("finalizers") or ()) - set(before.get("finalizers") or ())
    if added and before.get("deletionTimestamp"):
        raise Rejected("metadata.finalizers: an object that is being deleted takes no new ones")
    if kind.group != "" or kind.kind not in ("Secret", "ConfigMap"):
        return
    remedy = "delete the object and create it anew, or use another name"
    if kind.kind == "Secret" and old.get("type", "Opaque") != new.get("type", "Opaque"):
        raise Rejected("type: the type of an existing Secret cannot change", remedy=remedy)
    if old.get("immutable"):
        for name in ("immutable", "data", "binaryData"):
            if not same(old.get(name) or {}, new.get(name) or {}):
                raise Rejected(f"{name}: cannot change when `immutable` is set", remedy=remedy)


def _check_data(obj: Object, *, encoded: tuple[str, ...], plain: tuple[str, ...]) -> None:
    size_bytes = 0
    for section in encoded + plain:
        values = obj.get(section)
        if not isinstance(values, Mapping | None):
            raise Rejected(f"{section} is not a map", remedy=f"write {section} as a map of strings")
        for key, value in (values or {}).items():
            if hint := _key_hint(key):
                raise Rejected(f"{section}: invalid key {key!r}", remedy=f"a key is {hint}")
            if not isinstance(value, str):
                raise Rejected(f"{section}.{key} is not a string")
            size_bytes += _size_bytes(value, f"{section}.{key}", decode=section in encoded)
    if size_bytes > MAX_DATA_BYTES:
        raise Rejected(
            f"data: must have at most {MAX_DATA_BYTES} bytes",
            remedy="spread the keys over several objects",
        )


def _key_hint(key: str) -> str:
    return "not to begin with '..'" if key.startswith("..") else check_secret_key(key)


def _size_bytes(value: str, where: str, *, decode: bool) -> int:
    if not decode:
        return len(value.encode())
    try:
        return len(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        # The cause would carry the value.
        raise Rejected(f"{where} is not base64", remedy="encode it, or use stringData") from None


def _check_type(obj: Object) -> None:
    kind = obj.get("type", "Opaque")
    data: Mapping[str, Any] = obj.get("data") or {}
    for alternatives in _REQUIRED_KEYS.get(kind, ()):
        if not any(key in data for key in alternatives):
            raise Rejected(
                f"data: a Secret of type {kind} needs the key {' or '.join(alternatives)}",
                remedy="add it, or use another type",
            )
    for key in _JSON_KEYS.get(kind, ()):
        if not _is_json(base64.b64decode(data[key])):
            raise Rejected(f"data.{key} is not JSON", remedy="give it as `docker login` writes it")


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True
