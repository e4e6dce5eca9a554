"""How each store's values are addressed: one row a store, and why it is so.

The rows are External Secrets Operator's own differences between providers. They are kept
because a Secret that it wrote must come out with the same bytes: taking over from it
must rewrite nothing. Adapters give payloads as stored; everything here is the core's.

Neighbours: `property_path` reads this table, and nothing else knows a store's name.

Source: External Secrets Operator 2.9, the providers' GetSecret and GetSecretMap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["DIALECTS", "Dialect", "dialect_of"]


@dataclass(frozen=True, slots=True)
class Dialect:
    r"""How one provider's values are read.

    Args:
        why: the reason of the row.
        address: how a property is found.
            `literal-first`: a property with dots is tried as one key that has them in its
            name, then as a path. `path`: always a path. `member-first`: as a member of the
            map, then as a path. `member-or-head`: as a member with dots in its name, else
            what is before the first dot is a member, and the rest a path in its value.
            `remote`: the service takes the property itself; nothing is selected here.
        values: `bytes`: the payload is anything. `map`: it is a JSON object, which is
            written anew by Go's rules when it is taken whole. `text-map`: the same, all
            members are strings that may hold any byte: those that are not UTF-8 stand as
            Python's surrogateescape has them (`\udc80` to `\udcff`).
        float_numbers: numbers go through float64 where all members become keys.
        json_needed: a property of what is not JSON is an error, not a missing property.
        missing_property_is_absent: a missing property counts as a missing secret, which
            deletionPolicy tolerates.
        empty_find_is_absent: a query that finds nothing counts as a missing secret.
        metadata_sections: metadata is `labels` and `annotations`, whose keys have dots.
        html_escape: `<`, `>` and `&` are escaped where a map is written anew.
    """

    why: str
    address: Literal["literal-first", "path", "member-first", "member-or-head", "remote"]
    values: Literal["bytes", "map", "text-map"] = "bytes"
    float_numbers: bool = False
    json_needed: bool = False
    missing_property_is_absent: bool = False
    empty_find_is_absent: bool = False
    metadata_sections: bool = False
    html_escape: bool = True


_VAULT = Dialect(
    why="a KV entry is a map that Vault's client decodes and ESO marshals again: keys sorted, "
    "compact, HTML escaped; extract unmarshals that once more, into float64, so that "
    "integers beyond 2^53 lose digits there and nowhere else",
    address="member-first",
    values="map",
    float_numbers=True,
    empty_find_is_absent=True,
)

#: By the provider's key in `spec.provider` of a store.
DIALECTS: dict[str, Dialect] = {
    "aws": Dialect(
        why="keys such as `tls.crt` are common in JSON secrets: ESO tries the literal key "
        "first; it does not check that the value is JSON",
        address="literal-first",
    ),
    "gcpsm": Dialect(
        why="as aws, but ESO refuses a property of what is not valid JSON; metadata is two "
        "maps, whose keys have dots and slashes",
        address="literal-first",
        json_needed=True,
        metadata_sections=True,
    ),
    "vault": _VAULT,
    "openBao": _VAULT,
    "kubernetes": Dialect(
        why="the keys of a Secret's data have dots (`tls.crt`): ESO tries the whole property "
        "as a key, then splits it at the first dot; values may be binary",
        address="member-or-head",
        values="text-map",
        metadata_sections=True,
        html_escape=False,
    ),
    "webhook": Dialect(
        why="the property is a part of the templated request; the answer is the value",
        address="remote",
    ),
    "fake": Dialect(
        why="a property is a plain gjson path, and a missing one is a missing secret",
        address="path",
        missing_property_is_absent=True,
    ),
}

#: Of every store without a row.
_PLAIN = Dialect(
    why="no peer to agree with: literal keys first, as for the other stores of files and strings",
    address="literal-first",
)


def dialect_of(provider: str) -> Dialect:
    """Return a provider's row, or that of all who have none."""
    return DIALECTS.get(provider, _PLAIN)
