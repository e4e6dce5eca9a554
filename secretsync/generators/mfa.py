"""MFA: a time-based one-time password.

Source: `generators.external-secrets.io/v1alpha1` MFA (ESO 2.9); RFC 4226 and RFC 6238.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from datetime import datetime

from providers import defaults
from providers.base import AuthFailed, CallObserver, Credentials, SecretKeySelector
from providers.spec import wire
from secretsync.generators.chance import Entropy

__all__ = ["CONFIG", "MFASpec", "audiences", "generate"]


@dataclass(frozen=True, slots=True)
class MFASpec:
    """`spec`.

    Args:
        secret: where the seed is kept, in base32.
        length: digits of the password.
        time_period: seconds for which one is valid.
        algorithm: of the HMAC.
        when: an instant to use instead of now, in RFC 3339; for tests of a set-up.
    """

    secret: SecretKeySelector = field(metadata=wire(required=True))
    length: int = field(default=6, metadata=wire(minimum=6, maximum=10))
    time_period: int = field(default=30, metadata=wire(minimum=1))
    algorithm: str = field(default="sha1", metadata=wire(choices=("sha1", "sha256", "sha512")))
    when: str = ""


CONFIG = MFASpec
audiences = defaults.no_audiences


def generate(
    config: MFASpec,
    credentials: Credentials,
    *,
    observe: CallObserver,
    entropy: Entropy,
    now: datetime,
) -> dict[str, bytes]:
    """Compute the password of this instant; see `registry.GeneratorModule`.

    Raises:
        AuthFailed: the seed is missing or not base32.
    """
    instant = _instant(config.when) or now
    seconds = int(instant.timestamp())
    token = one_time_password(
        _seed(config.secret, credentials),
        seconds // config.time_period,
        digits=config.length,
        algorithm=config.algorithm,
    )
    left_s = config.time_period - seconds % config.time_period
    return {"token": token.encode(), "timeLeft": str(left_s).encode()}


def one_time_password(seed: bytes, counter: int, *, digits: int, algorithm: str) -> str:
    """Return the HOTP value of a counter, padded with zeros.

    Source: RFC 4226, section 5.3, dynamic truncation.
    """
    digest = hmac.digest(seed, counter.to_bytes(8, "big"), algorithm)
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def _seed(selector: SecretKeySelector, credentials: Credentials) -> bytes:
    held = credentials.secrets.get(selector)
    text = held.reveal().strip().replace(b" ", b"").upper().rstrip(b"=") if held else b""
    try:
        seed = base64.b32decode(text + b"=" * (-len(text) % 8))
    except binascii.Error:
        seed = b""
    if not seed:
        raise AuthFailed(
            f'spec.secret: Secret "{selector.name}" holds no base32 seed under "{selector.key}"',
            remedy="put the seed there as the service gave it, in base32",
        )
    return seed


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
