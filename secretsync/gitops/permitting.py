"""Holds an application to its AppProject: before it is rendered, and object by object after.

Neighbours: `project_rules` has the rules, `engine` asks before it compares anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from secretsync.cluster.base import Cluster
from secretsync.errors import ClusterError, ConfigError
from secretsync.gitops.app_store import AppStore
from secretsync.gitops.model import Object, ObjectKey, api_group
from secretsync.gitops.project_rules import denied_application, denied_objects
from secretsync.resources.application import Application

__all__ = ["Permits"]

_ASK = "have whoever keeps the AppProject allow it, or leave it out"


class Permits:
    """Asks the AppProjects of one cluster; holds nothing."""

    def __init__(self, cluster: Cluster, store: AppStore) -> None:
        self._cluster = cluster
        self._store = store

    def project(self, app: Application) -> Mapping[str, Any] | None:
        """Return the spec of the project; None is `default`, undeclared, which allows all.

        Raises:
            ConfigError: there is no such project.
        """
        name, namespace = app.spec.project, app.meta.namespace
        found = self._store.project(namespace, name)
        if found is not None:
            return found.get("spec") or {}
        if name == "default":
            return None
        raise ConfigError(
            f"{app.ref}: there is no AppProject {namespace}/{name}",
            remedy="create the AppProject, or correct spec.project",
        )

    def check(self, project: Mapping[str, Any] | None, app: Application) -> None:
        """Refuse sources and destinations that the project does not give.

        Raises:
            ConfigError: with what is not allowed.
        """
        denied = denied_application(project, app) if project is not None else ""
        if denied:
            raise ConfigError(f"{app.ref}: {denied}", remedy=_ASK)

    def check_objects(
        self, project: Mapping[str, Any] | None, app: Application, objects: Sequence[Object]
    ) -> None:
        """Refuse an application with an object that the project does not give.

        Raises:
            ConfigError: with the first few; nothing of the application is applied.
        """
        if project is None:
            return
        keys = [place for obj in objects for place in self._places(app, obj)]
        denied = denied_objects(project, app, keys)
        if denied:
            more = f" and {len(denied) - 3} more" if len(denied) > 3 else ""
            raise ConfigError(f"{app.ref}: {'; '.join(denied[:3])}{more}", remedy=_ASK)

    def _places(self, app: Application, obj: Object) -> list[tuple[ObjectKey, bool]]:
        """Return an object's key where it would be, and whether its kind is namespaced.

        A kind that the cluster does not serve yet may turn out to be either, so that
        both must be allowed.
        """
        metadata = obj.get("metadata") or {}
        version, kind = str(obj.get("apiVersion") or ""), str(obj.get("kind") or "")
        try:
            scopes = [self._cluster.resolve(version, kind).namespaced]
        except ClusterError:
            scopes = [True, False]
        place = str(metadata.get("namespace") or app.spec.destination.namespace)
        name = str(metadata.get("name") or metadata.get("generateName") or "")
        return [
            (ObjectKey(api_group(version), kind, place if namespaced else "", name), namespaced)
            for namespaced in scopes
        ]
