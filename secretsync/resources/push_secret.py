"""PushSecret, `external-secrets.io/v1alpha1`: values of the cluster that go to stores.

Neighbours: `push_secret_rules` has the rules, `core.push` says what goes where.

Source: the published CRD of External Secrets Operator 2.9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from secretsync.resources.api_versions import ESO_GROUP, read_spec
from secretsync.resources.composer import Path, quoted
from secretsync.resources.decode import decode
from secretsync.resources.documents import Document
from secretsync.resources.durations import parse_duration
from secretsync.resources.external_secret_template import Template, template_of
from secretsync.resources.findings import Findings
from secretsync.resources.meta import ObjectMeta, ObjectRef
from secretsync.resources.object_meta import object_findings, read_meta
from secretsync.resources.parsed import Parsed
from secretsync.resources.push_secret_rules import TEMPLATE_PATH, check_push_spec
from secretsync.resources.push_secret_spec import (
    DataToSpec,
    PushDataSpec,
    PushSecretSpec,
    SelectorSourceSpec,
    StoreRefSpec,
)
from secretsync.resources.rewrite_spec import Rewrite, chosen_rewrites
from secretsync.resources.secret_store import LabelSelector, label_selector
from secretsync.resources.source_spec import GeneratorRef
from secretsync.resources.status import ready_condition
from secretsync.resources.timestamps import parse_timestamp

__all__ = [
    "PUSH_VERSION",
    "DataTo",
    "PushData",
    "PushSecret",
    "PushStatus",
    "PushStore",
    "SecretSource",
    "Synced",
    "check_push_version",
    "parse_push_secret",
    "read_interval",
]

PUSH_VERSION = f"{ESO_GROUP}/v1alpha1"

HOUR_S = 3600.0

#: `status.syncedPushSecrets`: `Kind/name` of a store → place there → the entry as written.
Synced = Mapping[str, Mapping[str, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class PushStore:
    """Which stores to push to: the one of a name, or those with certain labels."""

    kind: str
    name: str = ""
    selector: LabelSelector | None = None


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Which Secrets to push: the one of a name, or those with certain labels."""

    name: str = ""
    selector: LabelSelector | None = None


@dataclass(frozen=True, slots=True)
class PushData:
    """One entry of `data`.

    Args:
        secret_key: "" pushes the whole Secret as one JSON object.
        metadata: for the provider, as written.
    """

    secret_key: str
    remote_key: str
    property: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    conversion_strategy: str = "None"


@dataclass(frozen=True, slots=True)
class DataTo:
    """One entry of `dataTo`.

    Args:
        regexp: which keys it takes; "" for all.
        remote_key: where all of them go as one JSON object; "" sends each to its own.
        rewrite: makes remote keys out of keys.
    """

    store: PushStore
    regexp: str = ""
    remote_key: str = ""
    rewrite: tuple[Rewrite, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    conversion_strategy: str = "None"


@dataclass(frozen=True, slots=True)
class PushStatus:
    """`status` as last written."""

    refresh_at: datetime | None = None
    synced_resource_version: str = ""
    synced: Synced = field(default_factory=dict)
    ready: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PushSecret:
    """One validated PushSecret.

    Args:
        refresh_interval_s: seconds; 0 or less means never again once synced.
        source: the Secrets or the generator that the values come from.
        live: the object lives in the cluster; False for an object read from PATH.
    """

    meta: ObjectMeta
    stores: tuple[PushStore, ...]
    source: SecretSource | GeneratorRef
    refresh_interval_s: float = HOUR_S
    update_policy: str = "Replace"  # Replace | IfNotExists
    deletion_policy: str = "None"  # None | Delete
    data: tuple[PushData, ...] = ()
    data_to: tuple[DataTo, ...] = ()
    template: Template | None = None
    status: PushStatus = field(default_factory=PushStatus)
    live: bool = False

    @property
    def ref(self) -> ObjectRef:
        """The object's own reference."""
        return ObjectRef("PushSecret", self.meta.namespace, self.meta.name)

    @property
    def deletes(self) -> bool:
        """Whether what it pushed goes when it goes."""
        return self.deletion_policy == "Delete"


def parse_push_secret(document: Document, *, default_namespace: str) -> Parsed[PushSecret]:
    """Parse, default and validate one PushSecret.

    Args:
        document: an object of a file, or of a cluster (then it has a uid).
        default_namespace: of an object that names none.

    Returns:
        The object, or None where a problem is an error; all problems at once.
    """
    findings = object_findings(document, default_namespace=default_namespace)
    check_push_version(document, findings)
    meta = read_meta(document, findings, default_namespace=default_namespace)
    raw = read_spec(document, findings)
    if not raw and findings.failed:
        return Parsed(None, findings.problems)
    spec = decode(PushSecretSpec, raw, ("spec",), findings)
    check_push_spec(spec, raw, findings)
    interval_s = read_interval(spec.refresh_interval, ("spec", "refreshInterval"), findings)
    rewrites = [
        chosen_rewrites(entry.rewrite, ("spec", "dataTo", index, "rewrite"), findings)
        for index, entry in enumerate(spec.data_to)
    ]
    if findings.failed:
        return Parsed(None, findings.problems)
    item = PushSecret(
        meta,
        tuple(map(_store, spec.secret_store_refs)),
        _source(spec.selector),
        interval_s,
        spec.update_policy,
        spec.deletion_policy,
        tuple(map(_data, spec.data)),
        tuple(map(_data_to, spec.data_to, rewrites)),
        template_of(spec.template, path=TEMPLATE_PATH) if spec.template is not None else None,
        _status(document.value),
        live=bool(meta.uid),
    )
    return Parsed(item, findings.problems)


def check_push_version(document: Document, findings: Findings) -> None:
    """Refuse any version but the one that there is."""
    api_version = document.value.get("apiVersion")
    if api_version != PUSH_VERSION:
        findings.error(
            ("apiVersion",),
            f"{document.value.get('kind')} has no version {quoted(str(api_version))}",
            f"use {PUSH_VERSION}",
        )


def read_interval(written: str | int, path: Path, findings: Findings) -> float:
    """Return the seconds of a refresh interval; an hour where none is given."""
    if written == "":
        return HOUR_S
    seconds = parse_duration(written) if isinstance(written, str) else None
    if seconds is not None:
        return seconds
    if written == 0:
        findings.warning(path, "the API server takes only strings here", 'write "0" in quotes')
        return 0.0
    findings.error(path, "not a duration", 'write a Go duration such as "1h", "30m" or "0"')
    return HOUR_S


def _store(spec: StoreRefSpec) -> PushStore:
    selector = spec.label_selector
    return PushStore(
        spec.kind, spec.name, None if spec.name or selector is None else label_selector(selector)
    )


def _source(spec: SelectorSourceSpec) -> SecretSource | GeneratorRef:
    if spec.generator_ref is not None:
        return spec.generator_ref
    if spec.secret is None:
        raise AssertionError("check_push_spec lets no selector pass without a source")
    selector = spec.secret.selector
    if spec.secret.name or selector is None:
        return SecretSource(spec.secret.name)
    return SecretSource(selector=label_selector(selector))


def _data(spec: PushDataSpec) -> PushData:
    return PushData(
        spec.match.secret_key,
        spec.match.remote_ref.remote_key,
        spec.match.remote_ref.property,
        spec.metadata or {},
        spec.conversion_strategy,
    )


def _data_to(spec: DataToSpec, rewrites: Sequence[Rewrite]) -> DataTo:
    return DataTo(
        _store(spec.store_ref),
        spec.match.regexp if spec.match is not None else "",
        spec.remote_key,
        tuple(rewrites),
        spec.metadata or {},
        spec.conversion_strategy,
    )


def _status(obj: Mapping[str, Any]) -> PushStatus:
    """Read `status`; what is malformed counts as absent, since no user writes it."""
    value = obj.get("status")
    if not isinstance(value, dict):
        return PushStatus()
    version = value.get("syncedResourceVersion")
    return PushStatus(
        parse_timestamp(value.get("refreshTime")),
        version if isinstance(version, str) else "",
        _synced(value.get("syncedPushSecrets")),
        ready_condition(obj),
    )


def _synced(value: Any) -> Synced:
    if not isinstance(value, dict):
        return {}
    return {
        store: {place: entry for place, entry in places.items() if isinstance(entry, dict)}
        for store, places in value.items()
        if isinstance(places, dict)
    }
