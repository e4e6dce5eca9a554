"""Decoding strategies and the null byte check: the last steps between provider and Secret.

Neighbours: `property_path` selects what is decoded here; `materialize` calls both.
The errors of the value family are importable from here.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable

from secretsync.core.errors import (
    CoreError,
    NullByteFound,
    PropertyMissing,
    UndecodableValue,
    UnmarshalError,
    ValueProblem,
)

__all__ = [
    "DECODING_STRATEGIES",
    "CoreError",
    "NullByteFound",
    "PropertyMissing",
    "UndecodableValue",
    "UnmarshalError",
    "ValueProblem",
    "check_null_bytes",
    "decode",
]

_LINE_BREAKS = b"\r\n"
_STANDARD = re.compile(rb"[A-Za-z0-9+/]*+={0,2}")
_URL_SAFE = re.compile(rb"[A-Za-z0-9_-]*+={0,2}")
_URL_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


def _base64(value: bytes) -> bytes | None:
    """Decode padded standard base64 as Go does: CR and LF count for nothing."""
    text = value.translate(None, _LINE_BREAKS)
    # The length is checked here because binascii tells apart more cases than Go.
    if len(text) % 4 or not _STANDARD.fullmatch(text):
        return None
    return binascii.a2b_base64(text)


def _base64_url(value: bytes) -> bytes | None:
    text = value.translate(None, _LINE_BREAKS)
    if len(text) % 4 or not _URL_SAFE.fullmatch(text):
        return None
    return binascii.a2b_base64(text.translate(_URL_TO_STANDARD))


def _auto(value: bytes) -> bytes:
    """Standard, then URL-safe, then as it is; plain text may happen to be base64."""
    for decoder in (_base64, _base64_url):
        decoded = decoder(value)
        if decoded is not None:
            return decoded
    return value


_DECODERS: dict[str, Callable[[bytes], bytes | None]] = {
    "": lambda value: value,
    "None": lambda value: value,
    "Base64": _base64,
    "Base64URL": _base64_url,
    "Auto": _auto,
}

#: The values that `decodingStrategy` may have.
DECODING_STRATEGIES = ("None", "Base64", "Base64URL", "Auto")


def decode(value: bytes, strategy: str, *, key: str = "") -> bytes:
    """Decode one value by its decodingStrategy.

    Args:
        value: what the provider gave, after property selection.
        strategy: None, Base64, Base64URL or Auto; "" is None.
        key: the key in the target Secret, for the message.

    Raises:
        UndecodableValue: Base64 or Base64URL does not fit the value.
        ValueError: there is no such strategy.

    Source: External Secrets Operator 2.9, `decodingStrategy`.
    """
    decoder = _DECODERS.get(strategy)
    if decoder is None:
        raise ValueError(f"decodingStrategy is one of {', '.join(DECODING_STRATEGIES)}")
    decoded = decoder(value)
    if decoded is None:
        raise UndecodableValue(
            f"{_subject(key)} is not valid {strategy}",
            remedy="set decodingStrategy to None or Auto, or correct the value at the provider",
        )
    return decoded


def check_null_bytes(value: bytes, *, key: str = "") -> None:
    """Refuse a value with a null byte; call it where nullBytePolicy is Fail.

    Raises:
        NullByteFound: there is one.
    """
    if b"\0" in value:
        raise NullByteFound(
            f"{_subject(key)} contains a null byte and nullBytePolicy is Fail",
            remedy="set nullBytePolicy to Ignore, or correct the value at the provider",
        )


def _subject(key: str) -> str:
    return f"the value of key {key}" if key else "the value"
