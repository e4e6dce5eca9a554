"""Password: random characters, with set numbers of digits and symbols.

Source: `generators.external-secrets.io/v1alpha1` Password (ESO 2.9).
"""

from __future__ import annotations

import base64
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from providers import defaults
from providers.base import CallObserver, Credentials, InvalidRef
from providers.spec import wire
from secretsync.generators.chance import Entropy, chosen, shuffled

__all__ = ["CONFIG", "PasswordSpec", "audiences", "generate"]

DEFAULT_SYMBOLS = '~!@#$%^&*()_+`-={}|[]\\:"<>?,./'
#: The share of digits, and of symbols, where the spec does not say how many.
_SHARE = 0.25
#: A Secret holds 1 MiB; no password is near.
_MAX_LENGTH = 4096

_ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "raw": lambda value: value,
    "base64": base64.b64encode,
    "base64url": base64.urlsafe_b64encode,
    "base32": base64.b32encode,
    "hex": lambda value: value.hex().encode(),
}


@dataclass(frozen=True, slots=True)
class PasswordSpec:
    """`spec`.

    Args:
        length: characters, before encoding.
        digits: how many of them are digits; None: a quarter.
        symbols: how many are symbols; None: a quarter.
        symbol_characters: the symbols to choose from; "" for the default ones.
        no_upper: no capital letters.
        allow_repeat: a character may come more than once.
        secret_keys: a password for each of these keys; none: one, under `password`.
    """

    length: int = field(default=24, metadata=wire(minimum=1, maximum=_MAX_LENGTH))
    digits: int | None = field(default=None, metadata=wire(minimum=0))
    symbols: int | None = field(default=None, metadata=wire(minimum=0))
    symbol_characters: str = ""
    no_upper: bool = False
    allow_repeat: bool = False
    secret_keys: tuple[str, ...] = ()
    encoding: str = field(default="raw", metadata=wire(choices=tuple(_ENCODINGS)))


CONFIG = PasswordSpec
audiences = defaults.no_audiences


def generate(
    config: PasswordSpec,
    credentials: Credentials,
    *,
    observe: CallObserver,
    entropy: Entropy,
    now: datetime,
) -> dict[str, bytes]:
    """Make a password for each key; see `registry.GeneratorModule`.

    Raises:
        InvalidRef: there are not enough different characters for what is asked.
    """
    encode = _ENCODINGS[config.encoding]
    return {
        key: encode(_password(config, entropy).encode())
        for key in config.secret_keys or ("password",)
    }


def _password(config: PasswordSpec, entropy: Entropy) -> str:
    quarter = int(config.length * _SHARE)
    digits = quarter if config.digits is None else config.digits
    symbols = quarter if config.symbols is None else config.symbols
    letters = config.length - digits - symbols
    if letters < 0:
        raise InvalidRef(
            "spec.digits and spec.symbols together are more than spec.length",
            remedy="ask for a longer password, or for fewer digits and symbols",
        )
    alphabet = string.ascii_lowercase if config.no_upper else string.ascii_letters
    parts = (
        ("letters", alphabet, letters),
        ("digits", string.digits, digits),
        ("symbols", config.symbol_characters or DEFAULT_SYMBOLS, symbols),
    )
    characters: list[str] = []
    for name, choices, count in parts:
        try:
            characters += chosen(choices, count, entropy, repeat=config.allow_repeat)
        except ValueError:
            raise InvalidRef(
                f"{count} different {name} are asked for, and there are {len(set(choices))}",
                remedy="set spec.allowRepeat: true, or ask for fewer",
            ) from None
    return "".join(shuffled(characters, entropy))
