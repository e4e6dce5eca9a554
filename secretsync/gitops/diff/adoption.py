"""Objects that are there and belong to nobody, or to somebody else, are not taken. Pure.

Different from Argo CD, which takes what is in its way. What Argo CD applied for the same
Application is the application's own.
"""

from __future__ import annotations

from dataclasses import replace

from secretsync.gitops.model import Comparison, Pair, SyncStatus

__all__ = ["ADOPT", "without_foreign"]

ADOPT = "secretsync.io/adopt"


def without_foreign(comparison: Comparison) -> Comparison:
    """Return the comparison with every foreign object as one that cannot be applied.

    Args:
        comparison: of everything; an object whose target says `adopt` is not foreign.
    """
    return replace(comparison, pairs=tuple(map(_refused, comparison.pairs)))


def _refused(pair: Pair) -> Pair:
    if pair.ours or pair.target is None or pair.live is None:
        return pair
    annotations = pair.target["metadata"].get("annotations") or {}
    if annotations.get(ADOPT) == "true":
        return pair
    message = (
        "it exists and is not this application's; "
        f'annotate it in the repository with {ADOPT}: "true" to take it over'
    )
    return replace(pair, status=SyncStatus.UNKNOWN, message=message)
