"""The plain Kubernetes objects that stores need: Secrets, ConfigMaps and Namespaces."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.base import SecretBytes
from secretsync.resources.documents import Document
from secretsync.resources.findings import Findings
from secretsync.resources.meta import ObjectMeta, ObjectRef
from secretsync.resources.names import check_secret_key
from secretsync.resources.object_meta import object_findings, read_meta, type_name
from secretsync.resources.parsed import Parsed

__all__ = [
    "ConfigMapManifest",
    "NamespaceManifest",
    "SecretManifest",
    "parse_config_map",
    "parse_namespace",
    "parse_secret",
]


#: Kubernetes' own limit on the data of a Secret or a ConfigMap.
MAX_SECRET_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SecretManifest:
    """A `v1` Secret as a file brings it; stores authenticate with such Secrets."""

    meta: ObjectMeta
    type: str = "Opaque"
    data: Mapping[str, SecretBytes] = field(default_factory=dict)

    @property
    def ref(self) -> ObjectRef:
        """The object's own reference."""
        return ObjectRef("Secret", self.meta.namespace, self.meta.name)


@dataclass(frozen=True, slots=True)
class ConfigMapManifest:
    """A `v1` ConfigMap as a file brings it: configuration of stores, texts of templates."""

    meta: ObjectMeta
    data: Mapping[str, str] = field(default_factory=dict)

    @property
    def ref(self) -> ObjectRef:
        """The object's own reference."""
        return ObjectRef("ConfigMap", self.meta.namespace, self.meta.name)


@dataclass(frozen=True, slots=True)
class NamespaceManifest:
    """A `v1` Namespace; conditions of stores look at its labels."""

    meta: ObjectMeta

    @property
    def ref(self) -> ObjectRef:
        """The object's own reference."""
        return ObjectRef("Namespace", "", self.meta.name)


def parse_namespace(document: Document) -> Parsed[NamespaceManifest]:
    """Parse one Namespace."""
    findings = object_findings(document)
    meta = read_meta(document, findings, default_namespace="")
    return Parsed(None if findings.failed else NamespaceManifest(meta), findings.problems)


def parse_secret(document: Document, *, default_namespace: str) -> Parsed[SecretManifest]:
    """Parse one Secret; `stringData` wins over `data`, as in Kubernetes.

    Args:
        document: a `v1` Secret.
        default_namespace: of a Secret that names none.
    """
    findings = object_findings(document, default_namespace=default_namespace)
    meta = read_meta(document, findings, default_namespace=default_namespace)
    kind = document.value.get("type")
    if kind is not None and not isinstance(kind, str):
        findings.error(("type",), f"expected a string, found {type_name(kind)}")
    data: dict[str, SecretBytes] = {}
    for key, text in _strings(document, "data", findings):
        decoded = _decoded(text)
        if decoded is None:
            findings.error(
                ("data", key), "not base64", "encode the value, or put it under stringData"
            )
        else:
            data[key] = SecretBytes(decoded)
    for key, text in _strings(document, "stringData", findings):
        data[key] = SecretBytes(text.encode())
    if sum(len(value.reveal()) for value in data.values()) > MAX_SECRET_BYTES:
        findings.error((), "the Secret is larger than 1 MiB", "split it; no API server takes it")
    value = SecretManifest(meta, str(kind or "Opaque"), data)
    return Parsed(None if findings.failed else value, findings.problems)


def parse_config_map(document: Document, *, default_namespace: str) -> Parsed[ConfigMapManifest]:
    """Parse one ConfigMap; `binaryData` holds no text, and so nothing that is looked at.

    Args:
        document: a `v1` ConfigMap.
        default_namespace: of a ConfigMap that names none.
    """
    findings = object_findings(document, default_namespace=default_namespace)
    meta = read_meta(document, findings, default_namespace=default_namespace)
    data = dict(_strings(document, "data", findings))
    if sum(len(text.encode()) for text in data.values()) > MAX_SECRET_BYTES:
        findings.error((), "the ConfigMap is larger than 1 MiB", "split it; no API server takes it")
    value = ConfigMapManifest(meta, data)
    return Parsed(None if findings.failed else value, findings.problems)


def _strings(document: Document, name: str, findings: Findings) -> list[tuple[str, str]]:
    found: Any = document.value.get(name)
    if found is not None and not isinstance(found, dict):
        findings.error((name,), f"expected an object, found {type_name(found)}")
    strings: list[tuple[str, str]] = []
    for key, value in found.items() if isinstance(found, dict) else ():
        if wanted := check_secret_key(key):
            findings.error((name, key), "the key is not valid", f"it must be {wanted}")
        if value is None or isinstance(value, str):
            strings.append((key, value or ""))
        else:
            message = f"expected a string, found {type_name(value)}"
            findings.error((name, key), message, "put the value in quotes")
    return strings


def _decoded(text: str) -> bytes | None:
    """Decode standard base64, in which Kubernetes ignores line breaks; None if it is none."""
    try:
        raw = text.replace("\r", "").replace("\n", "").encode("ascii")
        return binascii.a2b_base64(raw, strict_mode=True)
    except ValueError:  # binascii.Error and UnicodeEncodeError are both
        return None
