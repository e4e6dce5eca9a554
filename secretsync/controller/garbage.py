"""What a garbage collector would do, for a cluster that has none.

Neighbours: `intake` and `sealed_intake` ask when an object went away, `reconciler` and
`sealed_loop` when they wrote for one that went away meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from secretsync.cluster.base import KINDS, Cluster, Preconditions
from secretsync.core.secrets import live_secret
from secretsync.errors import ClusterError
from secretsync.resources.external_secret import ExternalSecret
from secretsync.resources.meta import Parent

__all__ = ["Garbage"]

log = logging.getLogger(__name__)


class Garbage:
    """Deletes what the owner of a Secret left behind: an ExternalSecret or a SealedSecret.

    Args:
        collect_other: does the same for a target that is not a Secret.
    """

    def __init__(
        self, cluster: Cluster, collect_other: Callable[[ExternalSecret], None] | None = None
    ) -> None:
        self._cluster = cluster
        self._collect_other = collect_other

    def collect(self, item: Parent) -> None:
        """Delete the Secret of an object that is gone, where that owned it."""
        if self._cluster.collects_garbage or not item.live:
            return
        try:
            self._collect(item)
        except ClusterError as exc:
            log.warning(
                "owned secret not deleted",
                extra={"object": str(item.ref), "cause": exc.message},
            )

    def _collect(self, item: Parent) -> None:
        namespace, name = item.meta.namespace, item.target_name
        owner = self._cluster.get(KINDS[item.ref.kind], namespace, item.meta.name)
        if owner is not None and owner["metadata"].get("uid") == item.meta.uid:
            return  # It is there: what cannot be used is not what is gone.
        if isinstance(item, ExternalSecret) and item.target.manifest is not None:
            if self._collect_other is not None:
                self._collect_other(item)
            return
        obj = self._cluster.get(KINDS["Secret"], namespace, name)
        if obj is None:
            return
        live = live_secret(obj)
        if live.owner is not None and live.owner.uid == item.meta.uid:
            seen = Preconditions(live.uid, live.resource_version)
            self._cluster.delete(KINDS["Secret"], namespace, name, preconditions=seen)
