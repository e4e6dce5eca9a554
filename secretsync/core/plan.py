"""desired + live → one action. Pure: applying the same plan twice changes nothing.

The verbs are what people see in `plan`; `wire` makes the API calls of an action.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from providers.base import SecretBytes
from secretsync.core.guarding import Withheld, lacking, older_names, receding, withheld
from secretsync.core.hashes import data_hash
from secretsync.core.noting import text_of
from secretsync.core.removals import Removals, removals_of
from secretsync.core.secrets import (
    CREATED_BY_LABEL,
    DATA_HASH_ANNOTATION,
    DATES_ANNOTATION,
    DEFAULT_TYPE,
    SEALED_DIGEST_ANNOTATION,
    VERSIONS_ANNOTATION,
    DesiredSecret,
    LiveSecret,
)
from secretsync.resources.meta import ObjectRef

__all__ = [
    "KeyChange",
    "KeyVerb",
    "SecretAction",
    "Verb",
    "foreign",
    "plan_secret",
    "replaces_owner",
]


class Verb(enum.StrEnum):
    """What happens to one object."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    DELETE = "delete"
    BLOCKED = "blocked"


class KeyVerb(enum.StrEnum):
    """What happens to one key of a Secret."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One key that differs; the values are there to be fingerprinted, never shown."""

    key: str
    verb: KeyVerb
    before: SecretBytes | None = None
    after: SecretBytes | None = None


@dataclass(frozen=True, slots=True)
class SecretAction:
    """The decision about one Secret.

    Args:
        reason: the condition reason that goes with it, e.g. `SecretSynced`.
        message: why it is blocked or unchanged, or "".
        metadata: names of labels, annotations and fields that differ.
        annotations: what is written, derived annotations included.
        older: names of what was read older than it was written: blocked because of them.
    """

    verb: Verb
    target: ObjectRef
    parent: ObjectRef
    reason: str = "SecretSynced"
    message: str = ""
    remedy: str = ""
    changes: tuple[KeyChange, ...] = ()
    metadata: tuple[str, ...] = ()
    removals: Removals = field(default_factory=Removals)
    annotations: Mapping[str, str] = field(default_factory=dict)
    type: str = DEFAULT_TYPE
    older: tuple[str, ...] = ()


def plan_secret(desired: DesiredSecret, live: LiveSecret | None) -> SecretAction:
    """Decide what to do about one target.

    Args:
        live: None where the Secret is definitely absent.
    """
    if live is None:
        return _plan_absent(desired)
    refusal = _refusal(desired, live)
    if refusal is not None:
        return refusal
    removals = removals_of(desired, live)
    changes = _changes(desired, live, removals)
    metadata = _metadata_changes(desired, live, removals, changed=bool(changes))
    older = older_names(desired, live) if changes else ()
    if held := _held_back(desired, receding(older)):
        return replace(held, older=older)
    if changes and live.immutable:
        return _blocked(
            desired,
            "could not update secret, target is immutable",
            "delete the Secret, or give the ExternalSecret another target.name",
        )
    if not changes and not metadata:
        return SecretAction(Verb.UNCHANGED, desired.ref, desired.parent)
    return SecretAction(
        Verb.UPDATE,
        desired.ref,
        desired.parent,
        changes=changes,
        metadata=metadata,
        removals=removals,
        annotations=_written_annotations(desired, _final_data(desired, live, removals)),
        type=desired.type or live.type,
    )


def _plan_absent(desired: DesiredSecret) -> SecretAction:
    if desired.must_exist:
        return SecretAction(
            Verb.UNCHANGED,
            desired.ref,
            desired.parent,
            reason="SecretMissing",
            message="secret will not be created due to CreationPolicy=Merge",
        )
    return _held_back(desired, lacking(desired)) or SecretAction(
        Verb.CREATE,
        desired.ref,
        desired.parent,
        changes=tuple(
            KeyChange(key, KeyVerb.ADDED, after=value)
            for key, value in sorted(desired.data.items())
        ),
        annotations=_written_annotations(desired, desired.data),
        type=desired.type or DEFAULT_TYPE,
    )


def _blocked(desired: DesiredSecret, message: str, remedy: str) -> SecretAction:
    return SecretAction(
        Verb.BLOCKED,
        desired.ref,
        desired.parent,
        reason="SecretSyncedError",
        message=message,
        remedy=remedy,
    )


def _held_back(desired: DesiredSecret, why: Withheld | None) -> SecretAction | None:
    return None if why is None else _blocked(desired, why.message, why.remedy)


def foreign(desired: DesiredSecret, live: LiveSecret) -> bool:
    """Return whether somebody else made the Secret, or has taken it over.

    It is ours when its labels, its controller or its field managers name this very
    ExternalSecret, whether secretsync or External Secrets Operator wrote them.
    """
    if _other_owner(desired, live):
        return True
    if live.labels.get(CREATED_BY_LABEL) == desired.created_by:
        return False
    if desired.owner is not None and live.owner is not None and live.owner.uid == desired.owner.uid:
        return False
    return not any(manager in live.managers for manager in desired.field_managers)


def _refusal(desired: DesiredSecret, live: LiveSecret) -> SecretAction | None:
    """Return why the live Secret may not be written, if so."""
    if live.deleting:
        return _blocked(desired, "the Secret is being deleted", "wait until it is gone")
    if not desired.keep_foreign_keys:
        other = _other_owner(desired, live)
        if other and not desired.adopt:
            return _blocked(
                desired,
                f"target is owned by another {other}",
                "give one of the two another target.name, or remove the other owner and "
                "annotate this ExternalSecret with secretsync.io/adopt=true",
            )
        if foreign(desired, live) and not desired.adopt:
            return _blocked(
                desired,
                "a Secret of that name exists and was not made by this ExternalSecret",
                "annotate the ExternalSecret with secretsync.io/adopt=true to take it over, "
                "or give it another target.name",
            )
    if desired.type and desired.type != live.type:
        return _blocked(
            desired,
            f"the type of an existing Secret cannot change from {live.type} to {desired.type}",
            "delete the Secret, or give the ExternalSecret another target.name",
        )
    return _held_back(desired, withheld(desired, live))


def _other_owner(desired: DesiredSecret, live: LiveSecret) -> str:
    created_by = live.labels.get(CREATED_BY_LABEL, "")
    if created_by and created_by != desired.created_by:
        return "ExternalSecret"
    if live.owner is None or (desired.owner and live.owner.uid == desired.owner.uid):
        return ""
    if desired.is_parent(live.owner):
        return ""  # The same ExternalSecret, deleted and made again.
    return live.owner.kind


def replaces_owner(desired: DesiredSecret, live: LiveSecret) -> bool:
    """Return whether the live controller reference gives way to another one, or to none.

    Server-side apply cannot do that: it would add a second controller beside the first,
    which the API server refuses, or leave the one there is.
    """
    if desired.exclusive and live.other_owners and (desired.owner is not None or desired.disown):
        return True
    if live.owner is None:
        return False
    if desired.owner is not None:
        return live.owner.uid != desired.owner.uid
    return desired.disown and (desired.exclusive or desired.is_parent(live.owner))


def _changes(desired: DesiredSecret, live: LiveSecret, removals: Removals) -> tuple[KeyChange, ...]:
    changes = []
    for key, value in desired.data.items():
        before = live.data.get(key)
        if before is None:
            changes.append(KeyChange(key, KeyVerb.ADDED, after=value))
        elif before != value:
            changes.append(KeyChange(key, KeyVerb.CHANGED, before=before, after=value))
    changes.extend(KeyChange(key, KeyVerb.REMOVED, before=live.data[key]) for key in removals.data)
    return tuple(sorted(changes, key=lambda change: change.key))


def _metadata_changes(
    desired: DesiredSecret, live: LiveSecret, removals: Removals, *, changed: bool
) -> tuple[str, ...]:
    """Name every difference outside the data.

    The data hash counts only where all data is ours and the same: beside foreign keys
    it moves with them and would be written for nothing, and with changed data it goes
    without saying.
    """
    names = [
        f"label {key}" for key, value in desired.labels.items() if live.labels.get(key) != value
    ]
    wanted = dict(desired.annotations)
    held = desired.keep_foreign_keys or desired.hold_removals
    if desired.hashes_data and not (changed or held):
        wanted[DATA_HASH_ANNOTATION] = _hash(desired.data)
    names += [
        f"annotation {key}" for key, value in wanted.items() if live.annotations.get(key) != value
    ]
    names += [f"label {key}" for key in removals.labels]
    names += [f"annotation {key}" for key in removals.annotations]
    if desired.immutable and not live.immutable:
        names.append("immutable")
    if replaces_owner(desired, live) or desired.owner not in (None, live.owner):
        names.append("ownerReferences")
    names += [f"finalizer {name}" for name in desired.finalizers if name not in live.finalizers]
    return tuple(sorted(names))


def _final_data(
    desired: DesiredSecret, live: LiveSecret, removals: Removals
) -> Mapping[str, SecretBytes]:
    kept = {key: value for key, value in live.data.items() if key not in removals.data}
    return {**kept, **desired.data}


def _written_annotations(desired: DesiredSecret, data: Mapping[str, SecretBytes]) -> dict[str, str]:
    annotations = dict(desired.annotations)
    if desired.hashes_data:
        annotations[DATA_HASH_ANNOTATION] = _hash(data)
    if desired.sealed_digest:
        annotations[SEALED_DIGEST_ANNOTATION] = desired.sealed_digest
    notes = ((VERSIONS_ANNOTATION, desired.versions), (DATES_ANNOTATION, desired.dates))
    for name, note in notes:
        if note:
            annotations[name] = text_of(note)
    return annotations


def _hash(data: Mapping[str, SecretBytes]) -> str:
    return data_hash({key: value.reveal() for key, value in data.items()})
