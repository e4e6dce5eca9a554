"""What changed below a folder: one history a kind, fed by looking at the files again.

A resource version of a list or watch names a point of this history; it is worth
something to the process that gave it only. No values are kept: of an object that is
gone its metadata is known, and nothing else.
"""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from secretsync.cluster.base import Object
from secretsync.cluster.directory_listing import Found
from secretsync.errors import Gone

__all__ = ["Change", "Observer"]

#: Changes that are remembered; who was away for more must list again.
MAX_HISTORY = 65_536

Key = tuple[str, str]
Signature = tuple[int, ...]
#: apiVersion, kind and metadata of an object.
Stub = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one object: its state before and now, None where there was none.

    Args:
        position: the point of the history right after it.
    """

    key: Key
    position: int
    before: Stub | None
    after: Stub | None


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as it was seen last; no stub while it has never been an object."""

    signature: Signature
    stub: Stub | None


class Observer:
    """The history of one kind.

    Args:
        scan: the files of a namespace ("" = all) by key.
        read: the object in a file, None where it is gone or broken.
    """

    def __init__(
        self,
        scan: Callable[[str], Mapping[Key, Found]],
        read: Callable[[Found], Object | None],
    ) -> None:
        self._scan = scan
        self._read = read
        self._lock = threading.Lock()
        self._instance = secrets.token_hex(4)
        self._seen: dict[Key, _Seen] = {}
        self._history: deque[Change] = deque()
        self._position = 0
        self._forgotten = 0

    def snapshot(self, namespace: str) -> tuple[list[Object], str]:
        """Return all objects, and the point of the history to go on from."""
        objects: list[Object] = []
        with self._lock:
            self._look(namespace, objects)
            return objects, self.version(self._position)

    def changes(self, namespace: str, since: int) -> tuple[list[Change], int]:
        """Look again; return what changed since a position, in order, and the new position.

        Several changes of one object are one, from its state then to its state now.

        Raises:
            Gone: the history does not reach back that far.
        """
        with self._lock:
            self._look(namespace, None)
            if since < self._forgotten:
                raise Gone("the resource version is too old", remedy="list again")
            return self._net(namespace, since), self._position

    def version(self, position: int) -> str:
        """Return the resource version of a position."""
        return f"{self._instance}.{position}"

    def position(self, version: str) -> int:
        """Return the position of a resource version.

        Raises:
            Gone: this history did not give it.
        """
        instance, _, number = version.partition(".")
        if instance != self._instance or not number.isascii() or not number.isdigit():
            raise Gone("the resource version is not known here", remedy="list again")
        return int(number)

    def _look(self, namespace: str, objects: list[Object] | None) -> None:
        """Compare the files with what was seen; read what differs, or all of it."""
        files = self._scan(namespace)
        for key, found in files.items():
            known = self._seen.get(key)
            fresh = known is None or known.signature != found.signature
            if objects is None and not fresh:
                continue
            obj = self._read(found)
            if obj is not None and objects is not None:
                objects.append(obj)
            if fresh:
                self._note(key, found.signature, obj)
        gone = [key for key in self._seen if key not in files and namespace in ("", key[0])]
        for key in gone:
            stub = self._seen.pop(key).stub
            if stub is not None:
                self._record(key, stub, None)

    def _note(self, key: Key, signature: Signature, obj: Object | None) -> None:
        """Take a new signature in; a file that is broken now still stands for what it was."""
        known = self._seen.get(key)
        before = None if known is None else known.stub
        after = before if obj is None else _stub(obj)
        self._seen[key] = _Seen(signature, after)
        if obj is not None:
            self._record(key, before, after)

    def _record(self, key: Key, before: Stub | None, after: Stub | None) -> None:
        self._position += 1
        self._history.append(Change(key, self._position, before, after))
        if len(self._history) > MAX_HISTORY:
            self._forgotten = self._history.popleft().position

    def _net(self, namespace: str, since: int) -> list[Change]:
        net: dict[Key, Change] = {}
        for change in reversed(self._history):
            if change.position <= since:
                break
            if namespace in ("", change.key[0]):
                last = net.get(change.key, change)
                net[change.key] = Change(change.key, last.position, change.before, last.after)
        return sorted(net.values(), key=lambda change: change.position)


def _stub(obj: Object) -> Stub:
    metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata}
