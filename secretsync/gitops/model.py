"""The values that the stages of the GitOps loop hand on to each other.

`rendering` gives `Rendered`, `comparing` gives `Comparison`, `syncing` gives
`OperationState`. Names and words are Argo CD's, as its status shows them.

Source: Argo CD's `Application`, `argoproj.io/v1alpha1`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

__all__ = [
    "FIELD_MANAGER",
    "Comparison",
    "FieldChange",
    "Health",
    "HealthStatus",
    "ObjectKey",
    "OperationPhase",
    "OperationState",
    "Pair",
    "Rendered",
    "ResourceResult",
    "ResultCode",
    "SyncPhase",
    "SyncStatus",
    "api_group",
]

Object = dict[str, Any]

#: Who applies the objects of applications server-side.
FIELD_MANAGER = "secretsync-gitops"


def api_group(api_version: str) -> str:
    """The group of an apiVersion, "" for the core group."""
    group, slash, _ = api_version.partition("/")
    return group if slash else ""


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """What an object is, whatever version it is written in; namespace "" is cluster-wide."""

    group: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, obj: Mapping[str, Any]) -> ObjectKey:
        """The key of an object that has apiVersion, kind and metadata.

        One that is named when it is created goes by its generateName until then.
        """
        meta = obj["metadata"]
        name = meta.get("name") or meta["generateName"]
        return cls(api_group(obj["apiVersion"]), obj["kind"], meta.get("namespace") or "", name)

    def __str__(self) -> str:
        kind = f"{self.kind}.{self.group}" if self.group else self.kind
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Rendered:
    """What the sources of an application say that should be.

    Args:
        objects: in the order of the sources, namespaces filled in, no tracking yet.
        revisions: what each source was resolved to, a commit or a chart's version.
        source_types: `Directory`, `Kustomize` or `Helm`, one a source.
        digest: the same for the same objects; two renders of one input that differ in
            it are not deterministic.
        warnings: for the status, one sentence each.
        made_up: objects that came out differently in two renders of the same input, and
            in which fields; () for one whose name came out differently.
    """

    objects: tuple[Object, ...] = field(repr=False)
    revisions: tuple[str, ...]
    source_types: tuple[str, ...]
    digest: str
    warnings: tuple[str, ...] = ()
    made_up: Mapping[ObjectKey, tuple[tuple[str | int, ...], ...]] = field(default_factory=dict)

    @property
    def unstable(self) -> frozenset[ObjectKey]:
        """The objects that came out differently in two renders of the same input."""
        return frozenset(self.made_up)


class HealthStatus(enum.StrEnum):
    """How well an object is; `badness` orders them as Argo CD does."""

    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    MISSING = "Missing"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"

    @property
    def badness(self) -> int:
        """0 for Healthy, more for worse."""
        return list(HealthStatus).index(self)


@dataclass(frozen=True, slots=True)
class Health:
    """The health of an object and why."""

    status: HealthStatus
    message: str = ""


class SyncStatus(enum.StrEnum):
    """Whether the cluster is as the sources say; an error is UNKNOWN, never SYNCED."""

    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs; values of Secrets come as fingerprints.

    Args:
        path: as `spec.template.spec.containers[0].image`.
        live: None where the field is absent.
        target: None where the field is absent.
    """

    path: str
    live: Any = None
    target: Any = None


@dataclass(frozen=True, slots=True)
class Pair:
    """One object: as it should be, and as it is.

    Args:
        target: with tracking; None for an extra, which pruning would delete.
        live: None where it is missing.
        hook: it runs at a sync, and does not count for the sync status.
        changes: what differs, empty for a missing or an extra object.
        ours: a live object that carries this application's own tracking; an object whose
            tracking names another object or application is never pruned.
        message: why the comparison failed, or what the cluster says to the target.
    """

    key: ObjectKey
    target: Object | None = field(repr=False)
    live: Object | None = field(repr=False)
    status: SyncStatus
    changes: tuple[FieldChange, ...] = ()
    health: Health | None = None
    hook: bool = False
    ours: bool = True
    message: str = ""

    @property
    def requires_pruning(self) -> bool:
        """Whether the sources no longer have it."""
        return self.target is None and self.live is not None and self.ours


@dataclass(frozen=True, slots=True)
class Comparison:
    """One application, compared.

    Args:
        conditions: type → message, Argo CD's condition types.
        namespace_differs: the namespace that CreateNamespace made lacks a label or
            annotation of managedNamespaceMetadata; it is no pair, as it is never pruned.
    """

    pairs: tuple[Pair, ...]
    status: SyncStatus
    health: Health
    conditions: tuple[tuple[str, str], ...] = ()
    namespace_differs: bool = False


class SyncPhase(enum.StrEnum):
    """When a task of a sync runs."""

    PRE_SYNC = "PreSync"
    SYNC = "Sync"
    POST_SYNC = "PostSync"
    SYNC_FAIL = "SyncFail"


class ResultCode(enum.StrEnum):
    """What came of one object of a sync."""

    SYNCED = "Synced"
    SYNC_FAILED = "SyncFailed"
    PRUNED = "Pruned"
    PRUNE_SKIPPED = "PruneSkipped"


class OperationPhase(enum.StrEnum):
    """Where an operation is."""

    RUNNING = "Running"
    TERMINATING = "Terminating"
    FAILED = "Failed"
    ERROR = "Error"
    SUCCEEDED = "Succeeded"

    @property
    def completed(self) -> bool:
        """Whether nothing more happens."""
        return self not in {OperationPhase.RUNNING, OperationPhase.TERMINATING}


@dataclass(frozen=True, slots=True)
class ResourceResult:
    """One entry of `status.operationState.syncResult.resources`.

    Args:
        code: None for a hook that runs.
        hook_phase: only for hooks.
    """

    key: ObjectKey
    version: str
    sync_phase: SyncPhase
    code: ResultCode | None = None
    message: str = ""
    hook_type: str = ""
    hook_phase: OperationPhase | None = None


@dataclass(frozen=True, slots=True)
class OperationState:
    """`status.operationState`: an operation and how far it is; a kill resumes from it.

    Args:
        sources: digest of what was synced, where it was read from a status; else "".
    """

    operation: Mapping[str, Any]
    phase: OperationPhase
    started_at: datetime
    message: str = ""
    finished_at: datetime | None = None
    retry_count: int = 0
    revisions: tuple[str, ...] = ()
    results: tuple[ResourceResult, ...] = ()
    sources: str = field(default="", compare=False)
