"""Two sides of an application field by field, objects that only one side has included.

Secrets are shown key by key on both sides, so that a revision that adds, removes or
changes one never looks like one that does not. Pure. Neighbours: `comparing` gives pairs
with the cluster, `rendering` the objects of a revision.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from secretsync.core.fingerprints import Fingerprinter
from secretsync.gitops.diff.secret_diff import field_changes
from secretsync.gitops.model import FieldChange, Object, ObjectKey, Pair, SyncStatus
from secretsync.gitops.objects.field_paths import ABSENT, Difference, differences
from secretsync.gitops.objects.normalizing import folded, normalized
from secretsync.gitops.objects.placing import fault_of

__all__ = ["every_change", "renders_compared"]

_IDENTITY = ("apiVersion", "kind", "metadata")


def every_change(pair: Pair, fingerprints: Fingerprinter) -> tuple[FieldChange, ...]:
    """Return the changes of a pair; an object that one side lacks is there in full.

    Args:
        pair: of a comparison.
        fingerprints: of this installation.
    """
    if pair.target is not None and pair.live is not None:
        return pair.changes
    return _changes(pair.live, pair.target, fingerprints)


def renders_compared(
    before: Iterable[Object], after: Iterable[Object], fingerprints: Fingerprinter
) -> tuple[Pair, ...]:
    """Return what two renders of an application differ in, sorted by key.

    Args:
        before: the objects of the one revision, which stand on the live side; both sides
            as `placing.placed` puts them, so that a value looks as it does in a plan.
        after: those of the other, which are the targets; what is no object is left out.
        fingerprints: of this installation: a value looks the same in every revision.
    """
    old, new = (
        {ObjectKey.of(obj): obj for obj in side if not fault_of(obj)} for side in (before, after)
    )
    pairs = []
    for key in sorted({*old, *new}):
        live, target = old.get(key), new.get(key)
        changes = _changes(live, target, fingerprints)
        if changes or live is None or target is None:
            status = SyncStatus.OUT_OF_SYNC
            pairs.append(Pair(key, target, live, status, changes))
    return tuple(pairs)


def _changes(
    live: Mapping[str, Any] | None, target: Mapping[str, Any] | None, fingerprints: Fingerprinter
) -> tuple[FieldChange, ...]:
    some = live if live is not None else target
    if some is None:
        return ()
    sides = [{} if side is None else normalized(side) for side in (live, target)]
    if live is not None and target is not None:
        found = differences(*sides)
    else:
        found = [part for each in differences(*sides) for part in _fields(each)]
    return field_changes(found, folded(dict(some)), fingerprints)


def _fields(each: Difference) -> list[Difference]:
    """Split a part that one side lacks into its fields; what names the object is no field."""
    if each.path[0] in _IDENTITY and len(each.path) == 1:
        value = each.after if each.before is ABSENT else each.before
        if not isinstance(value, Mapping):
            return []
        shown = {key: child for key, child in value.items() if key not in ("name", "namespace")}
        return [
            Difference((each.path[0], key), *_sides(each, child)) for key, child in shown.items()
        ]
    return [each]


def _sides(each: Difference, value: Any) -> tuple[Any, Any]:
    return (ABSENT, value) if each.before is ABSENT else (value, ABSENT)
