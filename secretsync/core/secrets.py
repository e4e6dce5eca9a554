"""A Secret as it should be and as it is: the values that `plan` compares.

Neighbours: `materialize` makes DesiredSecret, `live_secret` reads what a cluster
gave, `wire` turns a decision back into API objects.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.base import SecretBytes
from secretsync.resources.guards import NO_GUARDS, Guards
from secretsync.resources.meta import ObjectRef

__all__ = [
    "ADOPT_ANNOTATION",
    "ALLOW_EMPTY_ANNOTATION",
    "ARGO_PREFIX",
    "CREATED_BY_LABEL",
    "DATA_HASH_ANNOTATION",
    "DATES_ANNOTATION",
    "INVENTORY_LABEL",
    "LAST_APPLIED_ANNOTATION",
    "MANAGED_LABEL",
    "SEALED_DIGEST_ANNOTATION",
    "VERSIONS_ANNOTATION",
    "DesiredSecret",
    "LiveSecret",
    "ManagedFields",
    "OwnerReference",
    "live_secret",
    "written_dates",
    "written_versions",
]

#: Labels and annotation that External Secrets Operator writes; ours are the same, so
#: that either can take over from the other without a write.
MANAGED_LABEL = "reconcile.external-secrets.io/managed"
CREATED_BY_LABEL = "reconcile.external-secrets.io/created-by"
DATA_HASH_ANNOTATION = "reconcile.external-secrets.io/data-hash"

ADOPT_ANNOTATION = "secretsync.io/adopt"
ALLOW_EMPTY_ANNOTATION = "secretsync.io/allow-empty"
VERSIONS_ANNOTATION = "secretsync.io/provider-versions"
#: When the store made them, where their ids do not say which came first.
DATES_ANNOTATION = "secretsync.io/provider-dates"
SEALED_DIGEST_ANNOTATION = "secretsync.io/sealed-digest"
#: On Secrets made from PATH: which set of PATHs, so that leftovers can be found.
INVENTORY_LABEL = "secretsync.io/inventory"
#: kubectl's copy of the whole ExternalSecret: it describes that object, not the Secret.
LAST_APPLIED_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
#: What an Application says of an ExternalSecret, its tracking too. ESO copies it, and then
#: the Secret looks like an object of the Application that left its repository.
ARGO_PREFIX = "argocd.argoproj.io/"

DEFAULT_TYPE = "Opaque"


@dataclass(frozen=True, slots=True)
class OwnerReference:
    """A controller owner reference.

    Args:
        blocks_deletion: how it is written; a reference without it is the same one.
    """

    api_version: str
    kind: str
    name: str
    uid: str
    blocks_deletion: bool = field(default=True, compare=False)


@dataclass(frozen=True, slots=True)
class DesiredSecret:
    """What one ExternalSecret or SealedSecret wants to exist.

    Args:
        type: "" keeps the live type, or Opaque for a new Secret.
        disown: a controller reference to the parent must go (every policy but Owner):
            the Secret is to outlive it.
        keep_foreign_keys: data keys that others wrote stay (Merge, CreateOrMerge).
        must_exist: write only into an existing Secret (Merge).
        field_managers: ours first, then those whose fields count as ours.
        versions: provider version id per thing that was read, for the annotation.
        dates: when the provider made it, of versions that do not count up.
        adopt: a foreign Secret may be taken over.
        allow_empty: an empty value may replace one that is not.
        guards: what must hold of the data before it is written.
        allow_older: names of what may be in an older version than the one that was
            written: that was seen twice.
        hold_removals: some source was not found and is not confirmed gone: no key is
            removed yet.
        exclusive: labels, annotations and owner references that are not desired go,
            whoever wrote them.
        additive: nothing goes, not even what was written for the same parent before.
        hashes_data: External Secrets Operator's hash of the data is written with it.
        sealed_digest: value of the annotation, or "" for none.
    """

    parent: ObjectRef
    namespace: str
    name: str
    data: Mapping[str, SecretBytes]
    field_managers: tuple[str, ...]
    created_by: str
    type: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    finalizers: tuple[str, ...] = ()
    immutable: bool = False
    owner: OwnerReference | None = None
    disown: bool = False
    keep_foreign_keys: bool = False
    must_exist: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, str] = field(default_factory=dict)
    adopt: bool = False
    allow_empty: bool = False
    guards: Guards = NO_GUARDS
    allow_older: frozenset[str] = frozenset()
    hold_removals: bool = False
    exclusive: bool = False
    additive: bool = False
    hashes_data: bool = True
    sealed_digest: str = ""

    @property
    def ref(self) -> ObjectRef:
        """The Secret's reference."""
        return ObjectRef("Secret", self.namespace, self.name)

    def is_parent(self, owner: OwnerReference) -> bool:
        """Return whether a reference names the parent, be it an earlier one of that name."""
        return (owner.kind, owner.name) == (self.parent.kind, self.parent.name)


@dataclass(frozen=True, slots=True)
class ManagedFields:
    """The keys one field manager owns in a Secret."""

    data: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    annotations: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LiveSecret:
    """A Secret as a cluster holds it.

    Args:
        owner: the controller reference.
        other_owners: the other owner references, as the API gives them.
    """

    namespace: str
    name: str
    uid: str
    resource_version: str
    type: str
    data: Mapping[str, SecretBytes]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    immutable: bool
    owner: OwnerReference | None
    managers: Mapping[str, ManagedFields]
    deleting: bool = False
    finalizers: tuple[str, ...] = ()
    other_owners: tuple[Mapping[str, Any], ...] = ()


def written_versions(live: LiveSecret | None) -> Mapping[str, str]:
    """Return the provider-versions that stand on a Secret; {} where they are unreadable."""
    return _noted(live, VERSIONS_ANNOTATION)


def written_dates(live: LiveSecret | None) -> Mapping[str, str]:
    """Return the provider-dates that stand on a Secret; {} where they are unreadable."""
    return _noted(live, DATES_ANNOTATION)


def _noted(live: LiveSecret | None, annotation: str) -> Mapping[str, str]:
    text = live.annotations.get(annotation, "") if live is not None else ""
    try:
        notes = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}  # somebody edited it: what was written is not known
    if not isinstance(notes, dict):
        return {}
    return {name: note for name, note in notes.items() if isinstance(note, str)}


def live_secret(obj: Mapping[str, Any]) -> LiveSecret:
    """Read a Secret as the API gives it."""
    metadata = obj.get("metadata") or {}
    references = metadata.get("ownerReferences") or []
    return LiveSecret(
        namespace=metadata.get("namespace", ""),
        name=metadata.get("name", ""),
        uid=metadata.get("uid", ""),
        resource_version=metadata.get("resourceVersion", ""),
        type=obj.get("type") or DEFAULT_TYPE,
        data={key: _decoded(value) for key, value in (obj.get("data") or {}).items()},
        labels=metadata.get("labels") or {},
        annotations=metadata.get("annotations") or {},
        immutable=bool(obj.get("immutable")),
        owner=_controller(references),
        managers=_managers(metadata.get("managedFields") or []),
        deleting=bool(metadata.get("deletionTimestamp")),
        finalizers=tuple(metadata.get("finalizers") or ()),
        other_owners=tuple(ref for ref in references if not ref.get("controller")),
    )


def _decoded(value: str | None) -> SecretBytes:
    try:
        return SecretBytes(base64.b64decode(value or "", validate=True))
    except (binascii.Error, ValueError):
        # A hand-edited file of a directory cluster: it differs from anything desired,
        # so it is shown as changed and repaired like any other drift.
        return SecretBytes((value or "").encode())


def _controller(references: list[Mapping[str, Any]]) -> OwnerReference | None:
    for reference in references:
        if reference.get("controller"):
            return OwnerReference(
                api_version=reference.get("apiVersion", ""),
                kind=reference.get("kind", ""),
                name=reference.get("name", ""),
                uid=reference.get("uid", ""),
                blocks_deletion=bool(reference.get("blockOwnerDeletion")),
            )
    return None


def _managers(entries: list[Mapping[str, Any]]) -> dict[str, ManagedFields]:
    """Collect FieldsV1 per manager; Apply and Update entries of one manager are one."""
    found: dict[str, ManagedFields] = {}
    for entry in entries:
        if entry.get("subresource"):
            continue
        fields = entry.get("fieldsV1") or {}
        metadata = fields.get("f:metadata") or {}
        before = found.get(entry.get("manager", ""), ManagedFields())
        found[entry.get("manager", "")] = ManagedFields(
            data=before.data | _keys(fields.get("f:data")),
            labels=before.labels | _keys(metadata.get("f:labels")),
            annotations=before.annotations | _keys(metadata.get("f:annotations")),
        )
    return found


def _keys(fields: Mapping[str, Any] | None) -> frozenset[str]:
    return frozenset(key[2:] for key in fields or {} if key.startswith("f:"))
