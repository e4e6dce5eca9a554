"""SealedSecret and the Secret that came out of it → desired, and the plan for it. Pure.

A Secret that exists is treated as Sealed Secrets treats it: what its controller wrote
for the same SealedSecret is ours and unchanged; `managed` and `patch` annotations on the
existing Secret decide about any other. Neighbours: `plan` compares, `wire` writes,
`sealed_digest` remembers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from providers.base import SecretBytes
from sealing.manifest_unseal import SKIP_OWNER_ANNOTATION
from secretsync.core.hashes import sealed_field_manager
from secretsync.core.plan import SecretAction, Verb, plan_secret
from secretsync.core.sealed_digest import digest_covers, sealed_digest
from secretsync.core.secrets import (
    ADOPT_ANNOTATION,
    CREATED_BY_LABEL,
    DEFAULT_TYPE,
    INVENTORY_LABEL,
    SEALED_DIGEST_ANNOTATION,
    DesiredSecret,
    LiveSecret,
    OwnerReference,
    live_secret,
)
from secretsync.resources.sealed_secret import SealedSecret

__all__ = [
    "MANAGED_ANNOTATION",
    "PATCH_ANNOTATION",
    "UNSEALED",
    "UNSEAL_FAILED",
    "UPDATE_FAILED",
    "desired_from_live",
    "desired_from_sealed",
    "fit_to_live",
    "plan_sealed",
    "sealed_digest",
]

#: On the existing Secret: it may be overwritten and taken over.
MANAGED_ANNOTATION = "sealedsecrets.bitnami.com/managed"
#: On the existing Secret: it is merged into, and stays whose it is.
PATCH_ANNOTATION = "sealedsecrets.bitnami.com/patch"
_TRUE = "true"

#: Reasons of Sealed Secrets' events, which outcomes carry.
UNSEALED = "Unsealed"
UNSEAL_FAILED = "ErrUnsealFailed"
UPDATE_FAILED = "ErrUpdateFailed"


def desired_from_sealed(
    sealed: SealedSecret,
    secret: Mapping[str, Any],
    *,
    digest_key: bytes | None = None,
    extra_labels: Mapping[str, str] | None = None,
) -> DesiredSecret:
    """Return what the SealedSecret wants, all but what the live Secret decides.

    Args:
        secret: what `sealing.unseal_manifest` made of it.
        digest_key: the install key; without one no digest is written.
        extra_labels: labels of ours, such as the inventory of a PATH.
    """
    made = live_secret(secret)
    desired = _desired(sealed, made.data, extra_labels)
    digest = sealed_digest(digest_key, sealed, made.data) if digest_key else ""
    return replace(
        desired,
        type=str(secret.get("type") or ""),
        labels={**made.labels, **desired.labels},
        annotations=_without_digest(made.annotations),
        finalizers=made.finalizers,
        immutable=made.immutable,
        disown=sealed.live and _skips_owner(sealed),
        sealed_digest=digest,
    )


def desired_from_live(
    sealed: SealedSecret,
    live: LiveSecret,
    *,
    digest_key: bytes,
    extra_labels: Mapping[str, str] | None = None,
) -> DesiredSecret | None:
    """Return the same without opening anything, or None where that takes a key.

    The digest on the Secret proves that its data is what would come out. All the rest
    is in the SealedSecret in plain, so that it is still compared and repaired.
    """
    if sealed.keys is None:
        return None  # The old form hides type and metadata as well.
    data = dict(live.data)
    if _patches(live):
        data = {key: value for key, value in data.items() if key in sealed.keys}
    digest = live.annotations.get(SEALED_DIGEST_ANNOTATION, "")
    if not digest or not digest_covers(digest, digest_key, sealed, data):
        return None
    template = sealed.template
    desired = _desired(sealed, data, extra_labels)
    return replace(
        desired,
        type=template.type,
        labels={**template.labels, **desired.labels},
        annotations=_without_digest(template.annotations),
        finalizers=template.finalizers,
        immutable=template.immutable,
        disown=sealed.live and _skips_owner(sealed),
        sealed_digest=digest,
    )


def _desired(
    sealed: SealedSecret,
    data: Mapping[str, SecretBytes],
    extra_labels: Mapping[str, str] | None,
) -> DesiredSecret:
    meta = sealed.meta
    return DesiredSecret(
        parent=sealed.ref,
        namespace=meta.namespace,
        name=meta.name,
        data=data,
        field_managers=(sealed_field_manager(meta.name),),
        created_by="",
        labels=dict(extra_labels or {}),
        owner=_owner(sealed),
        adopt=meta.annotations.get(ADOPT_ANNOTATION) == _TRUE,
        # Whoever sealed an empty value meant it.
        allow_empty=True,
        exclusive=True,
        hashes_data=False,
    )


def _owner(sealed: SealedSecret) -> OwnerReference | None:
    if not sealed.live or _skips_owner(sealed):
        return None
    # As the Sealed Secrets controller writes it; another form would be another write.
    return OwnerReference(
        api_version="bitnami.com/v1alpha1",
        kind=sealed.ref.kind,
        name=sealed.meta.name,
        uid=sealed.meta.uid,
        blocks_deletion=False,
    )


def _skips_owner(sealed: SealedSecret) -> bool:
    return sealed.template.annotations.get(SKIP_OWNER_ANNOTATION) == _TRUE


def _without_digest(annotations: Mapping[str, str]) -> dict[str, str]:
    """A digest in a template would be a claim, not a note of ours."""
    return {key: text for key, text in annotations.items() if key != SEALED_DIGEST_ANNOTATION}


def fit_to_live(desired: DesiredSecret, live: LiveSecret | None) -> DesiredSecret:
    """Return what is desired in view of the Secret that exists; fitting twice is once.

    An existing Secret keeps its finalizers and whether it is immutable. One that is
    annotated `patch` is merged into, and owned only if it is annotated `managed` too.
    """
    if live is None:
        return desired
    desired = replace(desired, finalizers=(), immutable=False)
    if _patches(live):
        # What the template puts on the Secret acts from this write on.
        managed = _is_managed(live.annotations) or _is_managed(desired.annotations)
        return replace(
            desired,
            type=desired.type or live.type,
            owner=desired.owner if managed else None,
            disown=desired.disown and managed,
            # What is not ours alone is not ours to prune.
            labels=_without(desired.labels, INVENTORY_LABEL),
            field_managers=(sealed_field_manager(desired.parent.name, merges=True),),
            keep_foreign_keys=True,
            exclusive=False,
            additive=True,
        )
    if desired.owner is None and live.owner is not None and desired.is_parent(live.owner):
        # A run from files beside a live SealedSecret, with which the Secret comes and goes.
        noted = live.labels.get(INVENTORY_LABEL)
        if noted is None:
            desired = replace(desired, labels=_without(desired.labels, INVENTORY_LABEL))
    return replace(desired, type=desired.type or DEFAULT_TYPE)


def _without(strings: Mapping[str, str], name: str) -> dict[str, str]:
    return {key: text for key, text in strings.items() if key != name}


def _patches(live: LiveSecret) -> bool:
    return live.annotations.get(PATCH_ANNOTATION) == _TRUE


def _is_managed(annotations: Mapping[str, str]) -> bool:
    return annotations.get(MANAGED_ANNOTATION) == _TRUE


def plan_sealed(desired: DesiredSecret, live: LiveSecret | None) -> SecretAction:
    """Decide what to do about the Secret of a SealedSecret.

    Args:
        live: None where the Secret is definitely absent.
    """
    desired = fit_to_live(desired, live)
    if live is None:
        return replace(plan_secret(desired, None), reason=UNSEALED)
    refusal = _refusal(desired, live)
    if refusal is not None:
        return refusal
    # What may be written is settled above, so nothing that plan_secret calls foreign is.
    action = plan_secret(replace(desired, adopt=True), replace(live, immutable=False))
    if action.verb is Verb.BLOCKED:
        return replace(action, reason=UPDATE_FAILED)
    if action.changes and live.immutable:
        return _blocked(
            desired,
            f"Error updating {desired.namespace}/{desired.name}: the target Secret is immutable. "
            "Once a Secret is marked as immutable, it is not possible to revert this change nor "
            "to mutate the contents of the data field. You can only delete and recreate the "
            "Secret.",
            "delete the Secret; it is made anew from the SealedSecret",
        )
    return replace(action, reason=UNSEALED)


def _refusal(desired: DesiredSecret, live: LiveSecret) -> SecretAction | None:
    if live.deleting:
        return _blocked(desired, "the Secret is being deleted", "wait until it is gone")
    if not (desired.adopt or _ours(desired, live)):
        return _blocked(
            desired,
            f'Resource "{desired.name}" already exists and is not managed by SealedSecret',
            "annotate the SealedSecret with secretsync.io/adopt=true, or the Secret with "
            f"{MANAGED_ANNOTATION}=true, to overwrite it",
        )
    if desired.type != live.type:
        return _blocked(
            desired,
            f"the type of an existing Secret cannot change from {live.type} to {desired.type}",
            "delete the Secret, or set that type in spec.template.type",
        )
    return None


def _ours(desired: DesiredSecret, live: LiveSecret) -> bool:
    """Whether the Secret may be written without being asked to.

    An earlier SealedSecret of the same name counts: it was deleted and made again. Of a
    Secret without a controller only the field manager tells that we made it.
    """
    if _patches(live) or _is_managed(live.annotations):
        return True
    if live.owner is not None:
        return desired.is_parent(live.owner)
    return desired.field_managers[0] in live.managers and CREATED_BY_LABEL not in live.labels


def _blocked(desired: DesiredSecret, message: str, remedy: str) -> SecretAction:
    return SecretAction(
        Verb.BLOCKED,
        desired.ref,
        desired.parent,
        reason=UPDATE_FAILED,
        message=message,
        remedy=remedy,
    )
