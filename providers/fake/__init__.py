"""Fake: the values stand in the store itself, for tests and first steps.

What is pushed is kept in memory, by the session that it was pushed through.
Neighbours: `providers.registry` loads this module; `store` serves.
"""

from __future__ import annotations

from providers import defaults
from providers.base import CallObserver, Credentials, Provider
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
audiences = defaults.no_audiences
capability = defaults.read_and_write
identity_names_namespace = defaults.same_for_every_namespace


def metric_name(config: FakeConfig) -> str:
    """Return the name that metrics report."""
    return "Fake"


def open_provider(
    config: FakeConfig, credentials: Credentials, *, observe: CallObserver
) -> Provider:
    """Open a session that holds the store's data."""
    return FakeStore(config, observe=observe)
