"""UUID: a random one, of version 4.

Source: `generators.external-secrets.io/v1alpha1` UUID (ESO 2.9); RFC 9562.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from providers import defaults
from providers.base import CallObserver, Credentials
from secretsync.generators.chance import Entropy

__all__ = ["CONFIG", "UUIDSpec", "audiences", "generate"]


@dataclass(frozen=True, slots=True)
class UUIDSpec:
    """`spec`, which has no fields."""


CONFIG = UUIDSpec
audiences = defaults.no_audiences


def generate(
    config: UUIDSpec,
    credentials: Credentials,
    *,
    observe: CallObserver,
    entropy: Entropy,
    now: datetime,
) -> dict[str, bytes]:
    """Make one UUID; see `registry.GeneratorModule`."""
    return {"uuid": str(uuid.UUID(bytes=entropy(16), version=4)).encode()}
