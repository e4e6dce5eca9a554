"""Writes to a directory of files, as an API server takes them: each under the object's lock.

Neighbours: `directory` is the cluster, `directory_given` checks what is given, `merge` merges,
`directory_store` keeps the files.
"""

from __future__ import annotations

from secretsync.cluster.base import Kind, Object, Preconditions, Propagation
from secretsync.cluster.directory_exchange import again_where_moved
from secretsync.cluster.directory_given import check_preconditions, given_object, patched_object
from secretsync.cluster.directory_rules import has_status
from secretsync.cluster.directory_store import DirectoryStore
from secretsync.cluster.field_sets import Owner
from secretsync.cluster.merge import apply_fields, merge_patch, same, update_owners
from secretsync.errors import AlreadyExists, NotFound, Rejected

__all__ = ["DirectoryWrites"]


class DirectoryWrites:
    """The writing half of the Cluster port over a directory."""

    def __init__(self, store: DirectoryStore) -> None:
        self._store = store

    def create(
        self, kind: Kind, obj: Object, *, field_manager: str, dry_run: bool = False
    ) -> Object:
        """Create the object.

        Raises:
            AlreadyExists: something of that name is there.
            Rejected: an API server would refuse it, or a broken file is in its place.
        """
        new = given_object(kind, obj)
        place = self._store.place_of(kind, new)
        if new["metadata"].get("resourceVersion"):
            raise Rejected("resourceVersion should not be set on objects to be created")
        with self._store.writer(place, dry_run=dry_run):
            if self._store.stored(place) is not None:
                raise AlreadyExists(f"{place} already exists in {self._store.name}")
            owners = update_owners({}, new, Owner(field_manager, "Update"), {})
            return self._store.create(place, new, owners, dry_run=dry_run)

    @again_where_moved
    def apply(
        self,
        kind: Kind,
        obj: Object,
        *,
        field_manager: str,
        force: bool = True,
        dry_run: bool = False,
    ) -> Object:
        """Server-side apply: own the given fields, drop owned ones no longer given.

        Raises:
            Conflict: a precondition does not hold, or without `force` somebody else
                owns a field that differs.
            Rejected: an API server would refuse it, or its file is broken.
        """
        config = given_object(kind, obj)
        place = self._store.place_of(kind, config)
        owner = Owner(field_manager, "Apply")
        with self._store.writer(place, dry_run=dry_run):
            stored = self._store.stored(place)
            live = None if stored is None else stored.served["metadata"]
            check_preconditions(place, live, config["metadata"])
            if stored is None:
                new, owners = apply_fields({}, config, owner, {}, force=force)
                return self._store.create(place, {**config, **new}, owners, dry_run=dry_run)
            new, owners = apply_fields(stored.obj, config, owner, stored.owners, force=force)
            new = {**new, "apiVersion": config["apiVersion"]}
            return self._store.update(stored, new, owners, dry_run=dry_run)

    @again_where_moved
    def replace(
        self, kind: Kind, obj: Object, *, field_manager: str, dry_run: bool = False
    ) -> Object:
        """Make the object what is given and nothing else; status and identity stay.

        Raises:
            Conflict: a precondition does not hold.
            NotFound: the object is not there.
            Rejected: an API server would refuse it, or its file is broken.
        """
        given = given_object(kind, obj)
        place = self._store.place_of(kind, given)
        owner = Owner(field_manager, "Update")
        with self._store.writer(place, dry_run=dry_run):
            stored = self._store.existing(place)
            check_preconditions(place, stored.served["metadata"], given["metadata"])
            status = {name: stored.obj[name] for name in ("status",) if name in stored.obj}
            wanted = {**given, **status, "apiVersion": stored.obj["apiVersion"]}
            new = patched_object(place, wanted, stored.obj)
            owners = update_owners(stored.obj, new, owner, stored.owners)
            new = {**new, "apiVersion": given["apiVersion"]}
            return self._store.update(stored, new, owners, dry_run=dry_run)

    @again_where_moved
    def merge_patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch: Object,
        *,
        field_manager: str,
    ) -> Object:
        """JSON merge patch (RFC 7386); `metadata.resourceVersion` is a precondition.

        Raises:
            Conflict: a precondition does not hold.
            NotFound: the object is not there.
            Rejected: an API server would refuse the result, or the file is broken.
        """
        place = self._store.place(kind, namespace, name)
        owner = Owner(field_manager, "Update")
        with self._store.writer(place):
            stored = self._store.existing(place)
            live = stored.served["metadata"]
            check_preconditions(place, live, patch.get("metadata") or {})
            changes = {key: value for key, value in patch.items() if key != "status"}
            new = patched_object(place, merge_patch(stored.obj, changes), stored.obj)
            owners = update_owners(stored.obj, new, owner, stored.owners)
            return self._store.update(stored, new, owners)

    @again_where_moved
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
        """Merge-patch the status; nothing else changes.

        Raises:
            Conflict: it has another resourceVersion by now.
            NotFound: the object is not there, or its kind has no status.
        """
        place = self._store.place(kind, namespace, name)
        if not has_status(kind):
            raise NotFound(f"{kind.kind} has no status subresource")
        owner = Owner(field_manager, "Update", "status")
        with self._store.writer(place):
            stored = self._store.existing(place)
            wanted = {"resourceVersion": resource_version} if resource_version else {}
            check_preconditions(place, stored.served["metadata"], wanted)
            new = merge_patch(stored.obj, {"status": status})
            owners = update_owners(stored.obj, new, owner, stored.owners)
            if same(new, stored.obj) and owners == stored.owners:
                return stored.served
            return self._store.tree.write(place, stored, new, owners).served

    @again_where_moved
    def delete(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        *,
        preconditions: Preconditions | None = None,
        propagation: Propagation | None = None,
    ) -> None:
        """Delete; one with finalizers is only marked, and goes with the last of them.

        Raises:
            Conflict: a precondition does not hold.
            Rejected: the file is broken, so that nobody knows what would be deleted.
        """
        del propagation  # What it owns stays in any case.
        place = self._store.place(kind, namespace, name)
        with self._store.writer(place):
            stored = self._store.stored(place)
            if stored is None:
                return
            if preconditions is not None:
                wanted = {
                    "uid": preconditions.uid,
                    "resourceVersion": preconditions.resource_version,
                }
                check_preconditions(place, stored.served["metadata"], wanted)
            self._store.delete(stored)
