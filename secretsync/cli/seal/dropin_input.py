"""The objects that `seal` is given: Secrets to seal, SealedSecrets to work on.

Any number of documents, JSON or YAML, Lists unpacked. YAML is read as Kubernetes reads
it, so that `yes` and `1.50` where text belongs become other text; kubeseal says nothing
of that, and here each such place is named. A document that cannot be read fails the
call instead of being left out. The YAML reader loads only when the input is not JSON.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from secretsync.cli.seal.console import warn
from secretsync.cli.seal.go_numbers import float_text
from secretsync.cli.seal.plain_yaml import plain_events
from secretsync.errors import InputError
from secretsync.resources.composer import Composed, Path, compose
from secretsync.resources.document_text import decode_text, expand_lists
from secretsync.resources.text_events import Event, EventKind, TextError

__all__ = ["SEALED_SECRET", "Manifest", "read_manifests", "read_sealed_secrets", "read_secrets"]

SEALED_SECRET = ("bitnami.com/v1alpha1", "SealedSecret")
#: Marks the places of a schema where text belongs; `*` stands for any key.
_TEXT = "text"
_BLANK = " \t\r\n"
#: Of numbers that become text, Kubernetes' library keeps what 32 bits can hold.
_FLOAT_BITS = 32

_METADATA: Mapping[str, Any] = {
    **dict.fromkeys(("name", "generateName", "namespace"), _TEXT),
    "labels": {"*": _TEXT},
    "annotations": {"*": _TEXT},
    "finalizers": _TEXT,
}
_SECRET = {
    **dict.fromkeys(("apiVersion", "kind", "type"), _TEXT),
    "metadata": _METADATA,
    "stringData": {"*": _TEXT},
}
_SEALED = {
    "metadata": _METADATA,
    "spec": {
        "encryptedData": {"*": _TEXT},
        "template": {"metadata": _METADATA, "type": _TEXT, "data": {"*": _TEXT}},
    },
}


class Manifest(NamedTuple):
    """One object, and what errors call it."""

    value: dict[str, Any]
    label: str


class _Place(NamedTuple):
    """Where an object was written: the file, and the line of each path in it."""

    file: str
    lines: Mapping[Path, int]


def read_secrets(text: bytes, *, file: str) -> list[Manifest]:
    """Return the Secrets to seal, in their order; kind and apiVersion may be missing.

    Raises:
        InputError: a document cannot be read, or there is none.
    """
    manifests = read_manifests(text, file=file, schema=_SECRET)
    if not manifests:
        raise InputError("no secrets found. Ensure the input is valid and UTF-8 encoded")
    for value, label in manifests:
        kind = value.get("kind")
        if kind not in (None, "", "Secret"):
            warn(f"{label} is of kind {kind}, and is sealed as if it were a Secret")
        for field in ("data", "stringData"):
            entries = value.get(field)
            for key, item in entries.items() if isinstance(entries, dict) else ():
                if item is None:
                    warn(f"{label}: {field}.{key} is null; an empty value is sealed for it")
    return manifests


def read_sealed_secrets(text: bytes, *, file: str) -> list[Manifest]:
    """Return the SealedSecrets, in their order.

    Raises:
        InputError: a document cannot be read or is something else, or there is none.
    """
    manifests = read_manifests(text, file=file, schema=_SEALED)
    if not manifests:
        raise InputError(
            f"{file}: no SealedSecret found", remedy="kubeseal would take this for success"
        )
    for value, label in manifests:
        api_version, kind = value.get("apiVersion"), value.get("kind")
        if (api_version, kind) != SEALED_SECRET:
            raise InputError(
                f'{label}: no kind "{kind or ""}" is registered for version "{api_version or ""}"',
                remedy=f"give objects of kind {SEALED_SECRET[1]}, {SEALED_SECRET[0]}",
            )
    return manifests


def read_manifests(
    text: bytes, *, file: str, schema: Mapping[str, Any] = MappingProxyType({})
) -> list[Manifest]:
    """Return every object of a text, with text where the schema wants it.

    Raises:
        InputError: something in it cannot be read; names file and line.
    """
    try:
        parts = [part for part in _composed(decode_text(text), file) if part.value]
        items = [item for part in parts for item in expand_lists(part)]
    except TextError as exc:
        place = f"{file}: line {exc.line}" if exc.line else file
        raise InputError(f"{place}: {exc.message}", remedy=exc.remedy) from None
    manifests = []
    for number, item in enumerate(items, 1):
        label = file if len(items) == 1 else f"{file}: document {number}"
        if not isinstance(item.value, dict):
            raise InputError(f"{label}: an entry of a List is not an object")
        value = _with_text(item.value, schema, path=(), place=_Place(file, item.lines))
        manifests.append(Manifest(value, label))
    return manifests


def _composed(text: str, file: str) -> list[Composed]:
    if text.lstrip(_BLANK)[:1] in ("{", "["):
        from secretsync.cli.seal.dropin_json import (  # noqa: PLC0415 - as below
            NotJsonError,
            json_parts,
        )

        # No reader of one form loads where only the other is needed: short calls feel it.
        with contextlib.suppress(NotJsonError):  # a YAML flow mapping opens the same way
            return json_parts(text)
    if (events := plain_events(text)) is not None:
        return list(compose(events))
    from secretsync.resources.yaml_events import yaml_events  # noqa: PLC0415 - JSON needs none

    return list(compose(_keys_as_text(yaml_events(text), file)))


def _keys_as_text(events: Iterable[Event], file: str) -> Iterator[Event]:
    """The same events, with keys that YAML takes for numbers or truth values as text."""
    #: For each open map or list: whether a key comes next; None in a list.
    expecting: list[bool | None] = []
    for event in events:
        is_key = bool(expecting and expecting[-1])
        if is_key and event.kind is EventKind.SCALAR and event.value is not None:
            text = _as_text(event.value)
            if text is not event.value:
                where = f"{file}: line {event.line}"
                warn(f"{where}: the key {text} is no text as written; put it in quotes")
            yield event._replace(value=text)
        else:
            yield event
        if event.kind is EventKind.CLOSE:
            expecting.pop()
        elif event.kind in (EventKind.OPEN_MAP, EventKind.OPEN_LIST):
            _step(expecting)
            expecting.append(True if event.kind is EventKind.OPEN_MAP else None)
        elif event.kind is not EventKind.END:
            _step(expecting)


def _step(expecting: list[bool | None]) -> None:
    if expecting and expecting[-1] is not None:
        expecting[-1] = not expecting[-1]


def _with_text(value: Any, schema: Any, *, path: Path, place: _Place) -> Any:
    """A copy in which numbers and truth values are text where the schema says so."""
    if schema == _TEXT and isinstance(value, list):
        return [
            _with_text(item, _TEXT, path=(*path, at), place=place) for at, item in enumerate(value)
        ]
    if schema == _TEXT:
        text = _as_text(value)
        if text is not value:
            _warn_of(value, path, place)
        return text
    if not isinstance(value, dict):
        return value
    wanted = {key: schema.get(key, schema.get("*")) for key in value}
    return {
        key: item
        if wanted[key] is None
        else _with_text(item, wanted[key], path=(*path, key), place=place)
        for key, item in value.items()
    }


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return float_text(value, bits=_FLOAT_BITS)
    return value


def _warn_of(value: Any, path: Path, place: _Place) -> None:
    kind = "true or false" if isinstance(value, bool) else "a number"
    field = ".".join(map(str, path))
    line = place.lines.get(path, 0)
    where = f"{place.file}: line {line}" if line else place.file
    lost = " (digits may be lost)" if isinstance(value, float) else ""
    warn(
        f"{where}: {field} is {kind} as written, and is taken as the text that YAML 1.1 "
        f"makes of it{lost}; put it in quotes"
    )
