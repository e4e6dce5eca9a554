"""The shape of an ExternalSecret's `spec` as the manifest writes it.

`external_secret` turns these into its values; `external_secret_rules` checks what one
field alone cannot tell. References to stores and keys have the same shape on both
sides and are defined here once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.spec import Wire, wire
from secretsync.resources.names import (
    SECRET_KEY_HINT,
    SECRET_KEY_PATTERN,
    SUBDOMAIN_HINT,
    SUBDOMAIN_PATTERN,
)

__all__ = [
    "DataFromSpec",
    "DataSpec",
    "ExternalSecretSpec",
    "RemoteRef",
    "SourceRefSpec",
    "StoreRef",
    "TargetSpec",
    "TemplateMetadata",
    "TemplateSpec",
]


def _later(thing: str) -> Mapping[str, Wire]:
    """Return the metadata of a published field that is refused by name."""
    return wire(unsupported=f"{thing} is not supported yet")


@dataclass(frozen=True, slots=True)
class StoreRef:
    """`secretStoreRef`: which store to read from."""

    name: str = field(metadata=wire(required=True, pattern=SUBDOMAIN_PATTERN, hint=SUBDOMAIN_HINT))
    kind: str = field(
        default="SecretStore", metadata=wire(choices=("SecretStore", "ClusterSecretStore"))
    )


@dataclass(frozen=True, slots=True)
class RemoteRef:
    """`remoteRef` and `extract`: one key at the provider, and what to take from it."""

    key: str = field(metadata=wire(required=True))
    version: str = ""
    property: str = ""
    metadata_policy: str = field(
        default="None", metadata=wire(choices=("None", "Fetch"), unsupported_choices=("Fetch",))
    )
    conversion_strategy: str = field(
        default="Default", metadata=wire(choices=("Default", "Unicode"))
    )
    decoding_strategy: str = field(
        default="None", metadata=wire(choices=("Auto", "Base64", "Base64URL", "None"))
    )
    null_byte_policy: str = field(default="Ignore", metadata=wire(choices=("Ignore", "Fail")))


@dataclass(frozen=True, slots=True)
class TemplateMetadata:
    """`template.metadata`: what the target carries instead of the object's own."""

    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    finalizers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceRefSpec:
    """`sourceRef`: a store other than the object's own, or a generator."""

    store_ref: StoreRef | None = None
    generator_ref: Any = field(default=None, metadata=_later("sourceRef.generatorRef"))


@dataclass(frozen=True, slots=True)
class DataSpec:
    """One entry of `spec.data`."""

    secret_key: str = field(
        metadata=wire(required=True, pattern=SECRET_KEY_PATTERN, hint=SECRET_KEY_HINT)
    )
    remote_ref: RemoteRef = field(metadata=wire(required=True))
    source_ref: SourceRefSpec | None = None


@dataclass(frozen=True, slots=True)
class DataFromSpec:
    """One entry of `spec.dataFrom`."""

    extract: RemoteRef | None = None
    find: Any = field(default=None, metadata=_later("dataFrom.find"))
    source_ref: SourceRefSpec | None = None
    rewrite: Any = field(default=None, metadata=_later("dataFrom.rewrite"))


@dataclass(frozen=True, slots=True)
class TemplateSpec:
    """`spec.target.template`."""

    type: str = ""
    engine_version: str = field(default="v2", metadata=wire(choices=("v2",)))
    merge_policy: str = field(default="Replace", metadata=wire(choices=("Replace", "Merge")))
    metadata: TemplateMetadata = field(default_factory=TemplateMetadata)
    data: Any = field(default=None, metadata=_later("template.data"))
    template_from: Any = field(default=None, metadata=_later("template.templateFrom"))


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """`spec.target`."""

    name: str = field(default="", metadata=wire(pattern=SUBDOMAIN_PATTERN, hint=SUBDOMAIN_HINT))
    creation_policy: str = field(
        default="Owner",
        metadata=wire(choices=("Owner", "Orphan", "Merge", "None", "CreateOrMerge")),
    )
    deletion_policy: str = field(
        default="Retain", metadata=wire(choices=("Retain", "Delete", "Merge"))
    )
    immutable: bool = False
    template: TemplateSpec | None = None
    manifest: Any = field(default=None, metadata=_later("target.manifest"))


@dataclass(frozen=True, slots=True)
class ExternalSecretSpec:
    """`spec`."""

    secret_store_ref: StoreRef | None = None
    refresh_policy: str = field(
        default="Periodic", metadata=wire(choices=("Periodic", "CreatedOnce", "OnChange"))
    )
    refresh_interval: str | int = ""
    sync_windows: Any = field(default=None, metadata=_later("syncWindows"))
    target: TargetSpec = field(default_factory=TargetSpec)
    data: tuple[DataSpec, ...] = ()
    data_from: tuple[DataFromSpec, ...] = ()
