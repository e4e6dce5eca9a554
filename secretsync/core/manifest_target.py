"""An ExternalSecret's data → an object that is not a Secret (`target.manifest`). Pure.

Without a template the values go to `data` of a ConfigMap, and to `spec.data` of anything
else, as text. A template puts what it renders to `data`, to labels and annotations, or to
any path (`templateFrom[].target: spec.database`), where a map keeps the types of its YAML.

Neighbours: `target_template` does the same for Secrets, and lends its reading of
`templateFrom`; `refresh.manifest_targets` writes the object.

Source: External Secrets Operator 2.9, guide "Targeting Custom Resources"; where it leaves
metadata of the template unrendered, ours renders it, as for Secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.base import SecretBytes
from secretsync.core.errors import CoreError
from secretsync.core.target_template import TargetTemplateError, Texts, decoded, texts_of
from secretsync.core.templates.limits import TemplateLimit
from secretsync.core.templates.yaml_reading import YamlProblem, read_map
from secretsync.core.templating import Rendering, rendering
from secretsync.resources.external_secret import ExternalSecret
from secretsync.resources.external_secret_manifest import path_segments
from secretsync.resources.external_secret_template import Template, TemplateFrom
from secretsync.resources.findings import field_path
from secretsync.resources.names import MANAGED_TARGET_LABEL

__all__ = ["manifest_object"]

_TEMPLATE = ("spec", "target", "template")
_PLACES: Mapping[str, tuple[str | int, ...]] = {
    "data": ("data",),
    "labels": ("metadata", "labels"),
    "annotations": ("metadata", "annotations"),
}
#: The most that an API server takes.
_MAX_BYTES = 1024 * 1024


def manifest_object(
    item: ExternalSecret, data: Mapping[str, SecretBytes], texts: Texts
) -> dict[str, Any]:
    """Return the object that should be.

    Args:
        item: with a `target.manifest`.
        data: what the provider gave.
        texts: of `templateFrom`, an entry a source.

    Raises:
        TargetTemplateError: a value is no text, a template fails, or makes something
            that has no place there; no message holds a value.
    """
    manifest = item.target.manifest
    if manifest is None:
        raise AssertionError("only asked of an ExternalSecret with a manifest")
    obj: dict[str, Any] = {
        "apiVersion": manifest.api_version,
        "kind": manifest.kind,
        "metadata": {
            "name": item.target.name,
            "namespace": item.meta.namespace,
            "labels": {},
            "annotations": {},
        },
    }
    template = item.target.template
    if template is None or template.merge_policy == "Merge":
        place = ("data",) if manifest.kind == "ConfigMap" else ("spec", "data")
        _put(obj, place, {key: _text(key, value.reveal()) for key, value in data.items()}, "data")
    if template is not None:
        values = rendering({key: value.reveal() for key, value in data.items()})
        _render(obj, template, texts, values)
    obj["metadata"]["labels"][MANAGED_TARGET_LABEL] = "true"
    return obj


def _render(obj: dict[str, Any], template: Template, texts: Texts, values: Rendering) -> None:
    left = _MAX_BYTES
    for entry in template.template_from:
        for path, key, text, scope in texts_of(entry, texts):
            made = _rendered(values, path, key, text)
            left = _pay(path, left, made)
            _put(obj, _place(entry.target), _found(path, key, made, entry, scope, values), path)
    pairs = (
        (("data",), template.data),
        (("metadata", "labels"), template.metadata.labels),
        (("metadata", "annotations"), template.metadata.annotations),
    )
    for place, entries in pairs:
        for key, text in entries:
            path = field_path((*_TEMPLATE, *place, key))
            made = _rendered(values, path, key, text)
            left = _pay(path, left, made)
            _put(obj, place, {key: _text(path, made)}, path)


def _rendered(values: Rendering, path: str, key: str, text: str) -> bytes:
    try:
        return values.render(key, text)
    except CoreError as exc:
        problem, remedy = exc.message, exc.remedy
    raise TargetTemplateError(path, problem, remedy=remedy)


def _pay(path: str, left: int, made: bytes) -> int:
    if len(made) > left:
        raise TargetTemplateError(path, "the templates make more than 1 MiB")
    return left - len(made)


def _found(
    path: str, key: str, made: bytes, entry: TemplateFrom, scope: str, values: Rendering
) -> dict[str, Any]:
    """Return what one text of `templateFrom` adds, key by key."""
    strategy = entry.values_decoding_strategy
    if scope == "Values":
        return {key: _text(path, decoded(path, made, strategy))}
    try:
        found = read_map(_text(path, made), values.pay)
    except TemplateLimit:
        problem = "too many values"
    except YamlProblem as exc:
        problem = str(exc)
    else:
        plain = entry.target.lower() in _PLACES
        return {
            name: _plain(path, value, strategy) if plain else value for name, value in found.items()
        }
    raise TargetTemplateError(
        path, f"what it renders to is not a YAML map: {problem}", remedy="write KEY: VALUE lines"
    )


def _plain(path: str, value: Any, strategy: str) -> str:
    """Return a value as the text that data, labels and annotations hold."""
    if isinstance(value, dict | list):
        raise TargetTemplateError(
            path, "a value of the map is no text", remedy="quote it, or set target to a path"
        )
    shown = ("true" if value else "false") if isinstance(value, bool) else value
    text = "" if shown is None else str(shown)
    return _text(path, decoded(path, text.encode(), strategy))


def _text(path: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        pass
    raise TargetTemplateError(
        path, "the value is not UTF-8 text", remedy="have a Secret made: only that holds bytes"
    )


def _place(target: str) -> tuple[str | int, ...]:
    place = _PLACES.get(target.lower() or "data") or path_segments(target)
    if place is None:
        raise AssertionError("check_manifest lets no other path pass")
    return place


def _put(
    obj: dict[str, Any], place: tuple[str | int, ...], found: dict[str, Any], path: str
) -> None:
    """Merge a map into the object at a place, making what is missing on the way."""
    at: Any = obj
    for segment, following in zip(place, (*place[1:], ""), strict=True):
        at = _step(at, segment, [] if isinstance(following, int) else {}, path)
    if not isinstance(at, dict):
        raise TargetTemplateError(path, "a list is already where its map should go")
    _merge(at, found)


def _step(at: Any, segment: str | int, missing: Any, path: str) -> Any:
    if isinstance(segment, str):
        if isinstance(at, dict):
            return at.setdefault(segment, missing)
    elif isinstance(at, list):
        if segment == len(at):
            at.append(missing)
        if segment < len(at):
            return at[segment]
    raise TargetTemplateError(
        path,
        "its target does not fit what is already there",
        remedy="begin lists at [0] and leave none out",
    )


def _merge(into: dict[str, Any], found: dict[str, Any]) -> None:
    for key, value in found.items():
        before = into.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            _merge(before, value)
        else:
            into[key] = value
