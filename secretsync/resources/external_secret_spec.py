"""The shape of an ExternalSecret's `spec` as the manifest writes it.

`external_secret` turns these into its values; `external_secret_rules` checks what one
field alone cannot tell. What an item reads from has the same shape on both sides:
`source_spec`, `rewrite_spec`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from providers.spec import wire
from secretsync.resources.external_secret_template import TemplateSpec
from secretsync.resources.names import (
    SECRET_KEY_HINT,
    SECRET_KEY_PATTERN,
    SUBDOMAIN_HINT,
    SUBDOMAIN_PATTERN,
)
from secretsync.resources.rewrite_spec import RewriteSpec
from secretsync.resources.source_spec import Find, RemoteRef, SourceRefSpec, StoreRef
from secretsync.resources.sync_windows import SyncWindowsSpec

__all__ = [
    "DataFromSpec",
    "DataSpec",
    "ExternalSecretSpec",
    "ManifestTarget",
    "TargetSpec",
]


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
    find: Find | None = None
    source_ref: SourceRefSpec | None = None
    rewrite: tuple[RewriteSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class ManifestTarget:
    """`target.manifest`: the kind of a target that is not a Secret."""

    api_version: str = field(metadata=wire(required=True))
    kind: str = field(metadata=wire(required=True))

    def key(self, name: str) -> str:
        """Return what tells a target of this kind from every other; no Secret's is like it."""
        return f"{self.kind}.{self.api_version}/{name}"


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
    manifest: ManifestTarget | None = None


@dataclass(frozen=True, slots=True)
class ExternalSecretSpec:
    """`spec`."""

    secret_store_ref: StoreRef | None = None
    refresh_policy: str = field(
        default="Periodic", metadata=wire(choices=("Periodic", "CreatedOnce", "OnChange"))
    )
    refresh_interval: str | int = ""
    sync_windows: SyncWindowsSpec | None = None
    target: TargetSpec = field(default_factory=TargetSpec)
    data: tuple[DataSpec, ...] = ()
    data_from: tuple[DataFromSpec, ...] = ()
