"""A directory of YAML files as a cluster: for a first run, previews, machines without one.

It behaves as an API server does where the Cluster port can tell: owners of fields,
preconditions, finalizers, validation of Secrets. It has no controllers, admission or
accounts, and it knows no schema, so that lists inside a spec are replaced whole.
Neighbours: `directory_tree` keeps files, `merge` merges, `directory_watch` notices.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from secretsync.cluster.base import (
    Event,
    Kind,
    ListPage,
    Object,
    Preconditions,
    Propagation,
    Served,
    ServiceAccountTokenReview,
    WatchEvent,
    WatchEventType,
)
from secretsync.cluster.directory_exchange import again_where_moved
from secretsync.cluster.directory_given import (
    check_preconditions,
    given_object,
    identity,
    patched_object,
    previewed,
    same_spec,
    with_defaults,
)
from secretsync.cluster.directory_kinds import DirectoryKinds
from secretsync.cluster.directory_lock import WriterLock
from secretsync.cluster.directory_objects import BrokenObject, Place
from secretsync.cluster.directory_rules import (
    check_change,
    check_names,
    check_object,
    check_segment,
    has_status,
)
from secretsync.cluster.directory_selector import Selector, parse_selector
from secretsync.cluster.directory_state import EventLog, load_or_create_install_key, rfc3339
from secretsync.cluster.directory_tree import Found, ObjectTree, Stored
from secretsync.cluster.directory_watch import Change, Observer, Stub
from secretsync.cluster.field_sets import Owner, Owners
from secretsync.cluster.merge import apply_fields, merge_patch, same, update_owners
from secretsync.errors import AlreadyExists, Forbidden, NotFound, Rejected
from secretsync.resources.problems import Problem

__all__ = ["DirectoryCluster"]

#: How often a watch looks at the files: often where looking is cheap, in a large tree
#: so seldom that it takes 2 % of the time, and never less than every 3 s.
WATCH_INTERVAL_S = 0.2
WATCH_LONGEST_S = 3.0
WATCH_DUTY = 0.02
#: Objects are written side by side, so that they wait for the disk together; two that
#: share a lock only wait for each other.
WRITER_LOCKS = 64


class DirectoryCluster:
    """The Cluster port over a directory.

    A writer holds the directory's lock from the beginning until close(); readers take
    none and create nothing, and a directory that is not there is empty to them.

    Args:
        root: the directory.
        read_only: refuse every write.
        default_namespace: the namespace of objects that name none.
        now: the aware UTC time for creation and deletion times.

    Raises:
        ClusterError: another process writes to it, or it is no directory.
    """

    def __init__(
        self,
        root: Path,
        *,
        read_only: bool = False,
        default_namespace: str = "default",
        now: Callable[[], datetime],
    ) -> None:
        self._root = root
        self._default_namespace = default_namespace
        self._now = now
        self._read_only = read_only
        self._key: bytes | None = None
        self._tree = ObjectTree(root, self._install_key)
        self._tree.check_root()
        self._kinds = DirectoryKinds(self._tree)
        self._events = EventLog(root)
        self._writing = tuple(threading.RLock() for _ in range(WRITER_LOCKS))
        self._noting = threading.Lock()
        self._observers: dict[Kind, Observer] = {}
        self._broken: dict[Path, Problem] = {}
        self._lock = None if read_only else WriterLock(root)
        if self._lock is not None:
            self._tree.remove_leftovers()

    @property
    def name(self) -> str:
        """`dir:` and the directory as it was given."""
        return f"dir:{self._root}"

    @property
    def collects_garbage(self) -> bool:
        """False: nobody deletes what an owner leaves behind."""
        return False

    @property
    def default_namespace(self) -> str:
        """The namespace of objects that name none."""
        return self._default_namespace

    def broken(self) -> list[Problem]:
        """Return what is wrong with the files that were met and could not be served."""
        with self._noting:
            known = sorted(self._broken.items())
        return [problem for path, problem in known if os.path.lexists(path)]

    def resolve(self, api_version: str, kind: str) -> Kind:
        """Return the resource: Kubernetes' own, as a definition in here says, or as a guess.

        Raises:
            NotFound: Kubernetes has no such kind in a group of its own.
        """
        self._check_usable()
        return self._kinds.resolve(api_version, kind)

    def served(self) -> Served:
        """Return what Kubernetes has, and the kinds that definitions in here add."""
        self._check_usable()
        return self._kinds.served()

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Return the object with its managedFields, or None where it is definitely absent.

        Raises:
            Rejected: a file is there and holds no such object.
        """
        stored = self._stored(self._place(kind, namespace, name))
        return None if stored is None else stored.served

    def list(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        label_selector: str = "",
        metadata_only: bool = False,
    ) -> ListPage:
        """Return every object that can be read, without managedFields.

        One broken file does not hide the others: broken() tells of it.
        """
        selector = parse_selector(label_selector)
        self._check_usable()
        objects, version = self._observer(kind).snapshot(self._scope(kind, namespace))
        found = [obj for obj in objects if _matches(selector, obj)]
        return ListPage([_shown(obj, metadata_only=metadata_only) for obj in found], version)

    def watch(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        label_selector: str = "",
        resource_version: str = "",
        metadata_only: bool = False,
        stop: threading.Event,
    ) -> Iterator[WatchEvent]:
        """Yield changes, noticed by looking at the files again, until `stop` is set.

        The object of a DELETED event has its metadata and nothing else.

        Raises:
            Gone: the version is too old, or another process gave it.
        """
        selector = parse_selector(label_selector)
        scope = self._scope(kind, namespace)
        observer = self._observer(kind)
        if not resource_version:
            page = self.list(
                kind, namespace, label_selector=label_selector, metadata_only=metadata_only
            )
            resource_version = page.resource_version
            for obj in page.items:
                yield WatchEvent(WatchEventType.ADDED, obj, resource_version)
            marker = {"metadata": {"resourceVersion": resource_version}}
            yield WatchEvent(WatchEventType.SYNCED, marker, resource_version)
        position = observer.position(resource_version)
        while not stop.is_set():
            self._check_usable()
            started_s = time.monotonic()
            changes, position = observer.changes(scope, position)
            spent_s = time.monotonic() - started_s
            for change in changes:
                for event in self._watch_events(kind, change, selector):
                    obj = _shown(event.object, metadata_only=metadata_only)
                    yield WatchEvent(event.type, obj, event.resource_version)
            stop.wait(min(WATCH_LONGEST_S, max(WATCH_INTERVAL_S, spent_s / WATCH_DUTY)))

    def create(
        self, kind: Kind, obj: Object, *, field_manager: str, dry_run: bool = False
    ) -> Object:
        """Create the object.

        Raises:
            AlreadyExists: something of that name is there.
            Rejected: an API server would refuse it, or a broken file is in its place.
        """
        new = given_object(kind, obj)
        place = self._place_of(kind, new)
        if new["metadata"].get("resourceVersion"):
            raise Rejected("resourceVersion should not be set on objects to be created")
        with self._writer(place, dry_run=dry_run):
            if self._stored(place) is not None:
                raise AlreadyExists(f"{place} already exists in {self.name}")
            owners = update_owners({}, new, Owner(field_manager, "Update"), {})
            return self._create(place, new, owners, dry_run=dry_run)

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
        place = self._place_of(kind, config)
        owner = Owner(field_manager, "Apply")
        with self._writer(place, dry_run=dry_run):
            stored = self._stored(place)
            live = None if stored is None else stored.served["metadata"]
            check_preconditions(place, live, config["metadata"])
            if stored is None:
                new, owners = apply_fields({}, config, owner, {}, force=force)
                return self._create(place, {**config, **new}, owners, dry_run=dry_run)
            new, owners = apply_fields(stored.obj, config, owner, stored.owners, force=force)
            new = {**new, "apiVersion": config["apiVersion"]}
            return self._update(stored, new, owners, dry_run=dry_run)

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
        place = self._place_of(kind, given)
        owner = Owner(field_manager, "Update")
        with self._writer(place, dry_run=dry_run):
            stored = self._existing(place)
            check_preconditions(place, stored.served["metadata"], given["metadata"])
            status = {name: stored.obj[name] for name in ("status",) if name in stored.obj}
            wanted = {**given, **status, "apiVersion": stored.obj["apiVersion"]}
            new = patched_object(place, wanted, stored.obj)
            owners = update_owners(stored.obj, new, owner, stored.owners)
            new = {**new, "apiVersion": given["apiVersion"]}
            return self._update(stored, new, owners, dry_run=dry_run)

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
        place = self._place(kind, namespace, name)
        owner = Owner(field_manager, "Update")
        with self._writer(place):
            stored = self._existing(place)
            live = stored.served["metadata"]
            check_preconditions(place, live, patch.get("metadata") or {})
            changes = {key: value for key, value in patch.items() if key != "status"}
            new = patched_object(place, merge_patch(stored.obj, changes), stored.obj)
            owners = update_owners(stored.obj, new, owner, stored.owners)
            return self._update(stored, new, owners)

    @again_where_moved
    def patch_status(
        self, kind: Kind, namespace: str, name: str, status: Object, *, field_manager: str
    ) -> Object:
        """Merge-patch the status; nothing else changes.

        Raises:
            NotFound: the object is not there, or its kind has no status.
        """
        place = self._place(kind, namespace, name)
        if not has_status(kind):
            raise NotFound(f"{kind.kind} has no status subresource")
        owner = Owner(field_manager, "Update", "status")
        with self._writer(place):
            stored = self._existing(place)
            new = merge_patch(stored.obj, {"status": status})
            owners = update_owners(stored.obj, new, owner, stored.owners)
            if same(new, stored.obj) and owners == stored.owners:
                return stored.served
            return self._tree.write(place, stored, new, owners).served

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
        place = self._place(kind, namespace, name)
        with self._writer(place):
            stored = self._stored(place)
            if stored is None:
                return
            if preconditions is not None:
                wanted = {
                    "uid": preconditions.uid,
                    "resourceVersion": preconditions.resource_version,
                }
                check_preconditions(place, stored.served["metadata"], wanted)
            if not stored.obj["metadata"].get("finalizers"):
                self._tree.remove(stored)
            elif not stored.obj["metadata"].get("deletionTimestamp"):
                metadata = {**stored.obj["metadata"], "deletionTimestamp": rfc3339(self._now())}
                marked = {**stored.obj, "metadata": metadata}
                self._tree.write(place, stored, marked, stored.owners)

    def event(self, event: Event) -> None:
        """Append the event to `.secretsync/events.jsonl`; a reader records none."""
        if self._lock is not None:
            self._events.append(event, self._now())

    def request_token(
        self, namespace: str, name: str, *, audiences: Sequence[str], expiration_s: int = 3600
    ) -> ServiceAccountTokenReview:
        """Refuse: nobody would accept a token of a directory.

        Raises:
            Rejected: always.
        """
        del audiences, expiration_s
        raise Rejected(
            f"ServiceAccount {namespace}/{name}: a directory issues no tokens",
            remedy="give the store credentials by secretRef, or use a Kubernetes cluster",
        )

    def close(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            self._lock.release()

    def _create(
        self, place: Place, obj: Object, owners: Owners, *, dry_run: bool = False
    ) -> Object:
        check_names(place.kind, place.namespace, place.name)
        metadata = {
            **identity(place),
            **obj["metadata"],
            "uid": str(uuid.uuid4()),
            "creationTimestamp": rfc3339(self._now()),
        }
        if "spec" in obj:
            metadata["generation"] = 1
        new = with_defaults(place.kind, {**obj, "metadata": metadata})
        check_object(place.kind, new)
        if dry_run:
            return previewed(new, owners)
        return self._tree.write(place, None, new, owners).served

    def _update(
        self, stored: Stored, new: Object, owners: Owners, *, dry_run: bool = False
    ) -> Object:
        """Write what differs, or remove what was only waiting for its finalizers."""
        kind = stored.place.kind
        new = with_defaults(kind, new)
        if same(new, stored.obj) and owners == stored.owners:
            return stored.served
        check_object(kind, new)
        check_change(kind, stored.obj, new)
        metadata = new["metadata"]
        going = metadata.get("deletionTimestamp") and not metadata.get("finalizers")
        if going and not dry_run:
            self._tree.remove(stored)
            return new
        if "spec" in new and not same_spec(stored.obj, new):
            metadata = {**metadata, "generation": metadata.get("generation", 0) + 1}
        new = {**new, "metadata": metadata}
        if dry_run:
            return previewed(new, owners, stored.served["metadata"]["resourceVersion"])
        return self._tree.write(stored.place, stored, new, owners).served

    def _place_of(self, kind: Kind, obj: Object) -> Place:
        return self._place(kind, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])

    def _place(self, kind: Kind, namespace: str, name: str) -> Place:
        check_segment("name", name)
        return Place(kind, self._scope(kind, namespace or self._default_namespace), name)

    def _scope(self, kind: Kind, namespace: str) -> str:
        if not kind.namespaced:
            return ""
        if namespace:
            check_segment("namespace", namespace)
        return namespace

    def _stored(self, place: Place) -> Stored | None:
        self._check_usable()
        found = self._tree.find(place)
        if found is None:
            return None
        with self._noted(found.path):
            return self._tree.read(found)

    def _existing(self, place: Place) -> Stored:
        stored = self._stored(place)
        if stored is None:
            raise NotFound(f"{place} is not in {self.name}")
        return stored

    @contextlib.contextmanager
    def _noted(self, path: Path) -> Iterator[None]:
        """Keep in mind whether a file that is being read is broken."""
        try:
            yield
        except BrokenObject as exc:
            with self._noting:
                self._broken[path] = exc.problem
            raise
        with self._noting:
            self._broken.pop(path, None)

    def _observer(self, kind: Kind) -> Observer:
        with self._noting:
            if kind not in self._observers:
                scan = functools.partial(self._tree.scan, kind)
                self._observers[kind] = Observer(scan, self._view)
            return self._observers[kind]

    def _view(self, found: Found) -> Object | None:
        """Return an object that can be read; broken() tells of the others."""
        with contextlib.suppress(BrokenObject), self._noted(found.path):
            return self._tree.view(found)
        return None

    def _watch_events(self, kind: Kind, change: Change, selector: Selector) -> Iterator[WatchEvent]:
        version = self._observer(kind).version(change.position)
        before = change.before if _matches(selector, change.before) else None
        after = change.after if _matches(selector, change.after) else None
        replaced = before is not None and after is not None and _uid(before) != _uid(after)
        if before is not None and (after is None or replaced):
            yield WatchEvent(WatchEventType.DELETED, copy.deepcopy(dict(before)), version)
        if after is None:
            return
        found = self._tree.find(Place(kind, *change.key))
        obj = None if found is None else self._view(found)
        if obj is not None and _matches(selector, obj):
            added = before is None or replaced
            yield WatchEvent(
                WatchEventType.ADDED if added else WatchEventType.MODIFIED, obj, version
            )

    def _install_key(self) -> bytes | None:
        if self._key is None:
            self._key = load_or_create_install_key(self._root, read_only=self._read_only)
        return self._key

    def _check_usable(self) -> None:
        if self._lock is not None:
            self._lock.check()
        else:
            self._tree.check_root()

    def _writer(
        self, place: Place, *, dry_run: bool = False
    ) -> contextlib.AbstractContextManager[object]:
        """Return the lock of a read-modify-write of one object; a dry run needs none.

        Raises:
            Forbidden: the directory was opened for reading.
        """
        if dry_run:
            return contextlib.nullcontext()
        if self._lock is None:
            raise Forbidden(f"{self.name} was opened for reading", remedy="open it for writing")
        return self._writing[hash(place) % WRITER_LOCKS]


def _shown(obj: Object, *, metadata_only: bool) -> Object:
    """The object, or what a watch of metadata sees of it."""
    if not metadata_only:
        return obj
    return {name: obj[name] for name in ("apiVersion", "kind", "metadata")}


def _matches(selector: Selector, obj: Mapping[str, Any] | Stub | None) -> bool:
    return obj is not None and selector(obj["metadata"].get("labels") or {})


def _uid(obj: Mapping[str, Any]) -> str:
    uid: str = obj["metadata"]["uid"]
    return uid
