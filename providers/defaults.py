"""What most modules of providers and generators answer: each imports what is true of it.

Neighbours: `registry` says what a module offers, and a module says what is different.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.base import Capability, ServiceAccountSelector

__all__ = ["named_audiences", "no_audiences", "read_and_write", "same_for_every_namespace"]


def read_and_write(config: Any) -> Capability:
    """Return that stores are read, and pushed to."""
    return Capability.READ | Capability.WRITE


def no_audiences(
    config: Any, selector: ServiceAccountSelector, annotations: Mapping[str, str]
) -> tuple[str, ...]:
    """Return nothing: nobody is logged in to with a ServiceAccount's token."""
    return ()


def named_audiences(
    config: Any, selector: ServiceAccountSelector, annotations: Mapping[str, str]
) -> tuple[str, ...]:
    """Return what the selector names; without any, the API server's own audience."""
    return selector.audiences


def same_for_every_namespace(config: Any) -> bool:
    """Return False: a session does not differ by the namespace that uses the store."""
    return False
