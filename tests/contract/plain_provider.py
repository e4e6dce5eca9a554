"""Plain: one text for every key of the right prefix.

The smallest module that follows `docs/writing-a-provider.md`, for the test that nothing
else is needed. Neighbour: `test_recipe` registers it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from providers import defaults
from providers.base import (
    CallObserver,
    Capability,
    Changes,
    Credentials,
    FindQuery,
    FoundSecret,
    InvalidRef,
    Provider,
    ProviderError,
    SecretBytes,
    SecretNotFound,
    SecretRef,
    SecretValue,
)
from providers.metadata import content_version
from providers.showing import shown
from providers.spec import wire

__all__ = [
    "CONFIG",
    "PlainConfig",
    "audiences",
    "capability",
    "identity_names_namespace",
    "metric_name",
    "open_provider",
]


@dataclass(frozen=True, slots=True)
class PlainConfig:
    """`spec.provider.plain`.

    Args:
        allowed_prefix: what a key begins with.
    """

    allowed_prefix: str = field(metadata=wire(required=True))


CONFIG = PlainConfig
audiences = defaults.no_audiences
identity_names_namespace = defaults.same_for_every_namespace


def metric_name(config: PlainConfig) -> str:
    """Return the name that metrics report."""
    return "Plain"


def capability(config: PlainConfig) -> Capability:
    """Return what such stores are used for."""
    return Capability.READ


def open_provider(
    config: PlainConfig, credentials: Credentials, *, observe: CallObserver
) -> Provider:
    """Open a session."""
    return _Plain({f"{config.allowed_prefix}one": b'{"a.b":"literal"}'}, observe)


class _Plain:
    def __init__(self, held: dict[str, bytes], observe: CallObserver) -> None:
        self.held = held
        self._observe = observe

    def pack(self, refs: Sequence[SecretRef]) -> list[list[SecretRef]]:
        distinct = list(dict.fromkeys(refs))
        return [distinct] if distinct else []

    def fetch(self, refs: Sequence[SecretRef]) -> dict[SecretRef, SecretValue | ProviderError]:
        self._observe("Read", "success")
        return {ref: self._read(ref) for ref in refs}

    def find(self, query: FindQuery) -> list[FoundSecret]:
        raise InvalidRef("a plain store cannot list", remedy="name each key")

    def changes(self, watermark: object | None, known: Mapping[SecretRef, str]) -> Changes:
        return Changes({}, frozenset(), frozenset(known), "asked")

    def check(self, refs: Sequence[SecretRef]) -> None:
        for answer in self.fetch(refs).values():
            if isinstance(answer, ProviderError):
                raise answer

    def close(self) -> None:
        pass

    def _read(self, ref: SecretRef) -> SecretValue | ProviderError:
        if ref.metadata:
            return InvalidRef("a plain secret has no metadata", remedy="use metadataPolicy: None")
        if ref.version:
            return InvalidRef("a plain secret has no versions", remedy="remove the version")
        value = self.held.get(ref.key)
        if value is None:
            return SecretNotFound(f'there is no "{shown(ref.key)}"', definite=True)
        return SecretValue(SecretBytes(value), content_version(value))
