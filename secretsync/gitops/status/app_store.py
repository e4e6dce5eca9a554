"""Applications and AppProjects in a cluster: read, their status and annotations written.

Argo CD's CRD has no status subresource and ours may have one: both are served.
Neighbours: `engine` decides what is written.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from secretsync.cluster.base import KINDS, Cluster, Object
from secretsync.errors import ConfigError, Conflict, NotFound
from secretsync.gitops.model import FIELD_MANAGER
from secretsync.resources.application import Application, parse_application
from secretsync.resources.documents import Document, Origin
from secretsync.resources.problems import Problem

__all__ = ["AppStore", "parsed"]

_KIND = KINDS["Application"]


def parsed(obj: Mapping[str, Any], *, where: str) -> tuple[Application | None, list[Problem]]:
    """Return an Application of a cluster, None where it is not a good one.

    Args:
        obj: as the cluster gives it.
        where: how problems name the cluster.
    """
    namespace = str((obj.get("metadata") or {}).get("namespace") or "")
    found = parse_application(Document(dict(obj), Origin(where)), default_namespace=namespace)
    return found.value, list(found.problems)


class AppStore:
    """The Applications of one cluster; safe in threads."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._lock = threading.Lock()
        self._subresource = True

    def get(self, namespace: str, name: str) -> Application | None:
        """Return an Application, None where there is none.

        Raises:
            ConfigError: it is there and no good one.
            ClusterError: the cluster cannot be asked.
        """
        try:
            obj = self._cluster.get(_KIND, namespace, name)
        except NotFound:
            return None  # The kind is not installed.
        return None if obj is None else self.usable(obj)

    def live(self, app: Application) -> Object:
        """Return an Application as the cluster has it now, a good one or not.

        Raises:
            NotFound: it is gone, or another one of its name came.
            ClusterError: the cluster cannot be asked.
        """
        found = self._cluster.get(_KIND, app.meta.namespace, app.meta.name)
        if found is None or found["metadata"].get("uid") != app.meta.uid:
            raise NotFound(f"{app.ref} is gone")
        return found

    def list(self, namespace: str = "") -> tuple[list[Application], list[Problem]]:
        """Return every Application, and what is wrong with those that are no good ones.

        Raises:
            ClusterError: the cluster cannot be asked.
        """
        try:
            items = self._cluster.list(_KIND, namespace).items
        except NotFound:
            return [], []
        apps, problems = [], []
        for obj in items:
            app, found = parsed(obj, where=self._cluster.name)
            problems += found
            if app is not None:
                apps.append(app)
        return sorted(apps, key=lambda app: (app.meta.namespace, app.meta.name)), problems

    def project(self, namespace: str, name: str) -> Object | None:
        """Return an AppProject as it is, None where there is none.

        Raises:
            ClusterError: the cluster cannot be asked.
        """
        try:
            return self._cluster.get(KINDS["AppProject"], namespace, name)
        except NotFound:
            return None

    def put(self, app: Application) -> Application:
        """Store an Application that a file has; status and operation are not the file's.

        Raises:
            ClusterError: the cluster refused it.
        """
        obj = {k: v for k, v in app.raw.items() if k not in ("status", "operation")}
        metadata = {**(obj.get("metadata") or {}), "namespace": app.meta.namespace}
        metadata.pop("resourceVersion", None)
        metadata.pop("managedFields", None)
        metadata.pop("uid", None)
        self._cluster.apply(_KIND, {**obj, "metadata": metadata}, field_manager=FIELD_MANAGER)
        found = self.get(app.meta.namespace, app.meta.name)
        return app if found is None else found

    def usable(self, obj: Mapping[str, Any]) -> Application:
        """Return the Application that an object is.

        Raises:
            ConfigError: it is no good one; the first problem is named.
        """
        app, problems = parsed(obj, where=self._cluster.name)
        if app is None:
            first = problems[0]
            raise ConfigError(
                f"{first.object}: {first.field}: {first.message}", remedy=first.remedy
            )
        return app

    def write_status(
        self, app: Application, status: Mapping[str, Any], *, version: str = ""
    ) -> Object:
        """Merge a status into that of a live Application; None removes a field.

        Args:
            version: the resourceVersion that it must have; "" for any.

        Raises:
            Conflict: it has another one.
            ClusterError: the cluster refused it.
        """
        where = (_KIND, app.meta.namespace, app.meta.name)
        if self._subresource:
            try:
                return self._cluster.patch_status(
                    *where, dict(status), field_manager=FIELD_MANAGER, resource_version=version
                )
            except NotFound:
                pass  # Gone, or of a CRD without a status subresource: the patch tells.
        precondition = {"metadata": {"resourceVersion": version}} if version else {}
        found = self._patch(app, {"status": dict(status), **precondition})
        with self._lock:
            self._subresource = False
        return found

    def write(
        self,
        app: Application,
        *,
        status: Mapping[str, Any],
        annotations: Mapping[str, str | None] | None = None,
    ) -> None:
        """Merge into the status and the annotations, by one write where the CRD allows it.

        Raises:
            ClusterError: the cluster refused it.
        """
        if status and annotations and not self._subresource:
            self._patch(
                app, {"metadata": {"annotations": dict(annotations)}, "status": dict(status)}
            )
            return
        if status:
            self.write_status(app, status)
        if annotations:
            self.annotate(app, annotations)

    def annotate(self, app: Application, annotations: Mapping[str, str | None]) -> Object:
        """Set annotations; None removes one.

        Raises:
            ClusterError: the cluster refused it.
        """
        return self._patch(app, {"metadata": {"annotations": dict(annotations)}})

    def take_operation(self, app: Application, *, status: Mapping[str, Any] | None = None) -> None:
        """Remove `operation`, unless the Application has changed since it was read.

        Args:
            status: merged into the status before, or by the same write where the CRD allows
                it: a kill loses no operation.

        Raises:
            Conflict: somebody else took or changed it.
            ClusterError: the cluster refused it.
        """
        version = app.meta.resource_version
        patch: Object = {"operation": None}
        if status is not None and self._subresource:
            # Two writes, then: a kill between them leaves it to be done once more.
            found = self.write_status(app, status, version=version)
            if found.get("operation") != app.operation:
                raise Conflict(f"{app.ref}: another operation was asked for meanwhile")
            version = str(found["metadata"].get("resourceVersion") or "")
        elif status is not None:
            patch["status"] = dict(status)
        if version:
            patch["metadata"] = {"resourceVersion": version}
        self._patch(app, patch)

    def ask(self, app: Application, operation: Mapping[str, Any]) -> Object:
        """Set `operation`, which whoever serves the Application then does.

        Raises:
            ClusterError: the cluster refused it.
        """
        return self._patch(app, {"operation": dict(operation)})

    def drop_finalizers(self, app: Application, finalizers: tuple[str, ...]) -> None:
        """Set the finalizers that are left; an Application that is gone is fine.

        Raises:
            ClusterError: the cluster refused it.
        """
        try:
            self._patch(app, {"metadata": {"finalizers": list(finalizers) or None}})
        except NotFound:
            return

    def _patch(self, app: Application, patch: Object) -> Object:
        where = (_KIND, app.meta.namespace, app.meta.name)
        return self._cluster.merge_patch(*where, patch, field_manager=FIELD_MANAGER)
