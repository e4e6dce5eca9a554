"""The namespace that CreateNamespace writes: what it should be, when, and who may have it so.

No source has it, so that a project is asked about it by itself, as about any object of the
whole cluster. Where it is there, and nothing of it is managed, nothing is written or asked.

Neighbours: `object_writing` makes it, `engine` and `operating` ask before.

Source: Argo CD 3.6, "Sync options", which makes it a task that the AppProject must permit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secretsync.cluster.base import KINDS, Cluster
from secretsync.errors import ConfigError
from secretsync.gitops.model import Object, ObjectKey
from secretsync.gitops.objects.sync_options import SyncOptions
from secretsync.gitops.projects.permitting import Project
from secretsync.gitops.projects.project_rules import denied_objects
from secretsync.resources.application import Application

__all__ = ["check_made_namespace", "is_written", "made_namespace"]


def made_namespace(app: Application) -> Object | None:
    """Return the destination's namespace as it should be, None without a destination's."""
    name = app.spec.destination.namespace
    if not name:
        return None
    managed = app.spec.sync_policy.managed_namespace_metadata
    metadata: dict[str, Any] = {"name": name}
    if managed is not None:
        metadata |= {"labels": dict(managed.labels), "annotations": dict(managed.annotations)}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def is_written(wanted: Object, live: Mapping[str, Any] | None) -> bool:
    """Return whether a namespace is not there, or lacks what is managed of it."""
    if live is None:
        return True
    there = live.get("metadata") or {}
    return any(
        (there.get(section) or {}).get(key) != value
        for section in ("labels", "annotations")
        for key, value in (wanted["metadata"].get(section) or {}).items()
    )


def check_made_namespace(
    cluster: Cluster, project: Project, app: Application, options: SyncOptions
) -> None:
    """Refuse an application whose namespace would be written, and is not the project's to give.

    Args:
        options: of the application, and of an operation.

    Raises:
        ConfigError: the project does not give it; nothing of the application is applied.
        ClusterError: nobody knows whether it would be written.
    """
    wanted = made_namespace(app)
    if project.held is None or wanted is None or not options.has("CreateNamespace=true"):
        return
    key = ObjectKey.of(wanted)
    denied = denied_objects(project.held.spec, app, [(key, False)])
    if denied and is_written(wanted, cluster.get(KINDS["Namespace"], "", key.name)):
        raise ConfigError(
            f"{app.ref}: {denied[0]}, and CreateNamespace would write it",
            remedy="have whoever keeps the AppProject allow it by clusterResourceWhitelist, "
            "or make the namespace as it should be beforehand",
        )
