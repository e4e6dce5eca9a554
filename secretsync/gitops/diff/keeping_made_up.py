"""Asks the cluster for the values that a chart made up before, and renders with those.

Neighbours: `made_up` says which fields those are, `engine` asks before it compares.
"""

from __future__ import annotations

from dataclasses import replace

from secretsync.cluster.base import Cluster
from secretsync.errors import NotFound
from secretsync.gitops.diff.pairing import Slot
from secretsync.gitops.model import Object, ObjectKey, Rendered
from secretsync.gitops.objects.placing import in_place
from secretsync.gitops.projects.instances import instance_of
from secretsync.gitops.render.made_up import kept_as_live
from secretsync.resources.application import Application

__all__ = ["keep_made_up"]


def keep_made_up(cluster: Cluster, app: Application, rendered: Rendered) -> Rendered:
    """Return what was rendered, with the live values where the chart makes values up.

    Only objects of the application's own are asked for, and only those that need it.

    Raises:
        ClusterError: the cluster cannot be asked, so nobody knows what was made before.
    """
    if not any(rendered.made_up.values()):
        return rendered

    def live_of(obj: Object) -> Object | None:
        try:
            kind = cluster.resolve(obj["apiVersion"], obj["kind"])
        except NotFound:
            return None
        namespace = app.spec.destination.namespace if kind.namespaced else ""
        placed = in_place(obj, namespace)
        key = ObjectKey.of(placed)
        live = cluster.get(kind, key.namespace, key.name)
        if live is None or not Slot(key, instance_of(app), placed, kind).is_ours(live):
            return None
        return live

    kept = kept_as_live(rendered.objects, rendered.made_up, live_of)
    return replace(rendered, objects=tuple(kept))
