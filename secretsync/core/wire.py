"""An action on a Secret as the API object or patch that carries it out. Pure."""

from __future__ import annotations

import base64
from typing import Any, TypeGuard

from secretsync.core.plan import SecretAction
from secretsync.core.secrets import DesiredSecret, LiveSecret, OwnerReference

__all__ = ["apply_object", "create_object", "update_patch"]


def create_object(desired: DesiredSecret, action: SecretAction) -> dict[str, Any]:
    """Return the Secret to create."""
    metadata: dict[str, Any] = {
        "name": desired.name,
        "namespace": desired.namespace,
        "labels": dict(desired.labels),
        "annotations": dict(action.annotations),
    }
    if desired.finalizers:
        metadata["finalizers"] = list(desired.finalizers)
    if desired.owner is not None:
        metadata["ownerReferences"] = [_owner_reference(desired.owner)]
    obj: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": action.type,
        "data": {key: _encoded(value.reveal()) for key, value in sorted(desired.data.items())},
    }
    if desired.immutable:
        obj["immutable"] = True
    return obj


def apply_object(desired: DesiredSecret, action: SecretAction, live: LiveSecret) -> dict[str, Any]:
    """Return the body of a server-side apply over the live Secret.

    It carries the live uid and resource version: what was planned against is what is
    changed, and an object that went away in between is not made anew by accident.
    """
    obj = create_object(desired, action)
    if desired.owner is None and _made_by_parent(live.owner, desired):
        # A run from files beside a live ExternalSecret: its reference stays.
        obj["metadata"]["ownerReferences"] = [_owner_reference(live.owner)]
    obj["metadata"]["uid"] = live.uid
    obj["metadata"]["resourceVersion"] = live.resource_version
    return obj


def update_patch(desired: DesiredSecret, action: SecretAction, live: LiveSecret) -> dict[str, Any]:
    """Return a merge patch that sets what is wanted and removes what must go.

    Used where keys must go that server-side apply would leave, because another field
    manager holds them too: one patch, so that no reader sees half of it.
    """
    patch = apply_object(desired, action, live)
    for section, keys in (
        (patch["data"], action.removals.data),
        (patch["metadata"]["labels"], action.removals.labels),
        (patch["metadata"]["annotations"], action.removals.annotations),
    ):
        section.update(dict.fromkeys(keys))
    for name in ("name", "namespace", "uid"):
        del patch["metadata"][name]
    if desired.owner in (None, live.owner):
        # A merge patch replaces lists whole: one that need not change stays out.
        patch["metadata"].pop("ownerReferences", None)
    return patch


def _made_by_parent(
    owner: OwnerReference | None, desired: DesiredSecret
) -> TypeGuard[OwnerReference]:
    return (
        owner is not None
        and owner.kind == desired.parent.kind
        and owner.name == desired.parent.name
    )


def _owner_reference(owner: OwnerReference) -> dict[str, Any]:
    return {
        "apiVersion": owner.api_version,
        "kind": owner.kind,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
