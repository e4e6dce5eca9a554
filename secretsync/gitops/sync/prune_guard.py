"""May what left Git be deleted? A mass deletion waits for somebody's word. Pure.

Neighbours: `decision` and the commands ask it before a sync prunes; `core.safety` has
the measure, which is that of Secrets too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from secretsync.core.safety import mass_deletion
from secretsync.gitops.model import Comparison, ObjectKey, Pair, SyncStatus
from secretsync.gitops.objects.sync_options import SyncOptions, is_kept
from secretsync.resources.meta import ObjectRef

__all__ = ["ACKNOWLEDGE", "PruneVerdict", "acknowledged_by", "prune_verdict"]

ACKNOWLEDGE = "secretsync.io/acknowledge"


@dataclass(frozen=True, slots=True)
class PruneVerdict:
    """Whether a sync may prune.

    Args:
        token: lets exactly these deletions go on; "" where no word of anybody does.
    """

    allowed: bool
    reason: str = ""
    token: str = ""
    doomed: tuple[ObjectKey, ...] = ()


def acknowledged_by(annotations: Mapping[str, str], given: Iterable[str] = ()) -> frozenset[str]:
    """Return the tokens on an Application, and those of a command line."""
    written = annotations.get(ACKNOWLEDGE, "").replace(",", " ").split()
    return frozenset([*written, *given])


def prune_verdict(comparison: Comparison, tokens: Collection[str] = ()) -> PruneVerdict:
    """Return whether what left Git may be deleted now.

    Args:
        comparison: of everything; where a part is unknown, nothing is deleted.
        tokens: acknowledgements.
    """
    doomed = tuple(pair.key for pair in comparison.pairs if _goes(pair))
    if not doomed:
        return PruneVerdict(allowed=True)
    if comparison.status is SyncStatus.UNKNOWN:
        reason = "nothing is pruned while part of the application cannot be compared"
        return PruneVerdict(allowed=False, reason=reason, doomed=doomed)
    universe = {_ref(p.key) for p in comparison.pairs if p.live is not None and not p.hook}
    found = mass_deletion([_ref(key) for key in doomed], universe)
    if found is None or found.token in tokens:
        return PruneVerdict(allowed=True, doomed=doomed)
    reason = (
        f"mass deletion stopped: {len(doomed)} of {found.total} objects would be pruned; "
        f'to go on, annotate the Application with {ACKNOWLEDGE}: "{found.token}"'
    )
    return PruneVerdict(allowed=False, reason=reason, token=found.token, doomed=doomed)


def _goes(pair: Pair) -> bool:
    """An object that says Prune=false or IgnoreExtraneous is not counted as going."""
    if not pair.requires_pruning or pair.status is SyncStatus.SYNCED:
        return False
    live = pair.live or {}
    return not SyncOptions.of().has("Prune=false", live) and not is_kept(live)


def _ref(key: ObjectKey) -> ObjectRef:
    kind = f"{key.kind}.{key.group}" if key.group else key.kind
    return ObjectRef(kind, key.namespace, key.name)
