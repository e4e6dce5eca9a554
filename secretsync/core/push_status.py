"""What a PushSecret, or a maker of objects in many namespaces, says in `status`. Pure.

Source: External Secrets Operator 2.9, the statuses of PushSecret, ClusterExternalSecret and
ClusterPushSecret.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from secretsync.core.conditions import ready_status, rfc3339
from secretsync.core.hashes import synced_resource_version
from secretsync.resources.meta import ObjectMeta
from secretsync.resources.provisioner import Provisioner, ProvisionStatus
from secretsync.resources.push_secret import PushSecret, PushStatus, Synced

__all__ = ["child_fields", "merge_diff", "provision_status", "push_status", "push_version"]

_FAILED_MESSAGE = "one or more namespaces failed"


def push_version(item: PushSecret) -> str:
    """Return the `syncedResourceVersion` of a PushSecret, which moves with each edit.

    An object of PATH has no generation that would count its edits: what it says does.
    """
    meta = item.meta
    version = synced_resource_version(meta.generation, meta.labels, meta.annotations)
    if item.live:
        return version
    asked = repr(replace(item, meta=ObjectMeta(""), status=PushStatus())).encode()
    return f"{version}-{hashlib.sha256(asked).hexdigest()[:8]}"


def push_status(
    before: PushStatus,
    *,
    ready: bool,
    reason: str,
    message: str,
    synced: Synced,
    version: str,
    refreshed: bool,
    now: datetime,
) -> tuple[dict[str, Any], PushStatus] | None:
    """Return the status patch and what it makes of the status, or None for no write.

    Args:
        before: the status as last written.
        version: the `syncedResourceVersion` to record on success.
        refreshed: something was pushed or deleted, so the refresh time moves.
    """
    patch = ready_status(before.ready, ready=ready, reason=reason, message=message, now=now)
    condition = patch["conditions"][0]
    told = ("status", "reason", "message")
    said = all(before.ready.get(name) == condition[name] for name in told)
    recorded = not ready or before.synced_resource_version == version
    if said and recorded and before.synced == synced and not refreshed:
        return None
    if before.synced != synced:
        patch["syncedPushSecrets"] = _replacing(before.synced, synced)
    refresh_at, synced_version = before.refresh_at, before.synced_resource_version
    if ready:
        refresh_at, synced_version = now, version
        patch["refreshTime"] = rfc3339(now)
        patch["syncedResourceVersion"] = version
    return patch, PushStatus(refresh_at, synced_version, synced, condition)


def _replacing(before: Synced, after: Synced) -> dict[str, Any]:
    """Return the patch that leaves `after` alone there, even if somebody took all away."""
    patch: dict[str, Any] = {store: None for store in before if store not in after}
    for store, places in after.items():
        gone = (place for place in before.get(store, {}) if place not in places)
        patch[store] = {**dict.fromkeys(gone), **places}
    return patch


def provision_status(
    item: Provisioner,
    before: ProvisionStatus,
    *,
    provisioned: Sequence[str],
    failed: Mapping[str, str],
    now: datetime,
) -> tuple[dict[str, Any], ProvisionStatus] | None:
    """Return the status patch and what it makes of the status, or None for no write.

    Args:
        before: the status as last written.
        provisioned: namespaces that have a child.
        failed: namespace → why it has none, or an old one.
    """
    after = ProvisionStatus(
        item.child_name, tuple(sorted(provisioned)), tuple(sorted(failed.items())), before.ready
    )
    ready = not failed
    message = "" if ready else _FAILED_MESSAGE
    if after == before and before.ready.get("status") == ("True" if ready else "False"):
        return None
    reason = "Provisioned" if ready else "NamespacesFailed"
    patch = ready_status(before.ready, ready=ready, reason=reason, message=message, now=now)
    kind = item.child_kind
    patch[f"{kind[0].lower()}{kind[1:]}Name"] = after.child_name
    patch["provisionedNamespaces"] = list(after.provisioned)
    patch["failedNamespaces"] = [
        {"namespace": namespace, "reason": why} for namespace, why in after.failed
    ]
    return patch, ProvisionStatus(
        after.child_name, after.provisioned, after.failed, patch["conditions"][0]
    )


def child_fields(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the merge patch that makes a child as it should be.

    Its labels become those that are wanted; annotations of others stay, since people ask
    for a refresh by setting one.
    """
    metadata = live.get("metadata") or {}
    asked = wanted["metadata"]
    labels = merge_diff(metadata.get("labels") or {}, asked.get("labels") or {})
    annotations = {
        key: value
        for key, value in (asked.get("annotations") or {}).items()
        if (metadata.get("annotations") or {}).get(key) != value
    }
    changed = {"labels": labels, "annotations": annotations}
    patch: dict[str, Any] = {"spec": merge_diff(live.get("spec") or {}, wanted["spec"])}
    patch["metadata"] = {name: fields for name, fields in changed.items() if fields}
    return {name: fields for name, fields in patch.items() if fields}


def merge_diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch (RFC 7386) from one object to another."""
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        held = before.get(key)
        if isinstance(held, Mapping) and isinstance(value, Mapping):
            inner = merge_diff(held, value)
            if inner:
                patch[key] = inner
        elif key not in before or held != value:
            patch[key] = value
    return patch
