"""How a parameter is named: names, ARNs, selectors, and what a version of it is called.

Neighbours: `parameter_reading` asks and matches with these, `parameter_listing` lists.
Pure.

A parameter counts its versions from 1, and starts again when it is deleted and made
anew: the number alone does not tell two of them apart. The id of a version is therefore
its number and the second at which it was made, `3@2026-11-25T17:50:46Z`; Parameter Store
lets a deleted name be used again only after 30 seconds.

Source: API_GetParameters, API_PutParameter, API_DeleteParameter of Systems Manager.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from providers.base import InvalidRef, SecretRef

__all__ = [
    "ParameterIndex",
    "bare_name",
    "invalid_name",
    "is_filterable",
    "is_same_version",
    "parameter_name",
    "version_id",
]

_NAME = r"/?[A-Za-z0-9_.\-]+(?:/[A-Za-z0-9_.\-]+)*"
_ARN = r"arn:aws[a-z-]*:ssm:[a-z0-9-]*:[0-9]{12}:parameter/"
_ASKED = re.compile(rf"(?:{_ARN})?{_NAME}(?::[A-Za-z0-9_.\-]+)?", re.ASCII)
#: Longer ones are refused by every operation, for all names of the call.
_MAX_CHARS = 2048
#: A longer value of a filter is refused; no name of an account's own is as long.
_FILTER_MAX_CHARS = 1024
_RESERVED = ("aws", "ssm")
#: Two APIs may round one date differently.
_ROUNDING = timedelta(seconds=1)


def parameter_name(prefix: str, ref: SecretRef) -> str:
    """Return the name to ask for: `name`, or `name:selector` for a version or label.

    As ESO does it, the version is put behind the key with a colon. The store's prefix
    goes before names that a manifest gives, not before ARNs and what a list gave.
    """
    plain = ref.listed or ref.key.startswith("arn:")
    name = ref.key if plain else prefix + ref.key
    selector = ref.version.partition("@")[0]
    return f"{name}:{selector}" if selector else name


def invalid_name(asked: str) -> InvalidRef | None:
    """Return why Parameter Store can never have such a name, or None.

    One name that it refuses costs all others of the call, so it is not asked.
    """
    if len(asked) <= _MAX_CHARS and _ASKED.fullmatch(asked):
        return None
    return InvalidRef(
        "the key is no name of a parameter",
        remedy="names hold letters, digits and . - _ in parts between single slashes, at most "
        '2048 characters; a version or a label follows after one ":"',
    )


def bare_name(asked: str) -> str:
    """Return the name or ARN without its selector."""
    if asked.startswith("arn:"):
        head, slash, name = asked.partition("parameter/")
        return head + slash + name.partition(":")[0]
    return asked.partition(":")[0]


def is_filterable(name: str) -> bool:
    """Return whether a list can be filtered for the name.

    Parameters of other accounts, which have ARNs, and those that AWS publishes are in no
    list of the account's own.
    """
    return (
        len(name) <= _FILTER_MAX_CHARS
        and not name.startswith("arn:")
        and not name.lower().lstrip("/").startswith(_RESERVED)
    )


def version_id(entry: Mapping[str, Any]) -> str:
    """Return the id of an entry's version; "" if the entry lacks what it is made of."""
    number, made_at = entry.get("Version"), entry.get("LastModifiedDate")
    if not isinstance(number, int) or not isinstance(made_at, datetime):
        return ""
    return f"{number}@{made_at.astimezone(UTC).isoformat(timespec='seconds')[:19]}Z"


def is_same_version(one: str, other: str) -> bool:
    """Return whether two ids mean one version, given that their dates may be rounded."""
    if one == other:
        return True
    numbers, dates = zip(one.partition("@")[::2], other.partition("@")[::2], strict=True)
    try:
        moments = [datetime.fromisoformat(date) for date in dates]
    except ValueError:
        return False
    return numbers[0] == numbers[1] and abs(moments[0] - moments[1]) <= _ROUNDING


class ParameterIndex:
    """Finds the parameter of a reply by what was asked: replies come in no promised order."""

    def __init__(self, entries: Iterable[Any] = ()) -> None:
        self._entries: dict[str, Mapping[str, Any]] = {}
        for entry in entries:
            if not isinstance(entry, Mapping):
                continue
            selector = entry.get("Selector")
            selector = selector if isinstance(selector, str) else ""
            for called in (entry.get("ARN"), entry.get("Name")):
                if isinstance(called, str) and called:
                    self._entries[_root_level(called) + selector] = entry

    def find(self, asked: str) -> Mapping[str, Any] | None:
        """Return the entry that `asked` names, or None."""
        return self._entries.get(_root_level(asked))


def _root_level(name: str) -> str:
    """Return the one spelling of a name outside of all folders: `x` and `/x` are the same."""
    stripped = name.removeprefix("/")
    return name if "/" in stripped else stripped
