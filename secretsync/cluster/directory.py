"""A directory of YAML files as a cluster: for a first run, previews, machines without one.

It behaves as an API server does where the Cluster port can tell: owners of fields,
preconditions, finalizers, validation of Secrets. It has no controllers, admission or
accounts, and it knows no schema, so that lists inside a spec are replaced whole.
Neighbours: `directory_store` keeps files behind locks, `directory_looking` lists and
watches them, `directory_writing` changes them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from secretsync.cluster.base import (
    Event,
    Kind,
    ListPage,
    Object,
    Served,
    ServiceAccountTokenReview,
    WatchEvent,
)
from secretsync.cluster.directory_kinds import DirectoryKinds
from secretsync.cluster.directory_looking import Looker
from secretsync.cluster.directory_state import EventLog
from secretsync.cluster.directory_store import DirectoryStore
from secretsync.cluster.directory_writing import DirectoryWrites
from secretsync.errors import Rejected
from secretsync.resources.problems import Problem

__all__ = ["DirectoryCluster"]


class DirectoryCluster(DirectoryWrites):
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
        self._now = now
        store = DirectoryStore(
            root, read_only=read_only, default_namespace=default_namespace, now=now
        )
        super().__init__(store)
        self._looker = Looker(self._store)
        self._kinds = DirectoryKinds(self._store.tree)
        self._events = EventLog(root)

    @property
    def name(self) -> str:
        """`dir:` and the directory as it was given."""
        return self._store.name

    @property
    def collects_garbage(self) -> bool:
        """False: nobody deletes what an owner leaves behind."""
        return False

    @property
    def default_namespace(self) -> str:
        """The namespace of objects that name none."""
        return self._store.default_namespace

    def broken(self) -> list[Problem]:
        """Return what is wrong with the files that were met and could not be served."""
        return self._store.broken()

    def resolve(self, api_version: str, kind: str) -> Kind:
        """Return the resource: Kubernetes' own, as a definition in here says, or as a guess.

        Raises:
            NotFound: Kubernetes has no such kind in a group of its own.
        """
        self._store.check_usable()
        return self._kinds.resolve(api_version, kind)

    def served(self) -> Served:
        """Return what Kubernetes has, and the kinds that definitions in here add."""
        self._store.check_usable()
        return self._kinds.served()

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Return the object with its managedFields, or None where it is definitely absent.

        Raises:
            Rejected: a file is there and holds no such object.
        """
        stored = self._store.stored(self._store.place(kind, namespace, name))
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
        return self._looker.list(
            kind, namespace, label_selector=label_selector, metadata_only=metadata_only
        )

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
        return self._looker.watch(
            kind,
            namespace,
            label_selector=label_selector,
            resource_version=resource_version,
            metadata_only=metadata_only,
            stop=stop,
        )

    def event(self, event: Event) -> None:
        """Append the event to `.secretsync/events.jsonl`; a reader records none."""
        if self._store.is_writer:
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
        self._store.close()
