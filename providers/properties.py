"""One property of a JSON object: read, set, or removed, and the rest left as it is.

Neighbours: adapters that push single properties. Members that are not touched keep their
very bytes, so that no number is respelled.

A property is the name of a member, dots included, if there is such a member; else it is a
path of names with dots between them, where a backslash makes a dot part of a name.

Source: ESO's providers, which set properties by such paths (sjson).
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.base import InvalidRef, MalformedSecret

__all__ = ["property_of", "with_property", "without_property"]

#: Deeper objects are nobody's secret.
_MAX_DEPTH = 32

_Members = dict[str, Any]
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def property_of(payload: bytes, name: str) -> bytes | None:
    """Return a property as it was pushed: text as it is, else its JSON; None for none.

    Raises:
        MalformedSecret: the payload is no JSON object.
    """
    members: _Members | None = _object(payload)
    *outer, last = _path(_object(payload), name)
    for part in outer:
        members = _inner(members.get(part)) if members is not None else None
    raw = members.get(last) if members is not None else None
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=str).encode()
    except msgspec.MsgspecError:
        return bytes(raw)


def with_property(payload: bytes | None, name: str, value: bytes) -> bytes:
    """Return the object with a property set to a text.

    Args:
        payload: the object as it is; None begins one.
        value: UTF-8.

    Raises:
        InvalidRef: the property cannot be set there, or the value is no text.
        MalformedSecret: the payload is no JSON object.
    """
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = None
    if text is None:
        # Outside of the handler: its error holds the value.
        raise InvalidRef(
            "a value that is no UTF-8 text cannot be a property of a JSON object",
            remedy="push it without property, or encode it",
        )
    members = _object(payload) if payload else {}
    return _changed(members, _path(members, name), msgspec.Raw(msgspec.json.encode(text)))


def without_property(payload: bytes, name: str) -> bytes | None:
    """Return the object without a property; None where it has none of that name.

    Raises:
        MalformedSecret: the payload is no JSON object.
    """
    if property_of(payload, name) is None:
        return None
    members = _object(payload)
    return _changed(members, _path(members, name), None)


def _changed(members: _Members, path: list[str], value: msgspec.Raw | None) -> bytes:
    head, rest = path[0], path[1:]
    if rest:
        inner = _inner(members[head]) if head in members else {}
        if inner is None:
            raise InvalidRef("the property leads through something that is no object")
        members[head] = msgspec.Raw(_changed(inner, rest, value))
    elif value is None:
        del members[head]
    else:
        members[head] = value
    return msgspec.json.encode(members)


def _path(members: _Members, name: str) -> list[str]:
    return [name] if name in members else _parts(name)


def _parts(name: str) -> list[str]:
    parts, chars = [""], iter(name)
    for char in chars:
        if char == ".":
            parts.append("")
        else:
            parts[-1] += next(chars, "") if char == "\\" else char
    if not all(parts) or len(parts) > _MAX_DEPTH:
        raise InvalidRef(
            "the property is no path of names with dots between them",
            remedy="correct it; a dot that is part of a name is written with a backslash",
        )
    return parts


def _object(payload: bytes) -> _Members:
    members = _inner(payload)
    if members is None:
        raise MalformedSecret(
            "the secret holds no JSON object, of which a property could be part",
            remedy="push without property, or to another key",
        )
    return members


def _inner(raw: Any) -> _Members | None:
    try:
        return dict(_decode(raw)) if raw is not None else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
