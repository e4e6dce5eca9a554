"""Fake: the values that the object itself holds, for trying things out.

Source: `generators.external-secrets.io/v1alpha1` Fake (ESO 2.9).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from providers import defaults
from providers.base import CallObserver, Credentials
from secretsync.generators.chance import Entropy

__all__ = ["CONFIG", "FakeSpec", "audiences", "generate"]


@dataclass(frozen=True, slots=True)
class FakeSpec:
    """`spec`.

    Args:
        controller: the class of the controllers that serve it; "" is any.
        data: what it gives.
    """

    controller: str = ""
    data: tuple[tuple[str, str], ...] = ()


CONFIG = FakeSpec
audiences = defaults.no_audiences


def generate(
    config: FakeSpec,
    credentials: Credentials,
    *,
    observe: CallObserver,
    entropy: Entropy,
    now: datetime,
) -> dict[str, bytes]:
    """Give the values; see `registry.GeneratorModule`."""
    return {key: value.encode() for key, value in config.data}
