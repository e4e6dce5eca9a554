"""Keys of the target Secret: conversionStrategy and what Kubernetes accepts.

Neighbours: `property_path.extract_map` gives the provider's keys, `materialize`
writes the converted ones.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import TypeVar

from secretsync.core.errors import InvalidKey, KeyCollision

__all__ = [
    "CONVERSION_STRATEGIES",
    "MAX_KEY_LENGTH",
    "convert_key",
    "convert_keys",
    "validate_keys",
]

_Value = TypeVar("_Value")

#: The values that `conversionStrategy` may have.
CONVERSION_STRATEGIES = ("Default", "Unicode")

#: Kubernetes: the length of a DNS subdomain, which Secret keys must keep.
MAX_KEY_LENGTH = 253

_VALID_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_SHOWN_CHARACTERS = 60
_REMEDY = "set conversionStrategy: Unicode, or use spec.data to name the key yourself"


def _allowed(character: str) -> bool:
    # Letters and numbers of any script stay, as in ESO; validate_keys says no later.
    return character in "-._" or unicodedata.category(character)[0] in "LN"


def convert_key(key: str, strategy: str) -> str:
    """Replace each character that is not a letter, a number or one of `-._`.

    Args:
        key: the provider's, any text.
        strategy: Default writes `_`; Unicode writes `_U%04x_`, which can be undone.

    Raises:
        ValueError: there is no such strategy.

    Source: External Secrets Operator 2.9, `conversionStrategy`.
    """
    if strategy not in CONVERSION_STRATEGIES:
        raise ValueError(f"conversionStrategy is one of {', '.join(CONVERSION_STRATEGIES)}")
    unicode = strategy == "Unicode"
    return "".join(
        char if _allowed(char) else (f"_U{ord(char):04x}_" if unicode else "_") for char in key
    )


def convert_keys(values: Mapping[str, _Value], strategy: str) -> dict[str, _Value]:
    """Convert every key.

    Raises:
        KeyCollision: two keys become the same one; neither may silently win.
        ValueError: there is no such strategy.
    """
    converted: dict[str, _Value] = {}
    for key, value in values.items():
        name = convert_key(key, strategy)
        if name in converted:
            raise KeyCollision(
                f"secret name collision during conversion: {_shown(name)}", remedy=_REMEDY
            )
        converted[name] = value
    return converted


def validate_keys(values: Mapping[str, _Value]) -> dict[str, _Value]:
    """Return the values without an empty key, if Kubernetes accepts all the others.

    Raises:
        InvalidKey: a key is longer than 253 characters, has a character other than
            ASCII letters, digits and `-._`, or is `.` or begins with `..`.
    """
    kept = {key: value for key, value in values.items() if key}
    for key in kept:
        if len(key) > MAX_KEY_LENGTH:
            raise InvalidKey(
                f"key has length {len(key)} but max is {MAX_KEY_LENGTH}: {_shown(key)}",
                remedy="use spec.data to give the value a shorter key",
            )
        if not _VALID_KEY.fullmatch(key):
            raise InvalidKey(
                "key has an invalid character, only ASCII letters, digits, '-', '.' and '_' "
                f"are allowed: {_shown(key)}",
                remedy=_REMEDY,
            )
        if key == "." or key.startswith(".."):
            raise InvalidKey(
                f"key must not be '.' or begin with '..': {_shown(key)}",
                remedy="use spec.data to give the value another key",
            )
    return kept


def _shown(key: str) -> str:
    """Return the key as it may stand in a message: printable and short."""
    shown = key if len(key) <= _SHOWN_CHARACTERS else key[:_SHOWN_CHARACTERS] + "…"
    return shown if shown.isprintable() else ascii(shown)
