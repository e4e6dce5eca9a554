"""Fake: the values stand in the store itself, for tests and first steps.

What is pushed is kept in memory, by the session that it was pushed through.
Neighbours: `providers.registry` loads this module; `store` serves.
"""

from __future__ import annotations

from collections.abc import Mapping

from providers.base import (
    CallObserver,
    Capability,
    Credentials,
    Provider,
    ServiceAccountSelector,
)
from providers.fake.config import FakeConfig
from providers.fake.store import FakeStore

__all__ = [
    "CONFIG",
    "audiences",
    "capability",
    "identity_names_namespace",
    "metric_name",
    "open_provider",
]

CONFIG = FakeConfig


def metric_name(config: FakeConfig) -> str:
    """Return the name that metrics report."""
    return "Fake"


def capability(config: FakeConfig) -> Capability:
    """Return what such stores are used for."""
    return Capability.READ | Capability.WRITE


def audiences(
    config: FakeConfig, selector: ServiceAccountSelector, annotations: Mapping[str, str]
) -> tuple[str, ...]:
    """Return nothing: there is nobody to log in to."""
    return ()


def identity_names_namespace(config: FakeConfig) -> bool:
    """Return False: everybody reads the same."""
    return False


def open_provider(
    config: FakeConfig, credentials: Credentials, *, observe: CallObserver
) -> Provider:
    """Open a session that holds the store's data."""
    return FakeStore(config, observe=observe)
