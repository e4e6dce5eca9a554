"""The shape of an Application's `spec` as the manifest writes it.

Neighbours: `application` checks what the fields say only together; `application_rules`
has the rules.

Source: Argo CD 3.6's CRD `applications.argoproj.io`, v1alpha1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from providers.spec import wire

__all__ = [
    "ApplicationSpec",
    "Automated",
    "Backoff",
    "Destination",
    "DirectoryOptions",
    "HelmFileParameter",
    "HelmOptions",
    "HelmParameter",
    "IgnoreDifference",
    "Info",
    "KustomizeOptions",
    "KustomizePatch",
    "KustomizeReplica",
    "NamespaceMetadata",
    "Retry",
    "Source",
    "SyncPolicy",
]

_PLUGINS = "plugins would run any program with the controller's rights: they are not supported"
_JSONNET = "jsonnet is not supported: render it in CI and commit the manifests"
_HYDRATOR = "sourceHydrator is not supported: commit the rendered manifests in CI"
_ENVSUBST = "commonAnnotationsEnvsubst is not supported: there are no build variables here"

StringMap = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the objects go: one of `server` and `name`, and a default namespace."""

    server: str = ""
    name: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class HelmParameter:
    """One `--set`, or `--set-string` with `forceString`."""

    name: str = field(metadata=wire(required=True))
    value: str = ""
    force_string: bool = False


@dataclass(frozen=True, slots=True)
class HelmFileParameter:
    """One `--set-file`."""

    name: str = field(metadata=wire(required=True))
    path: str = ""


@dataclass(frozen=True, slots=True)
class HelmOptions:
    """`source.helm`.

    Args:
        values: YAML text; `values_object` wins over it.
    """

    release_name: str = ""
    value_files: tuple[str, ...] = ()
    values: str = ""
    values_object: Any = None
    parameters: tuple[HelmParameter, ...] = ()
    file_parameters: tuple[HelmFileParameter, ...] = ()
    version: str = field(default="", metadata=wire(choices=("v3",)))
    pass_credentials: bool = False
    ignore_missing_value_files: bool = False
    skip_crds: bool = False
    skip_tests: bool = False
    skip_schema_validation: bool = False
    namespace: str = ""
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KustomizeReplica:
    """`replicas[]`: how many of one workload."""

    name: str = field(metadata=wire(required=True))
    count: int | str = 1


@dataclass(frozen=True, slots=True)
class KustomizePatch:
    """`patches[]`: as in a kustomization."""

    path: str = ""
    patch: str = ""
    target: Any = None
    options: Any = None


@dataclass(frozen=True, slots=True)
class KustomizeOptions:
    """`source.kustomize`: what is added to the kustomization.

    Args:
        version: `application` warns of it, as of `kube_version` and `api_versions`.
    """

    name_prefix: str = ""
    name_suffix: str = ""
    namespace: str = ""
    images: tuple[str, ...] = ()
    replicas: tuple[KustomizeReplica, ...] = ()
    common_labels: StringMap = ()
    common_annotations: StringMap = ()
    force_common_labels: bool = False
    force_common_annotations: bool = False
    common_annotations_envsubst: bool = field(default=False, metadata=wire(unsupported=_ENVSUBST))
    label_without_selector: bool = False
    label_include_templates: bool = False
    patches: tuple[KustomizePatch, ...] = ()
    components: tuple[str, ...] = ()
    ignore_missing_components: bool = False
    version: str = ""
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DirectoryOptions:
    """`source.directory`: which files of a plain folder are manifests."""

    recurse: bool = False
    include: str = ""
    exclude: str = ""
    disable_extension_filter: bool = False
    jsonnet: Any = field(default=None, metadata=wire(unsupported=_JSONNET))


@dataclass(frozen=True, slots=True)
class Source:
    """`source`, or one of `sources`.

    Args:
        repo_url: a Git repository, or a Helm repository where `chart` is set.
        target_revision: a branch, tag, commit or range of versions of tags or charts.
        tag_prefix: what stands in front of the versions that a range of tags is of.
        ref: names this source for `$ref/...` in value files of the others.
    """

    repo_url: str = field(metadata=wire(name="repoURL", required=True))
    path: str = ""
    target_revision: str = ""
    chart: str = ""
    ref: str = ""
    name: str = ""
    tag_prefix: str = ""
    helm: HelmOptions | None = None
    kustomize: KustomizeOptions | None = None
    directory: DirectoryOptions | None = None
    plugin: Any = field(default=None, metadata=wire(unsupported=_PLUGINS))


@dataclass(frozen=True, slots=True)
class Automated:
    """`syncPolicy.automated`; `enabled` None counts as true."""

    enabled: bool | None = None
    prune: bool = False
    self_heal: bool = False
    allow_empty: bool = False


@dataclass(frozen=True, slots=True)
class Backoff:
    """`retry.backoff`; durations as Go writes them, or seconds."""

    duration: str = "5s"
    factor: int | None = None
    max_duration: str = "3m"


@dataclass(frozen=True, slots=True)
class Retry:
    """`syncPolicy.retry`.

    Args:
        limit: 0 means none, below 0 or None without end; beyond it tries get seldom.
        refresh: of an operation: a retry is of the newest revision. What automation tries
            again always is.
    """

    limit: int | None = None
    refresh: bool = False
    backoff: Backoff | None = None


@dataclass(frozen=True, slots=True)
class NamespaceMetadata:
    """`managedNamespaceMetadata`: for the namespace that CreateNamespace makes."""

    labels: StringMap = ()
    annotations: StringMap = ()


@dataclass(frozen=True, slots=True)
class SyncPolicy:
    """`syncPolicy`."""

    automated: Automated | None = None
    retry: Retry | None = None
    managed_namespace_metadata: NamespaceMetadata | None = None
    sync_options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IgnoreDifference:
    """One entry of `ignoreDifferences`; `*` in group and kind stands for any text."""

    kind: str = field(metadata=wire(required=True))
    group: str = ""
    name: str = ""
    namespace: str = ""
    json_pointers: tuple[str, ...] = field(default=(), metadata=wire(name="jsonPointers"))
    jq_path_expressions: tuple[str, ...] = ()
    managed_fields_managers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Info:
    """One entry of `info`: for people."""

    name: str = field(metadata=wire(required=True))
    value: str = ""


@dataclass(frozen=True, slots=True)
class ApplicationSpec:
    """`spec`. `sources` wins over `source`; `all_sources` is what counts."""

    destination: Destination = field(metadata=wire(required=True))
    project: str = "default"
    source: Source | None = None
    sources: tuple[Source, ...] = ()
    sync_policy: SyncPolicy = field(default_factory=SyncPolicy)
    ignore_differences: tuple[IgnoreDifference, ...] = ()
    info: tuple[Info, ...] = ()
    revision_history_limit: int = 10
    source_hydrator: Any = field(default=None, metadata=wire(unsupported=_HYDRATOR))

    @property
    def multiple(self) -> bool:
        """Whether `sources` was used, which status and history then use too."""
        return bool(self.sources)

    @property
    def all_sources(self) -> tuple[Source, ...]:
        """The sources, however many."""
        if self.sources:
            return self.sources
        return () if self.source is None else (self.source,)

    @property
    def automated(self) -> Automated | None:
        """The automation, None where it is off."""
        automated = self.sync_policy.automated
        return None if automated is None or automated.enabled is False else automated
