"""What all pairs of an application come to: its sync status, health and conditions. Pure.

Neighbour: `comparing` makes the pairs.
"""

from __future__ import annotations

from collections.abc import Iterable

from secretsync.gitops.diff.pairing import owner_of
from secretsync.gitops.model import (
    Comparison,
    Health,
    HealthStatus,
    ObjectKey,
    Pair,
    SyncStatus,
)
from secretsync.gitops.objects.health import IGNORE_ANNOTATION
from secretsync.gitops.projects.instances import instance_of
from secretsync.resources.application import Application

__all__ = ["summary"]


def summary(
    app: Application,
    pairs: Iterable[Pair],
    *,
    warnings: Iterable[tuple[str, str]] = (),
) -> Comparison:
    """Return the comparison that pairs make.

    Args:
        app: its own object counts for no health.
        pairs: of all objects.
        warnings: conditions found while pairing: type and message.
    """
    found = tuple(pairs)
    counted = [pair for pair in found if not pair.hook]
    unknown = [pair for pair in found if pair.status is SyncStatus.UNKNOWN]
    status = SyncStatus.SYNCED
    if unknown:
        status = SyncStatus.UNKNOWN
    elif any(pair.status is SyncStatus.OUT_OF_SYNC for pair in counted):
        status = SyncStatus.OUT_OF_SYNC
    conditions = [*warnings]
    conditions += [("ComparisonError", f"{pair.key}: {pair.message}") for pair in unknown]
    for pair in counted:
        other = owner_of(pair.live, pair.key) if pair.live is not None else None
        if pair.target is not None and other not in (None, instance_of(app)):
            text = f"{pair.key} is part of the application {other} too"
            conditions.append(("SharedResourceWarning", text))
    return Comparison(found, status, _health(app, counted), tuple(conditions))


def _health(app: Application, pairs: list[Pair]) -> Health:
    """The worst of the live objects; one that is missing makes it worse only alone."""
    own = ObjectKey("argoproj.io", "Application", app.meta.namespace, app.meta.name)
    live = [pair for pair in pairs if pair.live is not None and pair.key != own]
    if not live:
        return Health(HealthStatus.MISSING if pairs else HealthStatus.HEALTHY)
    worst = Health(HealthStatus.HEALTHY)
    for pair in live:
        annotations = (pair.live or {})["metadata"].get("annotations") or {}
        health = pair.health
        if health is None or annotations.get(IGNORE_ANNOTATION) == "true":
            continue
        if health.status.badness > worst.status.badness:
            worst = Health(health.status, f"{pair.key}: {health.message}".removesuffix(": "))
    return worst
