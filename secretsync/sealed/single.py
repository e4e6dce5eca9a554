"""`refresh sealedsecret/NAME`: one SealedSecret of the cluster, now, its status written."""

from __future__ import annotations

from collections.abc import Sequence

from secretsync.cluster.base import KINDS, Cluster
from secretsync.core.sealed_conditions import sealed_status
from secretsync.errors import ConfigError
from secretsync.refresh.applying import Applier
from secretsync.refresh.claims import Claims
from secretsync.refresh.clock import Clock
from secretsync.refresh.oneshot import SealedRun
from secretsync.refresh.single import claimants
from secretsync.resources.documents import Document, Origin
from secretsync.resources.problems import Problem
from secretsync.resources.sealed_secret import parse_sealed_secret
from secretsync.sealed.unsealing import SealedOutcome

__all__ = ["refresh_sealed_now", "write_sealed_status"]


def refresh_sealed_now(
    cluster: Cluster, namespace: str, name: str, *, unseal: SealedRun, clock: Clock
) -> tuple[Sequence[SealedOutcome], Sequence[Problem]]:
    """Unseal one SealedSecret of the cluster.

    Args:
        unseal: how; it has the keys.

    Returns:
        The outcome, and what is wrong with the object where it could not be parsed.

    Raises:
        ConfigError: there is no such object.
        ClusterError: the cluster cannot be asked.
    """
    obj = cluster.get(KINDS["SealedSecret"], namespace, name)
    if obj is None:
        raise ConfigError(
            f"SealedSecret {namespace}/{name} does not exist in {cluster.name}",
            remedy="check the name and -n; PATH objects are refreshed by sync",
        )
    document = Document(obj, Origin(cluster.name))
    parsed = parse_sealed_secret(document, default_namespace=namespace)
    if parsed.value is None:
        return (), parsed.problems
    claims = Claims(claimants(cluster, namespace))
    outcomes = unseal([parsed.value], Applier(cluster), claims, {})
    for outcome in outcomes:
        write_sealed_status(cluster, outcome, clock)
    return outcomes, parsed.problems


def write_sealed_status(cluster: Cluster, outcome: SealedOutcome, clock: Clock) -> None:
    """Write what came of a live SealedSecret to its status, where that is news.

    Raises:
        ClusterError: the cluster refused it.
    """
    item = outcome.item
    written = sealed_status(
        item.raw,
        item.status,
        synced=not outcome.failed,
        message=outcome.condition_message if outcome.failed else "",
        generation=item.meta.generation,
        now=clock.now(),
    )
    if written is not None and item.live:
        cluster.patch_status(
            KINDS["SealedSecret"],
            item.meta.namespace,
            item.meta.name,
            written[0],
            field_manager="secretsync",
        )
