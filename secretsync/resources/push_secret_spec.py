"""The shape of a PushSecret's `spec` as the manifest writes it.

`push_secret` turns these into its values and checks what one field alone cannot tell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from providers.spec import wire
from secretsync.resources.external_secret_template import TemplateSpec
from secretsync.resources.names import SUBDOMAIN_HINT, SUBDOMAIN_PATTERN
from secretsync.resources.rewrite_spec import RewriteSpec
from secretsync.resources.secret_store_spec import SelectorSpec
from secretsync.resources.source_spec import GeneratorRef

__all__ = [
    "DataToMatchSpec",
    "DataToSpec",
    "MatchSpec",
    "PushDataSpec",
    "PushSecretSpec",
    "RemoteRefSpec",
    "SecretSourceSpec",
    "SelectorSourceSpec",
    "StoreRefSpec",
]

_NAME = wire(pattern=SUBDOMAIN_PATTERN, hint=SUBDOMAIN_HINT)
_KIND = wire(choices=("SecretStore", "ClusterSecretStore"))
_CONVERSION = wire(choices=("None", "ReverseUnicode"))


@dataclass(frozen=True, slots=True)
class StoreRefSpec:
    """One entry of `secretStoreRefs`: a store by its name, or stores by their labels."""

    name: str = field(default="", metadata=_NAME)
    label_selector: SelectorSpec | None = None
    kind: str = field(default="SecretStore", metadata=_KIND)


@dataclass(frozen=True, slots=True)
class SecretSourceSpec:
    """`selector.secret`: a Secret by its name, or Secrets by their labels."""

    name: str = field(default="", metadata=_NAME)
    selector: SelectorSpec | None = None


@dataclass(frozen=True, slots=True)
class SelectorSourceSpec:
    """`selector`: where the values come from."""

    secret: SecretSourceSpec | None = None
    generator_ref: GeneratorRef | None = None


@dataclass(frozen=True, slots=True)
class RemoteRefSpec:
    """`match.remoteRef`: where a value goes."""

    remote_key: str = field(metadata=wire(required=True))
    property: str = ""


@dataclass(frozen=True, slots=True)
class MatchSpec:
    """`match`: which key goes where; without a key, the whole Secret."""

    remote_ref: RemoteRefSpec = field(metadata=wire(required=True))
    secret_key: str = ""


@dataclass(frozen=True, slots=True)
class PushDataSpec:
    """One entry of `data`."""

    match: MatchSpec = field(metadata=wire(required=True))
    metadata: Any = None
    conversion_strategy: str = field(default="None", metadata=_CONVERSION)


@dataclass(frozen=True, slots=True)
class DataToMatchSpec:
    """`dataTo[].match`: which keys an entry takes; all of them without an expression."""

    regexp: str = ""


@dataclass(frozen=True, slots=True)
class DataToSpec:
    """One entry of `dataTo`: many keys at once, each to its own place or all to one."""

    store_ref: StoreRefSpec = field(metadata=wire(required=True))
    remote_key: str = ""
    match: DataToMatchSpec | None = None
    rewrite: tuple[RewriteSpec, ...] = ()
    metadata: Any = None
    conversion_strategy: str = field(default="None", metadata=_CONVERSION)


@dataclass(frozen=True, slots=True)
class PushSecretSpec:
    """`spec`."""

    secret_store_refs: tuple[StoreRefSpec, ...] = field(metadata=wire(required=True))
    selector: SelectorSourceSpec = field(metadata=wire(required=True))
    refresh_interval: str | int = ""
    update_policy: str = field(default="Replace", metadata=wire(choices=("Replace", "IfNotExists")))
    deletion_policy: str = field(default="None", metadata=wire(choices=("None", "Delete")))
    data: tuple[PushDataSpec, ...] = ()
    data_to: tuple[DataToSpec, ...] = ()
    template: TemplateSpec | None = None
