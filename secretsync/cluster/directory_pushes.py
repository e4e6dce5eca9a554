"""What the PushSecrets of a directory pushed: one small file each, beside the objects.

Whoever removes the file of an object removes its status too. So the places where a PushSecret
with deletionPolicy Delete has something at a store are also kept below
ROOT/.secretsync/pushed/<namespace>/<name>.json, as its status says them: names, no values.
Losing one deletes nothing, here or at a store.

Neighbours: `directory_owners` does the same for owners of fields; `controller.push_departures`
decides what a removed file means.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secretsync.cluster.directory_files import (
    PRIVATE_FILE,
    make_folders,
    read_regular,
    remove_file,
    replace_file,
)
from secretsync.cluster.directory_lock import STATE_FOLDER
from secretsync.errors import ClusterError
from secretsync.resources.meta import ObjectRef

__all__ = ["PUSHED_FOLDER", "DirectoryPushes"]

log = logging.getLogger(__name__)

PUSHED_FOLDER = Path(STATE_FOLDER, "pushed")
#: An object of 1.5 MB, the most an API server takes, has fewer places than this.
_MAX_FILE_BYTES = 16 * 1024 * 1024

Synced = Mapping[str, Mapping[str, Mapping[str, Any]]]


class DirectoryPushes:
    """Store → place → entry, by PushSecret; any thread may ask.

    Args:
        root: the directory cluster, whose one writer this process is.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._known: dict[ObjectRef, Synced] = dict(self._load())

    def all(self) -> Mapping[ObjectRef, Synced]:
        """Return what is kept of every PushSecret."""
        with self._lock:
            return dict(self._known)

    def get(self, ref: ObjectRef) -> Synced:
        """Return what is kept of one; empty where nothing is."""
        with self._lock:
            return self._known.get(ref, {})

    def put(self, ref: ObjectRef, synced: Synced) -> None:
        """Keep what one has pushed, in place of what was kept; empty forgets it.

        Raises:
            ClusterError: it cannot be written.
        """
        with self._lock:
            if self._known.get(ref, {}) == synced:
                return
            path = self._path(ref)
            if synced:
                make_folders(self._root, path.parent, private_from=0)
                content = json.dumps({"synced": synced}, indent=1, sort_keys=True)
                replace_file(path, content.encode(), mode=PRIVATE_FILE)
                self._known[ref] = synced
            else:
                remove_file(path)
                self._known.pop(ref, None)

    def _path(self, ref: ObjectRef) -> Path:
        return self._root / PUSHED_FOLDER / ref.namespace / f"{ref.name}.json"

    def _load(self) -> list[tuple[ObjectRef, Synced]]:
        found = []
        for path in sorted((self._root / PUSHED_FOLDER).glob("*/*.json")):
            synced = _read(path)
            if synced:
                name = path.name.removesuffix(".json")
                found.append((ObjectRef("PushSecret", path.parent.name, name), synced))
        return found


def _read(path: Path) -> Synced | None:
    """Return what a file says, None where somebody damaged it: then nothing is known."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        try:
            content, _ = read_regular(path, max_bytes=_MAX_FILE_BYTES)
            synced = json.loads(content)["synced"]
            if all(isinstance(entry, dict) for each in synced.values() for entry in each.values()):
                return {store: dict(each) for store, each in synced.items()}
        except ClusterError as exc:
            log.warning("what was pushed is not known", extra={"cause": exc.message})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            log.warning("what was pushed is not known: damaged", extra={"file": str(path)})
    return None
