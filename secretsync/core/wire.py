"""An action on a Secret as the API object or patch that carries it out. Pure."""

from __future__ import annotations

import base64
from typing import Any

from secretsync.core.plan import SecretAction, replaces_owner
from secretsync.core.secrets import (
    DATES_ANNOTATION,
    INVENTORY_LABEL,
    SEALED_DIGEST_ANNOTATION,
    VERSIONS_ANNOTATION,
    DesiredSecret,
    LiveSecret,
    OwnerReference,
)

__all__ = ["apply_object", "create_object", "needs_patch", "update_patch"]

#: Notes that are only true of the write they came with.
_NOTES = (VERSIONS_ANNOTATION, DATES_ANNOTATION, SEALED_DIGEST_ANNOTATION)


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
    if desired.owner is None and live.owner is not None and desired.is_parent(live.owner):
        # A run from files beside a live ExternalSecret: its reference stays.
        obj["metadata"]["ownerReferences"] = [_owner_reference(live.owner)]
    if INVENTORY_LABEL in live.labels and not desired.keep_foreign_keys:
        # Noted by a run from files; whoever writes without one has no opinion on it.
        obj["metadata"]["labels"].setdefault(INVENTORY_LABEL, live.labels[INVENTORY_LABEL])
    if live.immutable:
        # What is immutable stays so; leaving the field out would ask to undo it.
        obj["immutable"] = True
    obj["metadata"]["uid"] = live.uid
    obj["metadata"]["resourceVersion"] = live.resource_version
    return obj


def needs_patch(desired: DesiredSecret, action: SecretAction, live: LiveSecret) -> bool:
    """Return whether an update is beyond server-side apply, which only adds and keeps.

    Removals would fail where another field manager holds the key too; an apply of less
    than before would drop what is held back; a controller cannot be replaced by it.
    """
    beyond = desired.hold_removals or desired.additive or replaces_owner(desired, live)
    return bool(action.removals) or beyond or bool(_outdated_notes(action, live))


def update_patch(desired: DesiredSecret, action: SecretAction, live: LiveSecret) -> dict[str, Any]:
    """Return a merge patch that sets what is wanted and removes what must go.

    One patch, so that no reader sees half of it. It replaces lists whole: what others
    put into them is in it too, and one that need not change stays out.
    """
    patch = apply_object(desired, action, live)
    for section, keys in (
        (patch["data"], action.removals.data),
        (patch["metadata"]["labels"], action.removals.labels),
        (patch["metadata"]["annotations"], action.removals.annotations),
    ):
        section.update(dict.fromkeys(keys))
    patch["metadata"]["annotations"].update(dict.fromkeys(_outdated_notes(action, live)))
    for name in ("name", "namespace", "uid"):
        del patch["metadata"][name]
    metadata = patch["metadata"]
    if replaces_owner(desired, live) or desired.owner not in (None, live.owner):
        own = [] if desired.owner is None else [_owner_reference(desired.owner)]
        uids = {reference["uid"] for reference in own}
        kept = () if desired.exclusive else live.other_owners
        others = [other for other in kept if other.get("uid") not in uids]
        metadata["ownerReferences"] = [*others, *own]
    else:
        metadata.pop("ownerReferences", None)
    if desired.finalizers:
        metadata["finalizers"] = list(dict.fromkeys((*live.finalizers, *desired.finalizers)))
    return patch


def _outdated_notes(action: SecretAction, live: LiveSecret) -> list[str]:
    """Return the live notes that this write has no successor for."""
    return [note for note in _NOTES if note in live.annotations.keys() - action.annotations.keys()]


def _owner_reference(owner: OwnerReference) -> dict[str, Any]:
    reference: dict[str, Any] = {
        "apiVersion": owner.api_version,
        "kind": owner.kind,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
    }
    if owner.blocks_deletion:
        reference["blockOwnerDeletion"] = True
    return reference


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
