"""Secrets go with the ExternalSecret or SealedSecret that an application had.

In Kubernetes the garbage collector does it. A directory has none, and no service need run
there: whoever prunes, or deletes the application, does it too.
Neighbours: `engine` asks after a sync, `deleting` with the application.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from secretsync.cluster.base import KINDS, Cluster, Preconditions
from secretsync.errors import Rejected
from secretsync.gitops.model import Object, ObjectKey, OperationState, ResultCode

__all__ = ["collect_owned", "pruned_in", "secrets_of"]

_OWNERS = ("ExternalSecret", "SealedSecret")


def collect_owned(cluster: Cluster, gone: Iterable[ObjectKey]) -> list[ObjectKey]:
    """Delete the Secrets whose only owner was one of these, where nobody else would.

    Args:
        gone: objects that may have been deleted; one that is there keeps its Secret.

    Returns:
        The Secrets that went.

    Raises:
        ClusterError: the cluster cannot be asked, or refused it.
    """
    if cluster.collects_garbage:
        return []
    deleted = []
    for metadata in _owned_by(cluster, [key for key in gone if _is_absent(cluster, key)]):
        namespace, name = metadata["namespace"], metadata["name"]
        seen = Preconditions(metadata["uid"], metadata["resourceVersion"])
        cluster.delete(KINDS["Secret"], namespace, name, preconditions=seen)
        deleted.append(ObjectKey("", "Secret", namespace, name))
    return deleted


def secrets_of(cluster: Cluster, owners: Iterable[ObjectKey]) -> list[Object]:
    """Return the Secrets that would go with these objects, in Kubernetes and here.

    Raises:
        ClusterError: the cluster cannot be asked.
    """
    found = []
    for metadata in _owned_by(cluster, owners):
        obj = cluster.get(KINDS["Secret"], metadata["namespace"], metadata["name"])
        if obj is not None:
            found.append(obj)
    return found


def pruned_in(state: OperationState) -> list[ObjectKey]:
    """Return what an operation deleted because it had left the sources."""
    return [each.key for each in state.results if each.code is ResultCode.PRUNED]


def _owned_by(cluster: Cluster, owners: Iterable[ObjectKey]) -> list[Mapping[str, Any]]:
    """Return the metadata of the Secrets whose only owner is one of these."""
    wanted = {key for key in owners if _is_owner(key)}
    return [
        obj["metadata"]
        for namespace in sorted({key.namespace for key in wanted})
        for obj in cluster.list(KINDS["Secret"], namespace, metadata_only=True).items
        if _owner(obj["metadata"]) in wanted
    ]


def _is_owner(key: ObjectKey) -> bool:
    return key.kind in _OWNERS and key.group == KINDS[key.kind].group


def _is_absent(cluster: Cluster, key: ObjectKey) -> bool:
    """Return whether an owner is definitely not there; a file that cannot be read is there."""
    if not _is_owner(key):
        return False
    try:
        return cluster.get(KINDS[key.kind], key.namespace, key.name) is None
    except Rejected:
        return False


def _owner(metadata: Mapping[str, Any]) -> ObjectKey | None:
    """Return the one controller of an object, None where it has none or more owners."""
    references = metadata.get("ownerReferences") or []
    if len(references) != 1 or references[0].get("controller") is not True:
        return None
    (owner,) = references
    group = str(owner.get("apiVersion") or "").rpartition("/")[0]
    return ObjectKey(group, str(owner.get("kind")), metadata["namespace"], str(owner.get("name")))
