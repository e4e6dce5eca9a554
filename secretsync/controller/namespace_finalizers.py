"""Takes External Secrets Operator's finalizers off namespaces.

Its newer releases hold every namespace in which a ClusterExternalSecret made something, by
a finalizer with the name of that object. Once the operator is gone nobody takes it off, and
such a namespace can never be deleted. It stays while nothing goes: the operator finds it
when it comes back.

Neighbours: `push_makers` tells of namespaces that go, `provisioning` of objects that do.

Source: External Secrets Operator 2.9, the finalizers of ClusterExternalSecret.
"""

from __future__ import annotations

import logging

from secretsync.cluster.base import KINDS, Cluster
from secretsync.errors import ClusterError, Conflict, NotFound

__all__ = ["NAMESPACE_FINALIZER", "NamespaceFinalizers"]

log = logging.getLogger(__name__)

#: ESO's, followed by the name of the ClusterExternalSecret; never set by us.
NAMESPACE_FINALIZER = "externalsecrets.external-secrets.io/ces-"
_NAMESPACE = KINDS["Namespace"]
#: A namespace is written by few: so many conflicts one after the other are a fault of theirs.
_TRIES = 10
_REMEDY = "apply -k deploy/from-external-secrets, or remove it from metadata.finalizers by hand"


class NamespaceFinalizers:
    """Any thread may ask."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._said: set[str] = set()

    def release(self, namespace: str, maker: str = "") -> bool:
        """Take the finalizer of one ClusterExternalSecret off a namespace; total.

        Args:
            maker: its name; "" for those of all, where the namespace is being deleted.

        Returns:
            Whether that is done, or there was nothing to do. What is in the way is said once.
        """
        try:
            self._release(namespace, maker)
        except NotFound:
            pass
        except ClusterError as exc:
            if namespace not in self._said:
                self._said.add(namespace)
                log.warning(
                    "finalizer of External Secrets Operator left on a namespace",
                    extra={"namespace": namespace, "cause": exc.message, "remedy": _REMEDY},
                )
            return False
        self._said.discard(namespace)
        return True

    def _release(self, namespace: str, maker: str) -> None:
        for _ in range(_TRIES - 1):
            try:
                self._patch(namespace, maker)
            except Conflict:
                continue
            return
        self._patch(namespace, maker)

    def _patch(self, namespace: str, maker: str) -> None:
        live = self._cluster.get(_NAMESPACE, "", namespace)
        if live is None:
            return
        metadata = live["metadata"]
        names: list[str] = metadata.get("finalizers") or []
        if maker:
            kept = [name for name in names if name != NAMESPACE_FINALIZER + maker]
        elif metadata.get("deletionTimestamp"):
            kept = [name for name in names if not name.startswith(NAMESPACE_FINALIZER)]
        else:
            return
        if kept == names:
            return
        # The version makes sure that nobody's finalizer is lost that came meanwhile.
        seen = {"finalizers": kept, "resourceVersion": metadata.get("resourceVersion", "")}
        self._cluster.merge_patch(
            _NAMESPACE, "", namespace, {"metadata": seen}, field_manager="secretsync"
        )
        log.info("namespace let go", extra={"namespace": namespace})
