"""Reading fields of manifests: plain dictionaries whose every part may be wrong.

Neighbours: `manifest_seal`, `manifest_unseal`, `keyring`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sealing.encoding import decode_base64
from sealing.errors import InvalidManifest, MalformedValue

__all__ = ["child", "data_field", "metadata_copy", "optional_bool", "text_field", "text_map"]

#: All that may be carried over, in the order of the API's own encoder. What the API
#: server writes (uid, resourceVersion, creationTimestamp…) and unknown fields stay behind.
_METADATA_ORDER = (
    "name",
    "generateName",
    "namespace",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)
_TEXT_FIELDS = ("name", "generateName", "namespace")
_MAP_FIELDS = ("labels", "annotations")


def child(parent: Mapping[str, Any], key: str, *, path: str) -> Mapping[str, Any]:
    """Return the mapping under `key`; absent and null are empty.

    Args:
        path: of the child, for the error.

    Raises:
        InvalidManifest: it is something else than a mapping with text keys.
    """
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidManifest(f"must be a mapping, is {_kind(value)}", field=path)
    for name in value:
        if not isinstance(name, str):
            raise InvalidManifest(f"a key is {_kind(name)}; put it in quotes", field=path)
        if not _is_unicode(name):
            raise InvalidManifest("a key holds half of a surrogate pair", field=path)
    return value


def text_field(parent: Mapping[str, Any], key: str, *, path: str) -> str:
    """Return the text under `key`; absent and null are "".

    Raises:
        InvalidManifest: it is something else than text.
    """
    value = parent.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidManifest(f"must be text, is {_kind(value)}; put it in quotes", field=path)
    if not _is_unicode(value):
        raise InvalidManifest("holds half of a surrogate pair, which is no character", field=path)
    return value


def text_map(parent: Mapping[str, Any], key: str, *, path: str) -> dict[str, str]:
    """Return the mapping of text to text under `key`, keys in order; null values are "".

    Raises:
        InvalidManifest: it is something else.
    """
    value = child(parent, key, path=path)
    return {name: text_field(value, name, path=f"{path}.{name}") for name in sorted(value)}


def data_field(parent: Mapping[str, Any], *, path: str) -> dict[str, bytes]:
    """Return a Secret's `data`, decoded.

    Raises:
        InvalidManifest: a value is not base64.
    """
    decoded = {}
    for name, text in text_map(parent, "data", path=path).items():
        try:
            decoded[name] = decode_base64(text)
        except MalformedValue as exc:
            raise InvalidManifest(
                f"{exc}; put plain text under stringData", field=f"{path}.{name}"
            ) from exc
    return decoded


def optional_bool(parent: Mapping[str, Any], key: str, *, path: str) -> bool | None:
    """Return the truth value under `key`, None where there is none.

    Raises:
        InvalidManifest: it is something else than true or false.
    """
    value = parent.get(key)
    if value is not None and not isinstance(value, bool):
        raise InvalidManifest(f"must be true or false, is {_kind(value)}", field=path)
    return value


def metadata_copy(parent: Mapping[str, Any], *, path: str, drop: frozenset[str]) -> dict[str, Any]:
    """Return a checked copy of what may be carried over of `metadata`, without empty fields.

    Args:
        path: of the metadata.
        drop: further fields to leave out.

    Raises:
        InvalidManifest: a name, label or annotation is not text.
    """
    metadata = child(parent, "metadata", path=path)
    known: dict[str, Any] = {}
    for key in _METADATA_ORDER:
        if key in _MAP_FIELDS:
            known[key] = text_map(metadata, key, path=f"{path}.{key}")
        elif key in _TEXT_FIELDS:
            known[key] = text_field(metadata, key, path=f"{path}.{key}")
        else:
            known[key] = _sequence(metadata, key, path=f"{path}.{key}")
    return {key: value for key, value in known.items() if value and key not in drop}


def _sequence(parent: Mapping[str, Any], key: str, *, path: str) -> list[Any]:
    value = parent.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidManifest(f"must be a list, is {_kind(value)}", field=path)
    return list(value)


def _is_unicode(text: str) -> bool:
    """Whether UTF-8 can hold the text; JSON can spell what it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(value: object) -> str:
    """What a value is, in a manifest's words; never the value."""
    names = {bool: "true or false", int: "a number", float: "a number", str: "text"}
    return names.get(type(value)) or ("a list" if isinstance(value, list) else "something else")
