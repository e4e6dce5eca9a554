"""Sees whether Argo CD's application controller runs in the cluster.

Two controllers of the same Applications would write each other's status, and prune by
different rules. `app_part` serves none while this says so.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator

from secretsync.cluster.base import Cluster
from secretsync.errors import Forbidden, NotFound

__all__ = ["running_argo"]

log = logging.getLogger(__name__)

#: The labels of the manifests, the Helm chart and the operator alike.
SELECTOR = "app.kubernetes.io/component=application-controller,app.kubernetes.io/part-of=argocd"
WORKLOADS = ("StatefulSet", "Deployment")


def running_argo(cluster: Cluster, namespaces: Collection[str] = ()) -> str | None:
    """Return the name of a controller that is scaled up, or None.

    Args:
        namespaces: whose Applications are served here, empty for all. A controller in
            another namespace than these is taken for one of other Applications.

    Returns:
        `statefulset/NAME -n NAMESPACE`, as kubectl takes it.

    Raises:
        ClusterError: the cluster did not answer; nothing is known then.
    """
    if not cluster.collects_garbage:
        # Workloads of a directory are manifests, nothing runs there.
        return None
    return next(iter(_running(cluster, namespaces)), None)


def _running(cluster: Cluster, namespaces: Collection[str]) -> Iterator[str]:
    for name in WORKLOADS:
        try:
            found = cluster.list(cluster.resolve("apps/v1", name), label_selector=SELECTOR)
        except (Forbidden, NotFound) as exc:
            # Who may not read workloads of the cluster serves a namespace or two.
            log.debug("workloads not read", extra={"kind": name, "cause": exc.message})
            continue
        for item in found.items:
            metadata = item["metadata"]
            scaled = (item.get("spec") or {}).get("replicas", 1)
            if scaled and (not namespaces or metadata["namespace"] in namespaces):
                yield f"{name.lower()}/{metadata['name']} -n {metadata['namespace']}"
