"""The shape of the `spec` of ClusterExternalSecret and ClusterPushSecret.

The spec of the objects that they make is left as it is: the parser of its kind reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from providers.spec import wire
from secretsync.resources.names import SUBDOMAIN_HINT, SUBDOMAIN_PATTERN
from secretsync.resources.secret_store_spec import SelectorSpec

__all__ = ["ChildMetadata", "ClusterExternalSecretSpec", "ClusterPushSecretSpec"]

_NAME = wire(pattern=SUBDOMAIN_PATTERN, hint=SUBDOMAIN_HINT)


@dataclass(frozen=True, slots=True)
class ChildMetadata:
    """`externalSecretMetadata` and `pushSecretMetadata`."""

    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterExternalSecretSpec:
    """`spec` of a ClusterExternalSecret."""

    external_secret_spec: Any = field(metadata=wire(required=True))
    external_secret_name: str = field(default="", metadata=_NAME)
    external_secret_metadata: ChildMetadata = field(default_factory=ChildMetadata)
    namespace_selectors: tuple[SelectorSpec, ...] = ()
    namespace_selector: SelectorSpec | None = field(
        default=None,
        metadata=wire(deprecated="namespaceSelector is deprecated: use namespaceSelectors"),
    )
    namespaces: tuple[str, ...] = field(
        default=(),
        metadata=wire(
            deprecated="namespaces is deprecated: use namespaceSelectors, which can name "
            "namespaces by their label kubernetes.io/metadata.name"
        ),
    )
    refresh_time: str | int = ""


@dataclass(frozen=True, slots=True)
class ClusterPushSecretSpec:
    """`spec` of a ClusterPushSecret."""

    push_secret_spec: Any = field(metadata=wire(required=True))
    push_secret_name: str = field(default="", metadata=_NAME)
    push_secret_metadata: ChildMetadata = field(default_factory=ChildMetadata)
    namespace_selectors: tuple[SelectorSpec, ...] = ()
    refresh_time: str | int = ""
