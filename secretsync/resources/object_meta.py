"""apiVersion, kind and metadata: what every object begins with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from secretsync.resources.composer import Path
from secretsync.resources.documents import Document
from secretsync.resources.findings import Findings
from secretsync.resources.meta import ObjectMeta, ObjectRef
from secretsync.resources.names import (
    check_annotation_key,
    check_label,
    check_label_key,
    check_label_value,
    check_subdomain,
)
from secretsync.resources.timestamps import parse_timestamp

__all__ = ["object_findings", "read_meta", "read_string_map", "type_name"]

_TYPE_NAMES: dict[type, str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def type_name(value: object) -> str:
    """Return the kind of a decoded value for a message, never the value."""
    return _TYPE_NAMES.get(type(value), "something else")


def object_findings(document: Document, *, default_namespace: str = "") -> Findings:
    """Return an empty collector that names the object as far as it names itself.

    Args:
        document: the object, which may lack everything.
        default_namespace: of objects that name none; "" for cluster-scoped kinds.
    """
    value = document.value
    metadata = value.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    name, namespace = metadata.get("name"), metadata.get("namespace")
    kind = value.get("kind")
    if not isinstance(kind, str) or not kind:
        return Findings(document.origin)
    if not default_namespace:
        namespace = ""
    elif not isinstance(namespace, str) or not namespace:
        namespace = default_namespace
    shown = name if isinstance(name, str) and name else "(no name)"
    return Findings(document.origin, _printable(str(ObjectRef(kind, namespace, shown))))


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text[:330])


def read_meta(document: Document, findings: Findings, *, default_namespace: str) -> ObjectMeta:
    """Return the validated metadata.

    Args:
        document: the object.
        findings: takes the problems.
        default_namespace: for objects that name none; "" for cluster-scoped kinds.

    Returns:
        What could be read; it is only to be used where `findings` has not failed.
    """
    metadata = document.value.get("metadata")
    path: Path = ("metadata",)
    if not isinstance(metadata, dict):
        what = "is missing" if metadata is None else f"is {type_name(metadata)}, not an object"
        findings.error(path, f"metadata {what}", "add metadata with a name")
        return ObjectMeta("")
    generation = metadata.get("generation")
    finalizers = metadata.get("finalizers")
    return ObjectMeta(
        name=_name(metadata, findings),
        namespace=_namespace(metadata, findings, default_namespace),
        uid=_text(metadata, "uid", findings),
        generation=generation if type(generation) is int else 0,
        resource_version=_text(metadata, "resourceVersion", findings),
        labels=_labels(metadata, findings),
        annotations=read_string_map(metadata, "annotations", findings, check_annotation_key),
        finalizers=tuple(item for item in finalizers if isinstance(item, str))
        if isinstance(finalizers, list)
        else (),
        created_at=parse_timestamp(metadata.get("creationTimestamp")),
        deleted_at=parse_timestamp(metadata.get("deletionTimestamp")),
    )


def _name(metadata: dict[str, Any], findings: Findings) -> str:
    name = _text(metadata, "name", findings)
    path = ("metadata", "name")
    if metadata.get("name") in (None, ""):
        generated = "generateName" in metadata
        remedy = "replace generateName by name" if generated else "give the object a name"
        findings.error(path, "metadata.name is missing", remedy)
    elif name and (wanted := check_subdomain(name)):
        findings.error(path, "the name is not valid", f"it must be {wanted}")
    return name


def _namespace(metadata: dict[str, Any], findings: Findings, default_namespace: str) -> str:
    namespace = _text(metadata, "namespace", findings)
    path = ("metadata", "namespace")
    if not default_namespace:
        if namespace:
            findings.warning(
                path, "the kind is cluster-scoped: its namespace has no effect", "remove it"
            )
        return ""
    if namespace and (wanted := check_label(namespace)):
        findings.error(path, "the namespace is not valid", f"it must be {wanted}")
    return namespace or default_namespace


def _labels(metadata: dict[str, Any], findings: Findings) -> dict[str, str]:
    labels = read_string_map(metadata, "labels", findings, check_label_key)
    for key, value in labels.items():
        if wanted := check_label_value(value):
            path = ("metadata", "labels", key)
            findings.error(path, "the label's value is not valid", f"it must be {wanted}")
    return labels


def _text(metadata: dict[str, Any], name: str, findings: Findings) -> str:
    value = metadata.get(name)
    if value is None or isinstance(value, str):
        return value or ""
    findings.error(
        ("metadata", name), f"expected a string, found {type_name(value)}", "put it in quotes"
    )
    return ""


def read_string_map(
    metadata: dict[str, Any], name: str, findings: Findings, check_key: Callable[[str], str]
) -> dict[str, str]:
    """Return the strings under `metadata.<name>`, each key checked."""
    found = metadata.get(name)
    path: Path = ("metadata", name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        findings.error(path, f"expected an object, found {type_name(found)}")
        return {}
    read: dict[str, str] = {}
    for key, value in found.items():
        if wanted := check_key(key):
            findings.error((*path, key), "the key is not valid", f"it must be {wanted}")
        if value is None or isinstance(value, str):
            read[key] = value or ""
        else:
            findings.error(
                (*path, key),
                f"expected a string, found {type_name(value)}",
                "put the value in quotes",
            )
    return read
