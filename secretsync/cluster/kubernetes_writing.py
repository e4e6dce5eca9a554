"""Writes to a Kubernetes API server: what each verb means on the wire.

Neighbours: `kubernetes` is the cluster, `kubernetes_api` sends, `kubernetes_errors` says what
a refusal means.
"""

from __future__ import annotations

from secretsync.cluster.base import Kind, Object, Preconditions, Propagation
from secretsync.cluster.discovery import DEFINES_KINDS, Discovery
from secretsync.cluster.kubernetes_api import JSON, KubernetesApi, named, typed
from secretsync.errors import Conflict, NotFound

__all__ = ["KubernetesWrites"]

MERGE_PATCH = "application/merge-patch+json"
#: JSON is YAML, so the body needs no YAML writer.
APPLY_PATCH = "application/apply-patch+yaml"


class KubernetesWrites:
    """The writing half of the Cluster port on an API server."""

    def __init__(self, api: KubernetesApi) -> None:
        self._api = api
        self._discovery = Discovery(api)

    def create(
        self, kind: Kind, obj: Object, *, field_manager: str, dry_run: bool = False
    ) -> Object:
        """Create the object; AlreadyExists where something of that name is there."""
        namespace, name = self._identity(kind, obj)
        query = _write_query(field_manager, dry_run=dry_run)
        return self._write(
            "POST",
            kind,
            self._api.target(kind, namespace, query=query),
            typed(kind, obj),
            attempt=f"create {named(kind, namespace, name)}",
        )

    def apply(
        self,
        kind: Kind,
        obj: Object,
        *,
        field_manager: str,
        force: bool = True,
        dry_run: bool = False,
    ) -> Object:
        """Apply server-side; Conflict where a precondition or, unforced, an owner objects."""
        namespace, name = self._identity(kind, obj)
        query = _write_query(field_manager, dry_run=dry_run)
        query["force"] = "true" if force else "false"
        return self._write(
            "PATCH",
            kind,
            self._api.target(kind, namespace, name, query=query),
            typed(kind, self._pinned(kind, obj)),
            attempt=f"apply {named(kind, namespace, name)}",
            content_type=APPLY_PATCH,
        )

    def replace(
        self, kind: Kind, obj: Object, *, field_manager: str, dry_run: bool = False
    ) -> Object:
        """Replace the object; most kinds are replaced only at a known version.

        Where none is given it is read first, so that Conflict means that somebody
        wrote in between.
        """
        namespace, name = self._identity(kind, obj)
        query = _write_query(field_manager, dry_run=dry_run)
        return self._write(
            "PUT",
            kind,
            self._api.target(kind, namespace, name, query=query),
            typed(kind, self._versioned(kind, obj)),
            attempt=f"replace {named(kind, namespace, name)}",
        )

    def merge_patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch: Object,
        *,
        field_manager: str,
    ) -> Object:
        """Merge-patch the object (RFC 7386)."""
        namespace = self._api.namespace_of(kind, namespace)
        return self._api.write(
            "PATCH",
            self._api.target(kind, namespace, name, query={"fieldManager": field_manager}),
            patch,
            attempt=f"patch {named(kind, namespace, name)}",
            kind=kind,
            content_type=MERGE_PATCH,
        )

    def patch_status(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        status: Object,
        *,
        field_manager: str,
        resource_version: str = "",
    ) -> Object:
        """Merge-patch the status subresource; a resourceVersion is a precondition."""
        namespace = self._api.namespace_of(kind, namespace)
        query = {"fieldManager": field_manager}
        precondition = (
            {"metadata": {"resourceVersion": resource_version}} if resource_version else {}
        )
        return self._api.write(
            "PATCH",
            self._api.target(kind, namespace, name, "status", query=query),
            {"status": status, **precondition},
            attempt=f"patch the status of {named(kind, namespace, name)}",
            kind=kind,
            content_type=MERGE_PATCH,
        )

    def delete(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        *,
        preconditions: Preconditions | None = None,
        propagation: Propagation | None = None,
    ) -> None:
        """Delete the object; unless told otherwise what it owns goes in the background."""
        # Named, because some kinds (Jobs) leave their dependents behind by default.
        options: Object = {"propagationPolicy": propagation or Propagation.BACKGROUND}
        if preconditions is not None:
            wanted = {"uid": preconditions.uid, "resourceVersion": preconditions.resource_version}
            options["preconditions"] = {key: value for key, value in wanted.items() if value}
        self._api.delete(kind, self._api.namespace_of(kind, namespace), name, options)
        self._note(kind)

    def _identity(self, kind: Kind, obj: Object) -> tuple[str, str]:
        metadata = obj.get("metadata") or {}
        namespace = self._api.namespace_of(kind, str(metadata.get("namespace") or ""))
        return namespace, str(metadata.get("name") or metadata.get("generateName") or "")

    def _pinned(self, kind: Kind, obj: Object) -> Object:
        """Add the uid where only a version is given.

        The server creates an object that is gone, whatever version the applied one
        names; a uid it does hold to.
        """
        metadata = obj.get("metadata") or {}
        if not metadata.get("resourceVersion") or metadata.get("uid"):
            return obj
        namespace, name = self._identity(kind, obj)
        live = self._api.read(kind, namespace, name)
        if live is None:
            place = f"{named(kind, namespace, name)} in {self._api.cluster_name}"
            raise Conflict(f"cannot apply {place}: it is gone")
        return {**obj, "metadata": {**metadata, "uid": live["metadata"]["uid"]}}

    def _versioned(self, kind: Kind, obj: Object) -> Object:
        """Add the live version where none is given: custom resources ask for one."""
        metadata = obj.get("metadata") or {}
        if metadata.get("resourceVersion"):
            return obj
        namespace, name = self._identity(kind, obj)
        live = self._api.read(kind, namespace, name)
        if live is None:
            place = f"{named(kind, namespace, name)} in {self._api.cluster_name}"
            raise NotFound(f"cannot replace {place}: it is not there")
        version = live["metadata"]["resourceVersion"]
        return {**obj, "metadata": {**metadata, "resourceVersion": version}}

    def _write(
        self,
        method: str,
        kind: Kind,
        target: str,
        body: Object,
        *,
        attempt: str,
        content_type: str = JSON,
    ) -> Object:
        answer = self._api.write(
            method, target, body, attempt=attempt, kind=kind, content_type=content_type
        )
        self._note(kind)
        return answer

    def _note(self, kind: Kind) -> None:
        """Forget which kinds are served once that may have changed."""
        if (kind.group, kind.kind) in DEFINES_KINDS:
            self._discovery.forget()


def _write_query(field_manager: str, *, dry_run: bool) -> dict[str, str]:
    return {"fieldManager": field_manager, **({"dryRun": "All"} if dry_run else {})}
