"""What new sealing keys look like, and the texts of the flags that say so. Pure.

The flags are the Sealed Secrets controller's. Neighbour: `key_store` makes the keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sealing import CERTIFICATE_TTL, KeyOrder
from sealing.keys import KEY_BITS, MINIMUM_KEY_BITS
from secretsync.errors import ConfigError
from secretsync.resources.names import check_annotation_key, check_label_key, check_label_value

__all__ = [
    "KeyOptions",
    "check_key_prefix",
    "parse_annotations",
    "parse_cutoff",
    "parse_key_order",
    "parse_labels",
]

#: A name has 253 characters at most; the rest is for what comes behind the prefix.
MAX_PREFIX_CHARS = 245
_PREFIX_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
#: Longer moduli take minutes to make and OpenSSL refuses to use them.
MAX_KEY_BITS = 16384

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_RFC_1123 = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?P<day>[0-9]{2}) (?P<month>[A-Z][a-z]{2}) "
    r"(?P<year>[0-9]{4}) (?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2}) (?P<zone>[-+][0-9]{4})"
)


@dataclass(frozen=True, slots=True)
class KeyOptions:
    """How a new key is made.

    Args:
        key_bits: length of the modulus.
        ttl: how long its certificate lasts.
        common_name: of the certificate; "" leaves its names empty.
        labels, annotations: further ones of its Secret; the key label stays `active`.

    Raises:
        ConfigError: a length that cannot be, or a certificate that would be over at once.
    """

    key_bits: int = KEY_BITS
    ttl: timedelta = CERTIFICATE_TTL
    common_name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not MINIMUM_KEY_BITS <= self.key_bits <= MAX_KEY_BITS:
            raise ConfigError(
                f"the key size is {self.key_bits} bits",
                remedy=f"give a number from {MINIMUM_KEY_BITS} to {MAX_KEY_BITS}; 4096 is usual",
            )
        if self.ttl < timedelta(seconds=1):
            raise ConfigError(
                "the time that a key's certificate lasts is less than a second",
                remedy="give a duration like 87600h",
            )


def check_key_prefix(prefix: str) -> str:
    """Return the prefix of key Secrets' names as it is, once it is known to be one.

    Raises:
        ConfigError: in the controller's words.

    Source: sealed-secrets pkg/controller validateKeyPrefix.
    """
    remedy = "use lower case letters, digits and '-', beginning with a letter or digit"
    # Go counts bytes here.
    length = len(prefix.encode("utf-8", "surrogatepass"))
    if length > MAX_PREFIX_CHARS:
        raise ConfigError(
            f"name is too long, must be shorter than {MAX_PREFIX_CHARS}, got {length}",
            remedy="give a shorter key prefix",
        )
    for char in prefix:
        if char not in _PREFIX_CHARS:
            raise ConfigError(f"name contains illegal character {char}", remedy=remedy)
    if not prefix or prefix.startswith("-"):
        raise ConfigError("the key prefix begins no name of a Secret", remedy=remedy)
    return prefix


def parse_key_order(text: str) -> KeyOrder:
    """Read `--key-order-priority`.

    Raises:
        ConfigError: it is none of the two orders.
    """
    try:
        return KeyOrder(text)
    except ValueError:
        raise ConfigError(
            f"{text!r} is no order of keys", remedy=f"give {' or '.join(KeyOrder)}"
        ) from None


def parse_cutoff(text: str) -> datetime | None:
    """Read `--key-cutoff-time`, as `date -R` prints it; "" is none.

    Raises:
        ConfigError: it is no such time.

    Source: RFC 1123 §5.2.14 with a numeric zone.
    """
    if not text:
        return None
    match = _RFC_1123.fullmatch(text)
    if match is not None and match["month"] in _MONTHS:
        month = _MONTHS.index(match["month"]) + 1
        iso = f"{match['year']}-{month:02}-{match['day']}T{match['time']}{match['zone']}"
        try:
            return datetime.fromisoformat(iso).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise ConfigError(
        f"{text!r} is no cut-off time",
        remedy="write it as `date -R` does: Mon, 02 Jan 2006 15:04:05 -0700",
    )


def parse_labels(text: str) -> dict[str, str]:
    """Read `--privatekey-labels`: `key=value,key2=value2`; "" is none.

    Raises:
        ConfigError: a part is not of that form, or no label.
    """
    return _pairs(text, "label", check_label_key, check_label_value)


def parse_annotations(text: str) -> dict[str, str]:
    """Read `--privatekey-annotations`, of the form of parse_labels().

    Raises:
        ConfigError: a part is not of that form, or no annotation.
    """
    return _pairs(text, "annotation", check_annotation_key, lambda _value: "")


def _pairs(
    text: str, what: str, check_key: Callable[[str], str], check_value: Callable[[str], str]
) -> dict[str, str]:
    article = "an" if what[0] in "aeiou" else "a"
    found: dict[str, str] = {}
    for part in text.split(",") if text else ():
        key, equals, value = part.partition("=")
        if not equals:
            raise ConfigError(
                f"{part!r} is no {what} for a key", remedy="write key=value, several with commas"
            )
        for name, hint in ((key, check_key(key)), (value, check_value(value))):
            if hint:
                raise ConfigError(
                    f"{name!r} is refused in {article} {what}", remedy=f"it is {hint}"
                )
        found[key] = value
    return found
