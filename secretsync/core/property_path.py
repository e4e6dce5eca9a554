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

from dataclasses import dataclass, field

from secretsync.core.errors import PropertyMissing, UnmarshalError
from secretsync.core.gjson_eval import evaluate
from secretsync.core.json_strict import object_members
from secretsync.core.json_text import go_string, text_of

__all__ = ["DIALECTS", "Dialect", "Match", "extract_map", "get", "select_property"]


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


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one provider's properties are addressed in ESO.

    Args:
        literal_key_first: a property with dots is tried as one key that has them in
            its name, before it is taken for a path.
    """

    literal_key_first: bool


#: By the provider's key in `spec.provider` of a store.
DIALECTS: dict[str, Dialect] = {
    "aws": Dialect(literal_key_first=True),
}


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
        dialect: the provider's key, one of `DIALECTS`.
        key: the provider key of the secret, for the message.

    Raises:
        PropertyMissing: the value has no such property.
        PropertyPathLimit: as `get`.
        KeyError: there is no such dialect.

    Source: External Secrets Operator 2.9, provider `aws`.
    """
    found = None
    if DIALECTS[dialect].literal_key_first and "." in property_path:
        found = get(raw, property_path.replace(".", "\\."))
    if found is None:
        found = get(raw, property_path)
    if found is None:
        raise PropertyMissing(property_path, key)
    return found.text()


def extract_map(raw: bytes) -> dict[str, bytes]:
    """Return the members of a JSON object as `dataFrom.extract` takes them.

    A string without quotes and escapes, null as nothing, anything else as in the
    source. Of several members with one key the last counts. Top-level `null` is an
    error here; ESO takes it for an object without members, which would empty a Secret.

    Raises:
        UnmarshalError: the value is not valid JSON, or not an object.

    Source: External Secrets Operator 2.9, provider `aws`; Go encoding/json.
    """
    try:
        return {go_string(key): _member_text(value) for key, value in object_members(raw)}
    except ValueError as exc:
        raise UnmarshalError(str(exc)) from exc


def _member_text(value: bytes) -> bytes:
    if value[:1] == b'"':
        return go_string(value[1:-1]).encode()
    return b"" if value == b"null" else value
