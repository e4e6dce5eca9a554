"""What an application may delete lies within its project, as what it may make does.

Its status lists what it had, and the objects carry its tracking; but a project may have been
narrowed since, and a status is written by more hands than ours. What is outside stays.

Neighbours: `engine` asks for what would be pruned, `deleting` for what would go with it.

Source: Argo CD 3.6, which prunes and deletes only live objects that the AppProject permits.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

from secretsync.cluster.base import Cluster
from secretsync.errors import ClusterError, ConfigError
from secretsync.gitops.model import Comparison, Object, Pair, SyncStatus
from secretsync.gitops.projects.permitting import Permits, Project, Projects
from secretsync.gitops.sources.repo_logins import REPOSITORY_NAMESPACE
from secretsync.resources.application import Application

__all__ = ["Denied", "bounds_of", "within_project"]

#: Why a live object is not the project's to give, "" where it is.
Denied = Callable[[Object], str]


def within_project(found: Comparison, denied: Denied) -> Comparison:
    """Return a comparison that has nothing pruned that lies outside of the project.

    It stays listed, so that it is pruned once the project gives it.
    """
    outside = {
        pair.key: why
        for pair in found.pairs
        if pair.requires_pruning and pair.live is not None and (why := denied(pair.live))
    }
    if not outside:
        return found
    pairs = tuple(
        replace(pair, ours=False, status=SyncStatus.SYNCED, message=outside[pair.key])
        if pair.key in outside
        else pair
        for pair in found.pairs
    )
    told = [("ProjectWarning", f"{why}, so it stays") for why in outside.values()]
    status = found.status
    if status is SyncStatus.OUT_OF_SYNC and not (found.namespace_differs or any(map(_off, pairs))):
        status = SyncStatus.SYNCED
    return replace(found, pairs=pairs, status=status, conditions=(*found.conditions, *told))


def bounds_of(cluster: Cluster, projects: Projects, app: Application) -> Denied:
    """Return what tells of live objects why they stay when an application is deleted.

    The project is asked for with the first of them: one that made nothing needs none. What
    is told raises a ConfigError where nobody knows what the project gives.
    """
    permits = Permits(cluster, projects)

    @functools.cache
    def project() -> Project:
        try:
            if _is_gone_here(cluster, projects, app):
                return Project(None)
            return permits.project(app)
        except ClusterError as exc:
            raise ConfigError(
                f"{app.ref}: the project {app.spec.project} cannot be read: {exc.message}",
                remedy="nothing is deleted before it can be; it is tried again",
            ) from exc

    return lambda live: permits.denied_live(project(), app, live)


def _is_gone_here(cluster: Cluster, projects: Projects, app: Application) -> bool:
    """Return whether a directory, which is one owner's, has lost the project."""
    if not cluster.name.startswith("dir:"):
        return False
    places = dict.fromkeys((app.meta.namespace, REPOSITORY_NAMESPACE))
    return all(projects.project(place, app.spec.project) is None for place in places)


def _off(pair: Pair) -> bool:
    return not pair.hook and pair.status is SyncStatus.OUT_OF_SYNC
