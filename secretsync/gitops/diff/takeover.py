"""Objects that another tool applied: what it owned becomes ours, once we write them.

Argo CD and kubectl leave ownership under names of their own. Without taking that over, a
field that leaves the sources would stay in the cluster, as nobody who still applies owns
it. Nothing is written for the takeover alone: it goes before the first real change.
Neighbours: `comparing` shows such fields as removed, `syncing` sends the patch. Pure.

Source: Kubernetes, "Upgrading from client-side apply to server-side apply".
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from secretsync.gitops.diff.local_diff import dropped_of, dropped_since
from secretsync.gitops.model import FIELD_MANAGER, Object
from secretsync.gitops.objects.field_paths import ABSENT, Difference, value_at
from secretsync.gitops.objects.normalizing import LAST_APPLIED, normalized
from secretsync.gitops.objects.owned_fields import Fields, field_owners

__all__ = [
    "CLIENT_SIDE_MANAGERS",
    "dropped_by_takeover",
    "migrated_managers",
    "takeover_patch",
]

#: Who applied for Argo CD, by either way.
ARGO_MANAGER = "argocd-controller"
#: Who wrote client-side what the annotation keeps.
CLIENT_SIDE_MANAGERS = frozenset({ARGO_MANAGER, "kubectl-client-side-apply"})
#: Names a further one, on an Application.
MIGRATED = "argocd.argoproj.io/client-side-apply-migration-manager"


def migrated_managers(annotations: Mapping[str, str], *, migrates: bool) -> frozenset[str]:
    """Return whose client-side applies an Application takes over.

    Args:
        annotations: of the Application, which may name one more.
        migrates: False for `ClientSideApplyMigration=false`: nobody's.
    """
    if not migrates:
        return frozenset()
    more = annotations.get(MIGRATED, "").strip()
    return CLIENT_SIDE_MANAGERS | ({more} if more else frozenset())


def takeover_patch(
    live: Mapping[str, Any],
    *,
    manager: str = FIELD_MANAGER,
    client_side: Collection[str] = CLIENT_SIDE_MANAGERS,
) -> Object | None:
    """Return the merge patch that makes earlier tools' ownership ours; None for nothing to do.

    It holds to the version of the object that was read, changes no field that the object
    is about, and removes kubectl's copy of the object, which in Secrets is plain text.

    Args:
        live: the object as it is, with managedFields.
        manager: who applies from now on.
        client_side: whose client-side applies become ours; none leaves them, and their
            copy of the object, as they are.
    """
    metadata = live.get("metadata") or {}
    annotated = bool(client_side) and LAST_APPLIED in (metadata.get("annotations") or {})
    if not annotated and not any(map(_applied_by_argo, metadata.get("managedFields") or ())):
        return None
    kept: list[Any] = []
    mine: dict[str, Any] | None = None
    for entry in metadata.get("managedFields") or ():
        if not _taken(entry, manager, client_side if annotated else ()):
            kept.append(entry)
        elif mine is None:
            mine = {**entry, "manager": manager, "operation": "Apply"}
        elif entry.get("apiVersion") != mine.get("apiVersion"):
            kept.append(entry)  # Its fields are named in another version.
        else:
            mine["fieldsV1"] = _union(mine.get("fieldsV1") or {}, entry.get("fieldsV1") or {})
    patch: Object = {
        "uid": metadata.get("uid"),
        "resourceVersion": metadata.get("resourceVersion"),
    }
    if mine is not None:
        patch["managedFields"] = [*kept, {**mine, "fieldsV1": _without_copy(mine["fieldsV1"])}]
    if annotated:
        patch["annotations"] = {LAST_APPLIED: None}
    return {"metadata": patch}


def dropped_by_takeover(
    target: Mapping[str, Any],
    live: Mapping[str, Any],
    *,
    client_side: Collection[str] = CLIENT_SIDE_MANAGERS,
) -> list[Difference]:
    """Return the fields that an earlier tool applied and the target no longer gives.

    Args:
        target: normalized.
        live: the object as it is, with managedFields and annotations.
        client_side: whose client-side applies become ours.
    """
    shown = normalized(live)
    paths = [
        path
        for owner in field_owners(live)
        if (owner.manager, owner.operation, owner.subresource) == (ARGO_MANAGER, "Apply", "")
        and owner.api_version == live.get("apiVersion")
        for path in dropped_of(owner.fields, target, shown)
    ]
    applied = _last_applied(live)
    if applied is not None and client_side:
        paths += dropped_since(applied, target, shown)
    return [
        Difference(path, value_at(shown, path), ABSENT)
        for path in dict.fromkeys(paths)
        if value_at(shown, path) is not ABSENT
    ]


def _applied_by_argo(entry: Mapping[str, Any]) -> bool:
    return (entry.get("manager"), entry.get("operation")) == (ARGO_MANAGER, "Apply")


def _taken(entry: Mapping[str, Any], manager: str, client_side: Collection[str]) -> bool:
    if entry.get("subresource"):
        return False
    who, how = entry.get("manager"), entry.get("operation")
    if how == "Apply":
        return who in (manager, ARGO_MANAGER)
    return how == "Update" and who in client_side


def _union(left: Fields, right: Fields) -> dict[str, Any]:
    return {name: _union(left.get(name, {}), right.get(name, {})) for name in {**left, **right}}


def _without_copy(fields: Fields) -> Object:
    """Nobody owns the annotation that goes."""
    metadata = fields.get("f:metadata") or {}
    annotations = {
        name: below
        for name, below in (metadata.get("f:annotations") or {}).items()
        if name != f"f:{LAST_APPLIED}"
    }
    if "f:annotations" not in metadata:
        return dict(fields)
    kept = {name: below for name, below in metadata.items() if name != "f:annotations"}
    if annotations.keys() - {"."}:
        kept["f:annotations"] = annotations
    left = {name: below for name, below in fields.items() if name != "f:metadata"}
    return {**left, "f:metadata": kept} if kept else left


def _last_applied(live: Mapping[str, Any]) -> Object | None:
    text = ((live.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    if not isinstance(text, str):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or value.get("apiVersion") != live.get("apiVersion"):
        return None
    if not isinstance(value.get("metadata") or {}, dict):
        return None
    return normalized(value)
