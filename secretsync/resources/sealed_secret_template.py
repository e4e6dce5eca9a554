"""`spec.template` of a SealedSecret: what the Secret is given beside its sealed values.

Neighbour: `sealed_secret`, which reads the rest of the object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from secretsync.resources.composer import Path
from secretsync.resources.decode import warn_unknown_fields
from secretsync.resources.findings import Findings
from secretsync.resources.names import (
    check_annotation_key,
    check_label_key,
    check_label_value,
    check_secret_key,
)
from secretsync.resources.object_meta import type_name

__all__ = ["SealedTemplate", "read_template"]

_PATH: Path = ("spec", "template")
_FIELDS = ("metadata", "type", "immutable", "data")
#: They describe another object than the Secret that is made; kubeseal never writes them.
_WITHOUT_EFFECT = ("uid", "resourceVersion", "ownerReferences")


@dataclass(frozen=True, slots=True)
class SealedTemplate:
    """`spec.template`.

    Args:
        type: "" is Opaque for a new Secret.
        data: text by key, each a Go template; None keeps the key out of the Secret.
    """

    type: str = ""
    immutable: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    finalizers: tuple[str, ...] = ()
    data: Mapping[str, str | None] = field(default_factory=dict, repr=False)

    @property
    def hidden_keys(self) -> frozenset[str]:
        """The keys that templates may use and the Secret does not get."""
        return frozenset(key for key, text in self.data.items() if text is None)


def read_template(spec: Mapping[str, Any], findings: Findings) -> SealedTemplate:
    """Return `spec.template`; only to be used where `findings` has not failed."""
    template = _object(spec, "template", _PATH, findings)
    warn_unknown_fields(template, _FIELDS, _PATH, findings)
    path: Path = (*_PATH, "metadata")
    metadata = _object(template, "metadata", path, findings)
    for name in _WITHOUT_EFFECT:
        if metadata.get(name):
            findings.warning((*path, name), f"{name} has no effect here", "remove it")
    labels = _strings(metadata, "labels", path, findings, check_label_key)
    for key, value in labels.items():
        if wanted := check_label_value(value):
            message = "the label's value is not valid"
            findings.error((*path, "labels", key), message, f"it must be {wanted}")
    return SealedTemplate(
        type=_scalar(template, "type", str, findings) or "",
        immutable=_scalar(template, "immutable", bool, findings) or False,
        labels=labels,
        annotations=_strings(metadata, "annotations", path, findings, check_annotation_key),
        finalizers=_finalizers(metadata, path, findings),
        data=_texts(template, findings),
    )


def _object(parent: Mapping[str, Any], name: str, path: Path, findings: Findings) -> dict[str, Any]:
    value = parent.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        findings.error(path, f"expected an object, found {type_name(value)}")
        return {}
    return value


def _scalar(template: Mapping[str, Any], name: str, expected: type, findings: Findings) -> Any:
    value = template.get(name)
    if value is None or type(value) is expected:
        return value
    wanted = "a string" if expected is str else "a boolean"
    findings.error((*_PATH, name), f"expected {wanted}, found {type_name(value)}")
    return None


def _strings(
    metadata: Mapping[str, Any],
    name: str,
    path: Path,
    findings: Findings,
    check_key: Callable[[str], str],
) -> dict[str, str]:
    read: dict[str, str] = {}
    for key, value in _object(metadata, name, (*path, name), findings).items():
        if wanted := check_key(key):
            findings.error((*path, name, key), "the key is not valid", f"it must be {wanted}")
        if value is None or isinstance(value, str):
            read[key] = value or ""
        else:
            message = f"expected a string, found {type_name(value)}"
            findings.error((*path, name, key), message, "put the value in quotes")
    return read


def _finalizers(metadata: Mapping[str, Any], path: Path, findings: Findings) -> tuple[str, ...]:
    value = metadata.get("finalizers")
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        findings.error((*path, "finalizers"), "expected a list of strings")
        return ()
    return tuple(value)


def _texts(template: Mapping[str, Any], findings: Findings) -> dict[str, str | None]:
    path: Path = (*_PATH, "data")
    texts: dict[str, str | None] = {}
    for key, value in _object(template, "data", path, findings).items():
        if value is not None and (wanted := check_secret_key(key)):
            findings.error((*path, key), "the key is not valid", f"it must be {wanted}")
        if value is None or isinstance(value, str):
            texts[key] = value
        else:
            message = f"expected a string, found {type_name(value)}"
            findings.error((*path, key), message, "put the value in quotes")
    return texts
