r"""Property addressing: what `remoteRef.property` and `dataFrom.extract` take from a value.

Paths are gjson's: dotted keys, array indexes, `#` and `#.f`, queries `#(f=="x")`, `*`
and `?`, `\` escapes, `|`, modifiers, multipaths and literals. Results are the exact
bytes of the source, so that nothing is lost by reading and writing JSON again.
Neighbours: `gjson_eval` does the work; `materialize` calls this for every item.

Where this differs from gjson v1.18.0:

- Malformed JSON is read as leniently, but not always with the same result. That includes
  a search inside a JSON string, which is what a path after `@tostr` does.
- A path of more than 4096 bytes, a path that walks down more than 64 levels, and work
  out of proportion to the document are refused with `PropertyPathLimit`.
- Wildcards always finish; gjson gives up on a pattern that costs too much.
- `@pretty` with `sortKeys` keeps members with equal keys in source order.
- `@valid` and `@fromstr` take JSON nested deeper than 10,000 levels for invalid.
- Modifiers cannot be added or switched off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from secretsync.core.dialects import Dialect, dialect_of
from secretsync.core.errors import PropertyMissing, UnmarshalError
from secretsync.core.gjson_eval import evaluate
from secretsync.core.go_json import marshal, member_text, unmarshal
from secretsync.core.json_strict import object_members, valid
from secretsync.core.json_text import go_string, text_of

__all__ = ["Match", "extract_map", "get", "select_metadata", "select_property", "whole_value"]


@dataclass(frozen=True, slots=True)
class Match:
    """A value that a path selected; repr does not show it, it may be a secret.

    Args:
        raw: its bytes exactly as in the source, or as a modifier made them.
    """

    raw: bytes = field(repr=False)

    def text(self) -> bytes:
        """Return the value as text.

        A string without quotes and escapes; an object or array as in the source,
        whitespace kept; `true`, `false`; an integer as in the source, any other
        number in shortest decimal form (1.50 → 1.5, 1e3 → 1000); null as nothing.
        """
        return text_of(self.raw)


def get(json_bytes: bytes, path: str) -> Match | None:
    """Return what a gjson path selects, or None if it selects nothing.

    Args:
        json_bytes: any bytes; what is not JSON has no properties.
        path: any text.

    Raises:
        PropertyPathLimit: the path is too long, too deep or asks for too much work.

    Source: behaviour of github.com/tidwall/gjson v1.18.0.
    """
    raw = evaluate(json_bytes, path.encode("utf-8", "surrogatepass"))
    return None if raw is None else Match(raw)


def select_property(raw: bytes, property_path: str, *, dialect: str, key: str = "") -> bytes:
    """Return the text of one property of a secret value.

    Args:
        raw: the value as the provider gave it.
        property_path: `remoteRef.property`.
        dialect: the provider's key, one of `dialects.DIALECTS`.
        key: the provider key of the secret, for the message.

    Raises:
        PropertyMissing: the value has no such property.
        UnmarshalError: the value is not JSON, and the dialect needs it to be.
        PropertyPathLimit: as `get`.
        KeyError: there is no such dialect.

    Source: External Secrets Operator 2.9, the providers' GetSecret.
    """
    row = dialect_of(dialect)
    if row.address == "remote":
        return raw
    if row.json_needed and not valid(raw):
        raise UnmarshalError("the value is not valid JSON, so it has no properties")
    found = _ADDRESS[row.address](raw, property_path, row)
    if found is None:
        raise PropertyMissing(
            property_path, key, certain=valid(raw), absent=row.missing_property_is_absent
        )
    return found


def _literal_first(raw: bytes, path: str, _row: Dialect) -> bytes | None:
    found = get(raw, path.replace(".", "\\.")) if "." in path else None
    return _text(found or get(raw, path))


def _path(raw: bytes, path: str, _row: Dialect) -> bytes | None:
    return _text(get(raw, path))


def _member_first(raw: bytes, path: str, row: Dialect) -> bytes | None:
    members = _map(raw)
    if path in members:
        return member_text(members[path], floats=False)
    return _text(get(marshal(members, html=row.html_escape), path))


def _member_or_head(raw: bytes, path: str, _row: Dialect) -> bytes | None:
    members = _map(raw)
    if path in members:
        return _any_bytes(members[path])
    head, dot, tail = path.partition(".")
    if not dot or head not in members:
        return None
    return _text(get(_any_bytes(members[head]), tail))


_ADDRESS: dict[str, Callable[[bytes, str, Dialect], bytes | None]] = {
    "literal-first": _literal_first,
    "path": _path,
    "member-first": _member_first,
    "member-or-head": _member_or_head,
}


def _text(match: Match | None) -> bytes | None:
    return None if match is None else match.text()


def _map(raw: bytes) -> dict[str, Any]:
    try:
        members = unmarshal(raw)
    except ValueError as exc:
        raise UnmarshalError(str(exc)) from exc
    if not isinstance(members, dict):
        raise UnmarshalError("the value is JSON but not an object")
    return members


def _any_bytes(value: Any) -> bytes:
    """Return a member of a text map; bytes that are not UTF-8 stand as lone surrogates."""
    if not isinstance(value, str):
        return member_text(value, floats=False)
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return value.encode("utf-8", "replace")


def select_metadata(raw: bytes, property_path: str, *, dialect: str, key: str = "") -> bytes:
    """Return one property of a secret's metadata (`metadataPolicy: Fetch`).

    Args:
        raw: the JSON object that the provider gave.
        property_path: a tag, or where there are sections, `labels`, `labels.x` or
            `annotations.x`, where x is a key with whatever dots it has.
        dialect: the provider's key.
        key: the provider key of the secret, for the message.

    Raises:
        PropertyMissing: there is none.
        UnmarshalError: the metadata is not an object.
        KeyError: there is no such dialect.
    """
    members = _map(raw)
    found = None
    if property_path in members:
        found = member_text(members[property_path], floats=False)
    elif dialect_of(dialect).metadata_sections:
        section, _, name = property_path.partition(".")
        inner = members.get(section)
        if isinstance(inner, dict) and name in inner:
            found = member_text(inner[name], floats=False)
    else:
        found = _text(get(raw, property_path))
    if found is None:
        raise PropertyMissing(property_path, key, certain=True)
    return found


def whole_value(raw: bytes, *, dialect: str) -> bytes:
    """Return a secret value that is taken as a whole.

    Args:
        raw: the value as the provider gave it.
        dialect: the provider's key.

    Raises:
        UnmarshalError: the provider's values are maps, and this is none.
        KeyError: there is no such dialect.
    """
    row = dialect_of(dialect)
    return raw if row.values == "bytes" else marshal(_map(raw), html=row.html_escape)


def extract_map(raw: bytes, *, dialect: str = "aws", selected: bool = False) -> dict[str, bytes]:
    """Return the members of a JSON object as `dataFrom.extract` takes them.

    A string without quotes and escapes, null as nothing, anything else as in the
    source, or written anew where the dialect's values are maps. Of several members with
    one key the last counts. Top-level `null` is an error here; ESO takes it for an object
    without members, which would empty a Secret.

    Args:
        raw: the value as the provider gave it.
        dialect: the provider's key.
        selected: a property was selected before: the value is plain JSON then.

    Raises:
        UnmarshalError: the value is not valid JSON, or not an object.
        KeyError: there is no such dialect.

    Source: External Secrets Operator 2.9, the providers' GetSecretMap; Go encoding/json.
    """
    row = dialect_of(dialect)
    if row.values == "text-map" and not selected:
        return {_key(name): _any_bytes(value) for name, value in _map(raw).items()}
    if row.values == "map":
        floats = row.float_numbers
        try:
            return {
                _key(name): member_text(value, floats=floats) for name, value in _map(raw).items()
            }
        except ValueError as exc:
            raise UnmarshalError(str(exc)) from exc
    try:
        return {go_string(name): _member_text(value) for name, value in object_members(raw)}
    except ValueError as exc:
        raise UnmarshalError(str(exc)) from exc


def _key(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _member_text(value: bytes) -> bytes:
    if value[:1] == b'"':
        return go_string(value[1:-1]).encode()
    return b"" if value == b"null" else value
