"""The `fake` block of a store, as its CRD describes it.

Source: `external-secrets.io/v1` SecretStore, spec.provider.fake (ESO 2.9).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from providers.spec import wire

__all__ = ["FakeConfig", "FakeData"]


@dataclass(frozen=True, slots=True)
class FakeData:
    """One value; several of one key are its versions."""

    key: str = field(metadata=wire(required=True))
    value: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class FakeConfig:
    """`spec.provider.fake`.

    Args:
        validation_result: what the store says of itself: 0 it is ready, 1 it cannot
            tell, 2 it is not.
    """

    data: tuple[FakeData, ...] = ()
    validation_result: int = field(default=0, metadata=wire(minimum=0, maximum=2))
