"""ExternalSecret, `external-secrets.io/v1` and `v1beta1`.

Source: the published CRD of External Secrets Operator 2.9 (field names, defaults,
validation messages).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from secretsync.resources.api_versions import check_api_version, read_spec
from secretsync.resources.decode import decode
from secretsync.resources.documents import Document
from secretsync.resources.durations import parse_duration
from secretsync.resources.external_secret_rules import check_spec
from secretsync.resources.external_secret_spec import (
    DataFromSpec,
    ExternalSecretSpec,
    ManifestTarget,
    TargetSpec,
)
from secretsync.resources.external_secret_template import (
    Template,
    TemplateMetadata,
    template_of,
)
from secretsync.resources.findings import Findings
from secretsync.resources.guards import NO_GUARDS, Guards, read_guards
from secretsync.resources.meta import ObjectMeta, ObjectRef
from secretsync.resources.object_meta import object_findings, read_meta
from secretsync.resources.parsed import Parsed
from secretsync.resources.rewrite_spec import Rewrite, chosen_rewrites
from secretsync.resources.source_spec import (
    Find,
    GeneratorRef,
    RemoteRef,
    SourceRefSpec,
    StoreRef,
)
from secretsync.resources.status import ready_condition
from secretsync.resources.sync_windows import SyncWindows, read_windows
from secretsync.resources.timestamps import parse_timestamp

__all__ = [
    "DataFrom",
    "DataItem",
    "ExternalSecret",
    "ExternalSecretStatus",
    "Find",
    "GeneratorRef",
    "RemoteRef",
    "StoreRef",
    "SyncWindows",
    "Target",
    "Template",
    "TemplateMetadata",
    "parse_external_secret",
]

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class DataItem:
    """One entry of `spec.data`; `store` is its own store, or the object's."""

    secret_key: str
    remote_ref: RemoteRef
    store: StoreRef


@dataclass(frozen=True, slots=True)
class DataFrom:
    """One entry of `spec.dataFrom`.

    Args:
        source: `extract`, `find`, or the generator.
        store: its own store, or the object's; None for a generator.
        rewrite: what is done to the keys, in order.
    """

    source: RemoteRef | Find | GeneratorRef
    store: StoreRef | None
    rewrite: tuple[Rewrite, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """`spec.target`, with the name defaulted to the object's.

    Args:
        manifest: the kind of a target that is not a Secret.
    """

    name: str
    creation_policy: str = "Owner"  # Owner | Orphan | Merge | None | CreateOrMerge
    deletion_policy: str = "Retain"  # Retain | Delete | Merge
    immutable: bool = False
    template: Template | None = None
    manifest: ManifestTarget | None = None


@dataclass(frozen=True, slots=True)
class ExternalSecretStatus:
    """The part of `status` that decides whether a refresh is due."""

    refresh_at: datetime | None = None
    synced_resource_version: str = ""
    ready: str = ""  # True | False | Unknown | ""
    reason: str = ""
    message: str = ""
    transition_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExternalSecret:
    """One validated ExternalSecret.

    Args:
        refresh_interval_s: seconds; 0 or less means never again once synced.
        sync_windows: when periodic refreshes may happen; None for at any time.
        live: the object lives in the target cluster (it has a uid and a status);
            False for an object read from PATH.
        guards: what must hold of the data before it is written.
    """

    meta: ObjectMeta
    api_version: str
    refresh_policy: str  # Periodic | CreatedOnce | OnChange
    refresh_interval_s: float
    target: Target
    data: tuple[DataItem, ...] = ()
    data_from: tuple[DataFrom, ...] = ()
    status: ExternalSecretStatus = field(default_factory=ExternalSecretStatus)
    live: bool = False
    sync_windows: SyncWindows | None = None
    guards: Guards = NO_GUARDS

    @property
    def ref(self) -> ObjectRef:
        """The object's own reference."""
        return ObjectRef("ExternalSecret", self.meta.namespace, self.meta.name)

    @property
    def target_name(self) -> str:
        """The name of the Secret, or of the other object, that it makes."""
        return self.target.name

    @property
    def target_key(self) -> str:
        """What no two targets of a namespace have in common."""
        manifest = self.target.manifest
        return self.target.name if manifest is None else manifest.key(self.target.name)

    @property
    def creation_policy(self) -> str:
        """How it shares the Secret with others."""
        return self.target.creation_policy

    def stores(self) -> tuple[StoreRef, ...]:
        """Return every store it reads from, each once, in order of first use."""
        stores = [*(item.store for item in self.data_from), *(item.store for item in self.data)]
        return tuple(dict.fromkeys(store for store in stores if store is not None))

    def generators(self) -> tuple[GeneratorRef, ...]:
        """Return the generator of every entry that has one, in their order."""
        sources = (entry.source for entry in self.data_from)
        return tuple(source for source in sources if isinstance(source, GeneratorRef))


def parse_external_secret(document: Document, *, default_namespace: str) -> Parsed[ExternalSecret]:
    """Parse, default and validate one ExternalSecret.

    Args:
        document: an object of a file, or of a cluster (then it has a uid).
        default_namespace: of an object that names none.

    Returns:
        The object, or None where a problem is an error; all problems at once.
    """
    findings = object_findings(document, default_namespace=default_namespace)
    api_version = check_api_version(document, findings, "ExternalSecret")
    meta = read_meta(document, findings, default_namespace=default_namespace)
    raw = read_spec(document, findings)
    if not raw and findings.failed:
        return Parsed(None, findings.problems)
    spec = decode(ExternalSecretSpec, raw, ("spec",), findings)
    check_spec(spec, raw, api_version, findings)
    interval_s = _refresh_interval_s(spec.refresh_interval, findings)
    rewrites = [
        chosen_rewrites(entry.rewrite, ("spec", "dataFrom", index, "rewrite"), findings)
        for index, entry in enumerate(spec.data_from)
    ]
    windows = read_windows(spec.sync_windows, findings)
    guards = read_guards(meta.annotations, findings, generic=spec.target.manifest is not None)
    if findings.failed:
        return Parsed(None, findings.problems)
    item = _build(document, meta, spec, rewrites)
    return Parsed(
        replace(item, refresh_interval_s=interval_s, sync_windows=windows, guards=guards),
        findings.problems,
    )


def _refresh_interval_s(written: str | int, findings: Findings) -> float:
    path = ("spec", "refreshInterval")
    if written == "":
        return HOUR_S
    if isinstance(written, str):
        seconds = parse_duration(written)
        if seconds is not None:
            return seconds
    elif written == 0:
        findings.warning(path, "the API server takes only strings here", 'write "0" in quotes')
        return 0.0
    findings.error(path, "not a duration", 'write a Go duration such as "1h", "30m" or "0"')
    return HOUR_S


def _build(
    document: Document,
    meta: ObjectMeta,
    spec: ExternalSecretSpec,
    rewrites: Sequence[tuple[Rewrite, ...]],
) -> ExternalSecret:
    def store(source: SourceRefSpec | None) -> StoreRef:
        own = source.store_ref if source is not None else None
        chosen = own if own is not None else spec.secret_store_ref
        if chosen is None:
            raise AssertionError("check_spec lets no entry pass without a store")
        return chosen

    def data_from(entry: DataFromSpec, rewrite: tuple[Rewrite, ...]) -> DataFrom:
        source = entry.extract or entry.find
        if source is not None:
            return DataFrom(source, store(entry.source_ref), rewrite)
        generator = entry.source_ref.generator_ref if entry.source_ref else None
        if generator is None:
            raise AssertionError("check_spec lets no entry pass without a source")
        return DataFrom(generator, None, rewrite)

    return ExternalSecret(
        meta=meta,
        api_version=document.value["apiVersion"],
        refresh_policy=spec.refresh_policy,
        refresh_interval_s=HOUR_S,
        target=_target(spec.target, meta.name),
        data=tuple(
            DataItem(item.secret_key, item.remote_ref, store(item.source_ref)) for item in spec.data
        ),
        data_from=tuple(map(data_from, spec.data_from, rewrites)),
        status=_status(document.value),
        live=bool(meta.uid),
    )


def _target(spec: TargetSpec, default_name: str) -> Target:
    template = template_of(spec.template) if spec.template is not None else None
    return Target(
        spec.name or default_name,
        spec.creation_policy,
        spec.deletion_policy,
        spec.immutable,
        template,
        spec.manifest,
    )


def _status(obj: dict[str, Any]) -> ExternalSecretStatus:
    """Read `status`; what is malformed counts as absent, since no user writes it."""
    value = obj.get("status")
    if not isinstance(value, dict):
        return ExternalSecretStatus()
    ready = ready_condition(obj)
    return ExternalSecretStatus(
        refresh_at=parse_timestamp(value.get("refreshTime")),
        synced_resource_version=_text(value, "syncedResourceVersion"),
        ready=_text(ready, "status"),
        reason=_text(ready, "reason"),
        message=_text(ready, "message"),
        transition_at=parse_timestamp(ready.get("lastTransitionTime")),
    )


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""
