"""The shape of an AppProject's `spec` as the manifest writes it.

Neighbours: `app_project` checks it; `gitops.projects` and `gitops.sources.integrity` ask what it
allows.

Source: Argo CD 3.6's CRD `appprojects.argoproj.io`, v1alpha1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from providers.spec import wire

__all__ = [
    "AppProjectSpec",
    "GitIntegrity",
    "GitPolicy",
    "GpgPolicy",
    "OrphanedResources",
    "PolicyRepo",
    "ProjectDestination",
    "ProjectRole",
    "ProjectWindow",
    "ResourceRule",
    "ServiceAccountRule",
    "SignatureKey",
    "SourceIntegrity",
]


@dataclass(frozen=True, slots=True)
class ProjectDestination:
    """One of `destinations`: globs, `!` in front denies."""

    server: str = ""
    name: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class ResourceRule:
    """One entry of a white- or blacklist: globs; without `name` every object of the kind."""

    group: str = ""
    kind: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class ProjectRole:
    """One of `roles`: rights at Argo CD's own API, which is not served here."""

    name: str = field(metadata=wire(required=True))
    description: str = ""
    policies: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    jwt_tokens: Any = None


@dataclass(frozen=True, slots=True)
class ProjectWindow:
    """One of `syncWindows`.

    Args:
        schedule: five fields of cron, in `time_zone`; when it opens.
        duration: as Go writes it; how long it stays open.
        applications: globs, as namespaces and clusters are.
        manual_sync: what a person asks for goes on although the window says no.
        and_operator: each list that is there must match, not one of them.
        sync_overrun: a sync that has begun may end.
    """

    kind: str = field(metadata=wire(required=True, choices=("allow", "deny")))
    schedule: str = field(metadata=wire(required=True))
    duration: str = field(metadata=wire(required=True))
    applications: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    manual_sync: bool = False
    time_zone: str = "UTC"
    and_operator: bool = False
    sync_overrun: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class SignatureKey:
    """One of `signatureKeys`, which `sourceIntegrity` replaces."""

    key_id: str = field(metadata=wire(name="keyID", required=True))


@dataclass(frozen=True, slots=True)
class PolicyRepo:
    """One of a policy's `repos`: a glob, `!` in front leaves out."""

    url: str = field(metadata=wire(required=True))


@dataclass(frozen=True, slots=True)
class GpgPolicy:
    """`gpg` of a policy: what is verified, and whose signatures count.

    Args:
        keys: ids of keys of `argocd-gpg-keys-cm`; `SHA256:…`, the fingerprint of an SSH
            key, allows that key's signatures, which Argo CD does not know.
    """

    mode: str = field(metadata=wire(required=True, choices=("none", "head", "strict")))
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GitPolicy:
    """One of `sourceIntegrity.git.policies`."""

    repos: tuple[PolicyRepo, ...] = field(metadata=wire(required=True))
    gpg: GpgPolicy = field(metadata=wire(required=True))


@dataclass(frozen=True, slots=True)
class GitIntegrity:
    """`sourceIntegrity.git`."""

    policies: tuple[GitPolicy, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceIntegrity:
    """`sourceIntegrity`.

    Args:
        helm: policies of charts: an application with a chart is refused by them.
    """

    git: GitIntegrity | None = None
    helm: Any = None


@dataclass(frozen=True, slots=True)
class ServiceAccountRule:
    """One of `destinationServiceAccounts`: refused where it would apply."""

    server: str = ""
    name: str = ""
    namespace: str = ""
    default_service_account: str = ""


@dataclass(frozen=True, slots=True)
class OrphanedResources:
    """`orphanedResources`: nobody looks for them here, which a warning says."""

    warn: bool | None = None
    ignore: Any = None


@dataclass(frozen=True, slots=True)
class AppProjectSpec:
    """`spec`; what no list names is not allowed.

    Args:
        namespace_resource_whitelist: None allows every namespaced kind.
        source_namespaces: further namespaces whose Applications it serves, as globs or
            regular expressions between slashes.
    """

    description: str = ""
    source_repos: tuple[str, ...] = ()
    source_namespaces: tuple[str, ...] = ()
    destinations: tuple[ProjectDestination, ...] = ()
    cluster_resource_whitelist: tuple[ResourceRule, ...] = ()
    cluster_resource_blacklist: tuple[ResourceRule, ...] = ()
    namespace_resource_whitelist: tuple[ResourceRule, ...] | None = None
    namespace_resource_blacklist: tuple[ResourceRule, ...] = ()
    roles: tuple[ProjectRole, ...] = ()
    sync_windows: tuple[ProjectWindow, ...] = ()
    orphaned_resources: OrphanedResources | None = None
    permit_only_project_scoped_clusters: bool = False
    destination_service_accounts: tuple[ServiceAccountRule, ...] = ()
    signature_keys: tuple[SignatureKey, ...] = ()
    source_integrity: SourceIntegrity | None = None
