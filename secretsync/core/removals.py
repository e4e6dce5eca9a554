"""What of a live Secret must go: whose it was, and how the Secret is shared. Pure.

Neighbour: `plan`, which decides whether anything may be written at all.
"""

from __future__ import annotations

from dataclasses import dataclass

from secretsync.core.secrets import (
    ARGO_PREFIX,
    DATA_HASH_ANNOTATION,
    DATES_ANNOTATION,
    INVENTORY_LABEL,
    LAST_APPLIED_ANNOTATION,
    SEALED_DIGEST_ANNOTATION,
    VERSIONS_ANNOTATION,
    DesiredSecret,
    LiveSecret,
)

__all__ = ["Removals", "removals_of"]


@dataclass(frozen=True, slots=True)
class Removals:
    """Keys of a live Secret that must go, because we or a predecessor wrote them."""

    data: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.data or self.labels or self.annotations)


def removals_of(desired: DesiredSecret, live: LiveSecret) -> Removals:
    """Return what must go from the live Secret, by who wrote it and what it is for."""
    if desired.additive:
        return Removals()
    if desired.exclusive:
        return _foreign(desired, live)
    ours = [live.managers[name] for name in desired.field_managers if name in live.managers]
    owned_data = frozenset[str]().union(*(fields.data for fields in ours))
    owned_labels = frozenset[str]().union(*(fields.labels for fields in ours))
    owned_annotations = frozenset[str]().union(*(fields.annotations for fields in ours))
    doomed = owned_data & live.data.keys() if desired.keep_foreign_keys else live.data.keys()
    kept_annotations = {DATA_HASH_ANNOTATION, LAST_APPLIED_ANNOTATION}
    kept_annotations |= {VERSIONS_ANNOTATION, DATES_ANNOTATION}
    kept_annotations |= desired.annotations.keys()
    # ESO copies those; a takeover writes nothing for them.
    kept_annotations |= {key for key in live.annotations if key.startswith(ARGO_PREFIX)}
    kept_labels = desired.labels.keys() | {INVENTORY_LABEL}
    return Removals(
        data=() if desired.hold_removals else tuple(sorted(doomed - desired.data.keys())),
        labels=tuple(sorted((owned_labels & live.labels.keys()) - kept_labels)),
        annotations=tuple(sorted((owned_annotations & live.annotations.keys()) - kept_annotations)),
    )


def _foreign(desired: DesiredSecret, live: LiveSecret) -> Removals:
    """Return everything that is not desired; notes of ours are no part of that."""
    labels = live.labels.keys() - desired.labels.keys() - {INVENTORY_LABEL}
    annotations = live.annotations.keys() - desired.annotations.keys()
    return Removals(
        data=tuple(sorted(live.data.keys() - desired.data.keys())),
        labels=tuple(sorted(labels)),
        annotations=tuple(sorted(annotations - {SEALED_DIGEST_ANNOTATION})),
    )
