"""Which versions of the external-secrets.io kinds are read."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from secretsync.resources.composer import Path
from secretsync.resources.decode import warn_unknown_fields
from secretsync.resources.documents import Document
from secretsync.resources.findings import Findings
from secretsync.resources.object_meta import type_name

__all__ = ["ESO_GROUP", "V1", "V1BETA1", "check_api_version", "only_in_v1", "read_spec"]

ESO_GROUP = "external-secrets.io"
V1 = f"{ESO_GROUP}/v1"
V1BETA1 = f"{ESO_GROUP}/v1beta1"

_TOP_LEVEL = ("apiVersion", "kind", "metadata", "spec", "status")


def check_api_version(document: Document, findings: Findings, *kinds: str) -> str:
    """Return the apiVersion of an object of one of these kinds; others are an error."""
    api_version, kind = document.value.get("apiVersion"), document.value.get("kind")
    if kind not in kinds:
        findings.error(("kind",), f"kind must be {' or '.join(kinds)}", "correct the kind")
    if not isinstance(api_version, str) or api_version not in (V1, V1BETA1):
        old = api_version == f"{ESO_GROUP}/v1alpha1"
        findings.error(
            ("apiVersion",),
            f"{kind} v1alpha1 is no longer served" if old else "apiVersion is not one that is read",
            f"change apiVersion to {V1}, and check the fields against that version"
            if old
            else f"use {V1} or {V1BETA1}",
        )
        return ""
    return api_version


def read_spec(document: Document, findings: Findings) -> dict[str, Any]:
    """Return `spec`; without one, an error and an empty object."""
    warn_unknown_fields(document.value, _TOP_LEVEL, (), findings)
    spec = document.value.get("spec")
    if isinstance(spec, dict):
        return spec
    what = "is missing" if spec is None else f"is {type_name(spec)}, not an object"
    findings.error(("spec",), f"spec {what}", "add a spec")
    return {}


def only_in_v1(
    spec: dict[str, Any],
    patterns: tuple[str, ...],
    findings: Findings,
    *,
    values: Collection[str] = (),
) -> None:
    """Refuse fields that v1beta1 lacks, or values of fields that it has.

    Args:
        spec: as written.
        patterns: dotted paths below `spec`; `[]` after a name stands for every entry.
        findings: takes an error for each use.
        values: of the fields, that v1beta1 lacks; none: it lacks the fields themselves.
    """
    for pattern in patterns:
        for path, value in _matches(spec, tuple(pattern.split(".")), ("spec",)):
            if not values:
                findings.error(path, f"{path[-1]} needs {V1}", f"change apiVersion to {V1}")
            elif value in values:
                findings.error(path, f"{value} needs {V1}", f"change apiVersion to {V1}")


def _matches(value: Any, names: tuple[str, ...], path: Path) -> list[tuple[Path, Any]]:
    if not names:
        return [(path, value)] if value not in (None, "", [], {}) else []
    name = names[0].removesuffix("[]")
    found = value.get(name) if isinstance(value, dict) else None
    if name == names[0]:
        return _matches(found, names[1:], (*path, name))
    entries = found if isinstance(found, list) else []
    return [
        match
        for index, entry in enumerate(entries)
        for match in _matches(entry, names[1:], (*path, name, index))
    ]
