"""Whether a Secret that a watch does not show is really not one that it would show."""

from __future__ import annotations

from secretsync.cluster.base import KINDS, Cluster
from secretsync.errors import ClusterError

__all__ = ["surely_gone"]


def surely_gone(cluster: Cluster, key: tuple[str, str], *, label: str = "") -> bool:
    """Return whether the cluster says that there is no such Secret with that label.

    A watch that is behind, as that of a directory on a busy machine, is no proof; neither
    is a cluster that does not answer.

    Args:
        key: its namespace and name.
        label: what the watch selects by; "" where it selects by none.
    """
    try:
        found = cluster.get(KINDS["Secret"], *key)
    except ClusterError:
        return False
    if found is None:
        return True
    return bool(label) and label not in ((found.get("metadata") or {}).get("labels") or {})
