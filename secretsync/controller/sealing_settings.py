"""What the sealing part of the service can be told; flags have Sealed Secrets' names."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from sealing import KeyOrder
from sealing.keyring import KEY_PREFIX
from secretsync.controller.addresses import Address
from secretsync.controller.ring import Renewing
from secretsync.errors import ConfigError
from secretsync.resources.durations import parse_duration

__all__ = ["SealingSettings", "parse_period"]

#: A timedelta holds more, but nobody's key does.
MAX_PERIOD_S = 100 * 365 * 86400


@dataclass(frozen=True, slots=True)
class SealingSettings:
    """Settings of the sealing part.

    Args:
        namespace: where the sealing keys are.
        key_prefix: names of key Secrets begin with it.
        order: which time makes a key the newest.
        renewing: when keys are made, and what they look like.
        accept_v1_data: open the old form, one blob under `spec.data`.
        address: of what kubeseal asks for; None serves nothing.
        rate_per_s, burst: of the requests that use private keys, by peer and path.
        update_status: write statuses of SealedSecrets.
        recreates: make a Secret again that somebody deleted.
        label_selector: of the SealedSecrets that are served; "" for all.
        names_objects: give each SealedSecret its own metric series.
    """

    namespace: str = "secretsync-system"
    key_prefix: str = KEY_PREFIX
    order: KeyOrder = KeyOrder.CERT_NOT_BEFORE
    renewing: Renewing = field(default_factory=Renewing)
    accept_v1_data: bool = True
    address: Address | None = None
    rate_per_s: float = 2.0
    burst: int = 2
    update_status: bool = True
    recreates: bool = True
    label_selector: str = ""
    names_objects: bool = True


def parse_period(text: str, *, flag: str) -> timedelta:
    """Read a Go duration that may be 0 and not negative.

    Args:
        flag: names it in the error.

    Raises:
        ConfigError: it is none.
    """
    seconds = parse_duration(text)
    if seconds is None or not 0 <= seconds <= MAX_PERIOD_S:
        raise ConfigError(
            f"{flag}: {text!r} is no period",
            remedy='write a Go duration such as 720h; "0" is never',
        )
    return timedelta(seconds=seconds)
