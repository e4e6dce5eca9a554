"""Sets and removes the finalizers by which External Secrets Operator holds objects.

Neighbour: `push_loop` says which object is to be held.
"""

from __future__ import annotations

import logging
from typing import Any

from secretsync.cluster.base import KINDS, Cluster
from secretsync.controller.retries import PERMANENT_BASE_S
from secretsync.errors import ClusterError, NotFound
from secretsync.refresh.lanes import Lane, LaneQueue
from secretsync.resources.meta import ObjectMeta, ObjectRef

__all__ = ["Finalizers"]

log = logging.getLogger(__name__)


class Finalizers:
    """Any thread may ask.

    Args:
        queue: where an object comes again whose finalizer could not be changed.
    """

    def __init__(self, cluster: Cluster, queue: LaneQueue) -> None:
        self._cluster = cluster
        self._queue = queue

    def set(self, ref: ObjectRef, meta: ObjectMeta, finalizer: str, *, wanted: bool) -> bool:
        """Set or remove a finalizer; returns whether the object is as it should be.

        False where it was changed now, and comes again by its watch, or could not be.
        """
        if (finalizer in meta.finalizers) == wanted or not meta.uid:
            return True
        kept = [name for name in meta.finalizers if name != finalizer]
        names = [*kept, finalizer] if wanted else kept
        patch: dict[str, Any] = {
            "metadata": {"finalizers": names, "resourceVersion": meta.resource_version}
        }
        try:
            self._cluster.merge_patch(
                KINDS[ref.kind], ref.namespace, ref.name, patch, field_manager="secretsync"
            )
        except NotFound:
            return False
        except ClusterError as exc:
            log.warning("finalizer not changed", extra={"object": str(ref), "cause": exc.message})
            self._queue.add_after(ref, Lane.DUE, PERMANENT_BASE_S)
        return False
