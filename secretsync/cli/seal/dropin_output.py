"""Manifests as kubeseal writes them: which field comes first, JSON or YAML.

Neighbours: `yaml_text` knows YAML; `dropin_files` writes the result where it is wanted.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from secretsync.errors import ConfigError

__all__ = ["check_format", "format_of", "json_text", "ordered", "rendered"]

FORMATS = ("json", "yaml")
#: Fields in the order of the Go types; others follow in byte order, as keys of maps do.
_OWNER = ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion")
_MANAGER = (
    *("manager", "operation", "apiVersion", "time", "fieldsType", "fieldsV1", "subresource"),
)
_METADATA: Mapping[str, Any] = {
    **dict.fromkeys(("name", "generateName", "selfLink", "namespace", "uid")),
    **dict.fromkeys(("resourceVersion", "generation", "creationTimestamp")),
    **dict.fromkeys(("deletionTimestamp", "deletionGracePeriodSeconds")),
    "labels": {},
    "annotations": {},
    "ownerReferences": dict.fromkeys(_OWNER),
    "finalizers": None,
    "managedFields": dict.fromkeys(_MANAGER),
}
_CONDITION = ("type", "status", "lastUpdateTime", "lastTransitionTime", "reason", "message")
_ORDER: Mapping[str, Any] = {
    "kind": None,
    "apiVersion": None,
    "metadata": _METADATA,
    "immutable": None,
    "data": {},
    "type": None,
    "spec": {
        "template": {"metadata": _METADATA, "type": None, "immutable": None, "data": {}},
        "data": None,
        "encryptedData": {},
    },
    "status": {"observedGeneration": None, "conditions": dict.fromkeys(_CONDITION)},
}
#: Only these characters of JSON strings are written otherwise than json.dumps does.
_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def check_format(text: str) -> str:
    """Return the output format of that name.

    Raises:
        ConfigError: there is none.
    """
    if text.lower() not in ("", *FORMATS):
        raise ConfigError(f"unsupported output format: {text}", remedy="give json or yaml")
    return text.lower() or "json"


def format_of(options: Any) -> str:
    """Return the format of the output, not yet checked; the file's ending decides first."""
    ending = os.path.splitext(options.sealed_secret_file)[1]  # noqa: PTH122 - pathlib: 4 ms
    return "yaml" if ending in (".yaml", ".yml") else str(options.format)


def rendered(manifest: Mapping[str, Any], form: str) -> bytes:
    """Return a manifest as text in UTF-8.

    Args:
        manifest: JSON values.
        form: json or yaml.
    """
    fields = ordered(manifest)
    if form == "yaml":
        from secretsync.cli.seal.yaml_text import yaml_text  # noqa: PLC0415 - only where asked

        return f"---\n{yaml_text(fields)}".encode("utf-8", "replace")
    return f"{json_text(fields, indent=2)}\n".encode("utf-8", "replace")


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return JSON as Go writes it: `<`, `>` and `&` escaped, for browsers' sake."""
    import json  # noqa: PLC0415 - YAML needs none

    separators = (",", ": ") if indent else (",", ":")
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    return text.translate(_ESCAPES)


def ordered(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a Secret or SealedSecret with its fields in the Go types' order."""
    copied: dict[str, Any] = _ordered(manifest, _ORDER)
    return copied


def _ordered(value: Any, order: Mapping[str, Any] | None) -> Any:
    if isinstance(value, list):
        return [_ordered(item, order) for item in value]
    if not isinstance(value, Mapping):
        return value
    order = order or {}
    keys = [key for key in order if key in value]
    keys += sorted(key for key in value if key not in order)
    return {key: _ordered(value[key], order.get(key)) for key in keys}
