r"""One property of a JSON object, set and removed: what pushes with `property` need.

Neighbours: adapters whose service keeps one payload a secret and that push. All else in the
object stays as it is, digits of numbers included; blanks between do not. Pure.

A property is a path: parts between dots, `\.` for a dot that is part of a name, a leading
`:` before a number that is a name and no place in a list.

Source: tidwall/sjson, "Path syntax", which External Secrets Operator pushes with.
"""

from __future__ import annotations

import json
from typing import Any

from providers.base import InvalidRef, MalformedSecret
from providers.showing import shown

__all__ = ["has_property", "with_property", "without_property"]

#: Deeper paths are a mistake; also bounds the recursion of writing.
_MAX_PARTS = 32
_QUERY_CHARS = "*?|#@"


class _Number(str):
    """A number in the digits that the payload writes it with."""

    __slots__ = ()


def with_property(payload: bytes | None, path: str, value: bytes) -> bytes:
    """Return the payload with a property set to a text.

    Args:
        payload: a JSON object; None or nothing for a new one.
        path: of the property; objects on the way are made where they are missing.
        value: must be UTF-8.

    Returns:
        The very same payload if the property has that value already.

    Raises:
        InvalidRef: the path or the value cannot be written.
        MalformedSecret: the payload is no JSON object, or holds something else on the way.
    """
    parts = _parts(path)
    try:
        text = value.decode()
    except UnicodeDecodeError:
        # The exception holds the value and must not get out.
        text = None
    if text is None:
        raise InvalidRef(
            f'the value for property "{shown(path)}" is binary, which JSON cannot hold',
            remedy="push it without a property, or encode it",
        )
    root = _object(payload) if payload else {}
    holder = _made_holder(root, parts, path)
    if payload and _is_text(holder.get(parts[-1]), text):
        return payload
    holder[parts[-1]] = text
    return _written(root)


def without_property(payload: bytes, path: str) -> bytes | None:
    """Return the payload without a property; None if it does not have it.

    Objects that are empty afterwards stay, the outermost included: it is `{}`.

    Raises:
        InvalidRef: the path cannot be followed.
        MalformedSecret: the payload is no JSON object.
    """
    parts = _parts(path)
    root = _object(payload)
    holder = _holder(root, parts)
    if holder is None or parts[-1] not in holder:
        return None
    del holder[parts[-1]]
    return _written(root)


def has_property(payload: bytes, path: str) -> bool:
    """Return whether the payload is a JSON object with that property.

    Raises:
        InvalidRef: the path cannot be followed.
    """
    parts = _parts(path)
    try:
        holder = _holder(_object(payload), parts)
    except MalformedSecret:
        return False
    return holder is not None and parts[-1] in holder


def _parts(path: str) -> list[str]:
    parts, part, escaped = [], "", False
    for char in path:
        if not escaped and char == "\\":
            escaped = True
            continue
        if not escaped and char == ".":
            parts.append(part)
            part = ""
            continue
        if not escaped and (char in _QUERY_CHARS or (char in "[{" and not part)):
            raise InvalidRef(
                f'property "{shown(path)}" is a query; a push needs one place',
                remedy=f'write "\\{char}" where the character is part of a name',
            )
        part += char
        escaped = False
    parts.append(part)
    if "" in parts or escaped or len(parts) > _MAX_PARTS:
        raise InvalidRef(
            f'property "{shown(path)}" is no path', remedy="name the parts between dots, as in a.b"
        )
    if any(part.lstrip("-").isdigit() for part in parts):
        raise InvalidRef(
            f'property "{shown(path)}" names a place in a list, which is not pushed to',
            remedy='write ":" before a number that is a name',
        )
    return [part[1:] if part[0] == ":" and part[1:].isdigit() else part for part in parts]


def _object(payload: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(
            payload, parse_int=_Number, parse_float=_Number, parse_constant=_refused
        )
    except (ValueError, RecursionError):
        # The exception holds the payload and must not get out.
        parsed = None
    if isinstance(parsed, dict):
        return parsed
    raise MalformedSecret(
        "what the service holds is no JSON object, so no property of it can be pushed",
        remedy="push without a property, or to another key",
    )


def _refused(constant: str) -> None:
    raise ValueError(constant)


def _holder(root: dict[str, Any], parts: list[str]) -> dict[str, Any] | None:
    """Return the object that holds the last part; None if there is none."""
    at = root
    for part in parts[:-1]:
        step = at.get(part)
        if not isinstance(step, dict):
            return None
        at = step
    return at


def _made_holder(root: dict[str, Any], parts: list[str], path: str) -> dict[str, Any]:
    """Return the object that holds the last part; made if nothing is in its place."""
    at = root
    for part in parts[:-1]:
        step = at.setdefault(part, {})
        if not isinstance(step, dict):
            raise MalformedSecret(
                f'on the way to property "{shown(path)}" the service holds what is no object',
                remedy="push to another property",
            )
        at = step
    return at


def _is_text(held: Any, text: str) -> bool:
    return isinstance(held, str) and not isinstance(held, _Number) and held == text


def _written(value: Any) -> bytes:
    try:
        return _text(value).encode()
    except UnicodeEncodeError:
        pass
    # Outside of the handler: the exception holds the payload.
    raise MalformedSecret("what the service holds is text that is not UTF-8")


def _text(value: Any) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(key)}:{_text(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
