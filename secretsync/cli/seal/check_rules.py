"""What can be told of one SealedSecret without any key. Pure: the object comes in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sealing import InvalidManifest, MalformedValue, Scope
from sealing.encoding import decode_base64
from sealing.envelope import parse_envelope
from sealing.fields import child, text_field, text_map
from sealing.keys import MINIMUM_KEY_BITS
from sealing.manifest_seal import LAST_APPLIED_ANNOTATIONS
from sealing.scopes import CLUSTER_WIDE_ANNOTATION, NAMESPACE_WIDE_ANNOTATION, scope_of
from secretsync.cli.seal.findings import Finding
from secretsync.cli.seal.sealed_objects import Placed, SealedObject, parse_sealed
from secretsync.cli.seal.splicing import Path
from secretsync.cli.seal.value_changes import is_item_key
from secretsync.errors import ConfigError

__all__ = ["finding", "object_findings", "sealed_values"]

_API_VERSION = "bitnami.com/v1alpha1"
_SCOPES = (CLUSTER_WIDE_ANNOTATION, NAMESPACE_WIDE_ANNOTATION)
_SWITCH = frozenset({"true", "false"})


def finding(rule: str, message: str, placed: Placed, path: Path = ()) -> Finding:
    """Return a finding at a field of an object."""
    field = ".".join(str(part) for part in path)
    return Finding(rule, message, placed.file, placed.line_of(path), str(placed), field)


def object_findings(placed: Placed, *, namespace: str) -> tuple[SealedObject | None, list[Finding]]:
    """Check one SealedSecret.

    Args:
        namespace: of an object that names none; "" makes that a finding.

    Returns:
        The object, None where it is too broken to go on with; and the findings.
    """
    try:
        sealed = parse_sealed(placed)
        template = child(child(placed.value, "spec", path="spec"), "template", path="spec.template")
        metadata = child(template, "metadata", path="spec.template.metadata")
        text_map(metadata, "annotations", path="spec.template.metadata.annotations")
    except ConfigError as exc:
        return None, [_malformed(placed, exc.__cause__)]
    except InvalidManifest as exc:
        return None, [_malformed(placed, exc)]
    found = [
        *_place(sealed, namespace),
        *_scope(sealed, metadata),
        *_template(sealed, metadata),
        *_values(sealed),
    ]
    return sealed, found


def _malformed(placed: Placed, exc: object) -> Finding:
    field = exc.field if isinstance(exc, InvalidManifest) else ""
    message = exc.message if isinstance(exc, InvalidManifest) else "cannot be read"
    line = placed.line_of(tuple(field.split("."))) if field else placed.line_of()
    return Finding("malformed-object", message, placed.file, line, str(placed), field)


def _place(sealed: SealedObject, namespace: str) -> Iterator[Finding]:
    placed = sealed.placed
    if placed.value.get("apiVersion") != _API_VERSION:
        yield finding("unknown-version", f"is not {_API_VERSION}", placed, ("apiVersion",))
    if not sealed.name:
        yield finding("missing-name", "metadata.name is missing", placed, ("metadata", "name"))
    if "/" in sealed.namespace:
        yield finding(
            "malformed-object", "a namespace holds no slash", placed, ("metadata", "namespace")
        )
    if not (sealed.namespace or namespace) and sealed.scope is not Scope.CLUSTER_WIDE:
        yield finding(
            "missing-namespace",
            f"metadata.namespace is missing, and scope {sealed.scope} is bound to it",
            placed,
            ("metadata", "namespace"),
        )


def _scope(sealed: SealedObject, template: Mapping[str, Any]) -> Iterator[Finding]:
    placed = sealed.placed
    own: Path = ("metadata", "annotations")
    for name in _SCOPES:
        value = sealed.annotations.get(name)
        if value is not None and value not in _SWITCH:
            yield finding(
                "scope-value",
                f'means nothing; only "true" makes it {name.partition("/")[2]}',
                placed,
                (*own, name),
            )
    if all(sealed.annotations.get(name) == "true" for name in _SCOPES):
        yield finding("both-scopes", "both scopes are set; cluster-wide wins", placed, own)
    annotations = text_map(template, "annotations", path="")
    asked = scope_of(annotations)
    # What the template leaves out is no contradiction: kubeseal's own always has both.
    if asked is not sealed.scope and any(name in annotations for name in _SCOPES):
        yield finding(
            "scope-in-template",
            f"the template says {asked}, the object {sealed.scope}; values open as {sealed.scope}",
            placed,
            ("spec", "template", *own),
        )


def _template(sealed: SealedObject, template: Mapping[str, Any]) -> Iterator[Finding]:
    placed, path = sealed.placed, ("spec", "template", "metadata")
    for key, own in (("name", sealed.name), ("namespace", sealed.namespace)):
        try:
            named = text_field(template, key, path=".".join((*path, key)))
        except InvalidManifest as exc:
            yield _malformed(placed, exc)
            continue
        if named and own and named != own:
            yield finding(
                "template-place",
                f"is another {key} than metadata.{key}; was the SealedSecret moved or renamed?",
                placed,
                (*path, key),
            )
    for where, notes in (
        (("metadata",), sealed.annotations),
        (path, text_map(template, "annotations", path="")),
    ):
        for name in LAST_APPLIED_ANNOTATIONS:
            if notes.get(name):
                yield finding(
                    "last-applied",
                    "holds a copy of a whole object",
                    placed,
                    (*where, "annotations", name),
                )


def _values(sealed: SealedObject) -> Iterator[Finding]:
    placed = sealed.placed
    if sealed.old_form:
        yield finding("old-form", "all values are one blob", placed, ("spec", "data"))
    for path, text in sealed_values(sealed):
        problem = _problem(text)
        if problem:
            yield finding("malformed-value", problem, placed, path)
    for key in sealed.encrypted:
        if not is_item_key(key):
            yield finding(
                "invalid-key", "is no key of a Secret", placed, ("spec", "encryptedData", key)
            )


def sealed_values(sealed: SealedObject) -> Iterator[tuple[Path, Any]]:
    """Yield path and text of each sealed value, as it is written."""
    spec = sealed.placed.value.get("spec") or {}
    if sealed.old_form:
        yield ("spec", "data"), spec["data"]
    for key, text in (spec.get("encryptedData") or {}).items():
        yield ("spec", "encryptedData", key), text


def _problem(text: object) -> str:
    """What is wrong with a sealed value as a text, "" where nothing shows."""
    if not isinstance(text, str):
        return "is not text"
    if not text:
        return "is empty"
    try:
        wrapped_key = parse_envelope(decode_base64(text)).wrapped_key
    except MalformedValue as exc:
        return f"is not a sealed value: {exc}"
    if len(wrapped_key) * 8 < MINIMUM_KEY_BITS:
        return "is not a sealed value: its wrapped key is shorter than any RSA key gives"
    return ""
