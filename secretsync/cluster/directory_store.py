"""The files of a directory cluster behind its locks: who writes, what stands where, what is broken.

Neighbours: `directory` has the verbs, `directory_looking` lists and watches, and
`directory_tree` keeps the files.
"""

from __future__ import annotations

import contextlib
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from secretsync.cluster.base import Kind, Object
from secretsync.cluster.directory_given import identity, previewed, same_spec, with_defaults
from secretsync.cluster.directory_listing import Found
from secretsync.cluster.directory_lock import WriterLock
from secretsync.cluster.directory_objects import BrokenObject, Place
from secretsync.cluster.directory_rules import (
    check_change,
    check_names,
    check_object,
    check_segment,
)
from secretsync.cluster.directory_state import load_or_create_install_key, rfc3339
from secretsync.cluster.directory_tree import ObjectTree, Stored
from secretsync.cluster.field_sets import Owners
from secretsync.cluster.merge import same
from secretsync.errors import Forbidden, NotFound
from secretsync.resources.problems import Problem

__all__ = ["DirectoryStore"]

#: Objects are written side by side, so that they wait for the disk together; two that
#: share a lock only wait for each other.
WRITER_LOCKS = 64


class DirectoryStore:
    """One directory, opened for reading or for writing; safe to share between threads.

    Args:
        root: the directory.
        read_only: take no lock, and refuse every write.
        default_namespace: the namespace of objects that name none.
        now: the aware UTC time for creation and deletion times.

    Raises:
        ClusterError: another process writes to it, or it is no directory.
    """

    def __init__(
        self,
        root: Path,
        *,
        read_only: bool,
        default_namespace: str,
        now: Callable[[], datetime],
    ) -> None:
        self.root = root
        self.default_namespace = default_namespace
        self._now = now
        self._read_only = read_only
        self._key: bytes | None = None
        self.tree = ObjectTree(root, self._install_key)
        self.tree.check_root()
        self._writing = tuple(threading.RLock() for _ in range(WRITER_LOCKS))
        self._noting = threading.Lock()
        self._broken: dict[Path, Problem] = {}
        self._lock = None if read_only else WriterLock(root)
        if self._lock is not None:
            self.tree.remove_leftovers()

    @property
    def name(self) -> str:
        """`dir:` and the directory as it was given."""
        return f"dir:{self.root}"

    @property
    def is_writer(self) -> bool:
        """Whether it was opened for writing."""
        return self._lock is not None

    def broken(self) -> list[Problem]:
        """Return what is wrong with the files that were met and could not be served."""
        with self._noting:
            known = sorted(self._broken.items())
        return [problem for path, problem in known if os.path.lexists(path)]

    def check_usable(self) -> None:
        """Make sure that the directory is there, and still ours where we write.

        Raises:
            ClusterError: it is not.
        """
        if self._lock is not None:
            self._lock.check()
        else:
            self.tree.check_root()

    def place_of(self, kind: Kind, obj: Object) -> Place:
        """Return where an object belongs."""
        return self.place(kind, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])

    def place(self, kind: Kind, namespace: str, name: str) -> Place:
        """Return where the object of that name belongs.

        Raises:
            Rejected: a name that is none.
        """
        check_segment("name", name)
        return Place(kind, self.scope(kind, namespace or self.default_namespace), name)

    def scope(self, kind: Kind, namespace: str) -> str:
        """Return the namespace as it counts for a kind: "" for what has none.

        Raises:
            Rejected: a name that is none.
        """
        if not kind.namespaced:
            return ""
        if namespace:
            check_segment("namespace", namespace)
        return namespace

    def stored(self, place: Place) -> Stored | None:
        """Read what stands in a place; None where there is definitely nothing.

        Raises:
            Rejected: a file is there and holds no such object.
        """
        self.check_usable()
        found = self.tree.find(place)
        if found is None:
            return None
        with self._noted(found.path):
            return self.tree.read(found)

    def existing(self, place: Place) -> Stored:
        """Read what stands in a place.

        Raises:
            NotFound: nothing does.
            Rejected: a file is there and holds no such object.
        """
        stored = self.stored(place)
        if stored is None:
            raise NotFound(f"{place} is not in {self.name}")
        return stored

    def view(self, found: Found) -> Object | None:
        """Return an object that can be read; broken() tells of the others."""
        with contextlib.suppress(BrokenObject), self._noted(found.path):
            return self.tree.view(found)
        return None

    def writer(
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

    def create(self, place: Place, obj: Object, owners: Owners, *, dry_run: bool = False) -> Object:
        """Write an object where none is; the caller holds its lock.

        Raises:
            Rejected: an API server would refuse it.
        """
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
        return self.tree.write(place, None, new, owners).served

    def update(
        self, stored: Stored, new: Object, owners: Owners, *, dry_run: bool = False
    ) -> Object:
        """Write what differs, or remove what was only waiting for its finalizers.

        Raises:
            Rejected: an API server would refuse the change.
        """
        kind = stored.place.kind
        new = with_defaults(kind, new)
        if same(new, stored.obj) and owners == stored.owners:
            return stored.served
        check_object(kind, new)
        check_change(kind, stored.obj, new)
        metadata = new["metadata"]
        going = metadata.get("deletionTimestamp") and not metadata.get("finalizers")
        if going and not dry_run:
            self.tree.remove(stored)
            return new
        if "spec" in new and not same_spec(stored.obj, new):
            metadata = {**metadata, "generation": metadata.get("generation", 0) + 1}
        new = {**new, "metadata": metadata}
        if dry_run:
            return previewed(new, owners, stored.served["metadata"]["resourceVersion"])
        return self.tree.write(stored.place, stored, new, owners).served

    def delete(self, stored: Stored) -> None:
        """Remove an object; one with finalizers is only marked, and goes with the last of them."""
        metadata = stored.obj["metadata"]
        if not metadata.get("finalizers"):
            self.tree.remove(stored)
        elif not metadata.get("deletionTimestamp"):
            marked = {**metadata, "deletionTimestamp": rfc3339(self._now())}
            new = {**stored.obj, "metadata": marked}
            self.tree.write(stored.place, stored, new, stored.owners)

    def close(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            self._lock.release()

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

    def _install_key(self) -> bytes | None:
        if self._key is None:
            self._key = load_or_create_install_key(self.root, read_only=self._read_only)
        return self._key
