"""The files of a directory cluster as objects with owners; no API semantics.

Neighbours: `directory` decides what is written, `directory_listing` looks into folders,
`directory_files` writes bytes, `directory_owners` keeps the owners, `directory_objects` is
the format.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from secretsync.cluster.base import Kind, Object
from secretsync.cluster.directory_files import (
    PRIVATE_FILE,
    PUBLIC_FILE,
    make_folders,
    open_to_others,
    os_errors,
    read_regular,
    remove_file,
    remove_leftovers,
    replace_file,
    resource_version,
    signature,
)
from secretsync.cluster.directory_listing import SUFFIXES, Found, files_in, folders_in
from secretsync.cluster.directory_objects import (
    BrokenObject,
    Place,
    decode_object,
    encode_object,
)
from secretsync.cluster.directory_owners import (
    MANAGED_FOLDER,
    Record,
    Records,
    either,
    spec_digest,
)
from secretsync.cluster.field_sets import Owners, known_owners, managed_fields
from secretsync.cluster.merge import same
from secretsync.errors import ClusterError, Forbidden, Rejected
from secretsync.resources.documents import MAX_FILE_BYTES
from secretsync.resources.names import MANAGED_TARGET_LABEL
from secretsync.resources.problems import Problem

__all__ = ["ObjectTree", "Stored"]

CLUSTER_SCOPED = "_cluster"
#: Folders of ROOT that are no namespaces.
_RESERVED = (".", "_")


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as it is.

    Args:
        obj: without resourceVersion and managedFields.
        record: what was written about it last; `uid` is "" where the file has none.
        edited: the spec was edited by hand since; its new generation is not in the file.
    """

    place: Place
    path: Path
    obj: Object
    owners: Owners
    record: Record
    status: os.stat_result
    edited: bool = False

    @property
    def served(self) -> Object:
        """The object as readers get it."""
        metadata = {
            **self.obj["metadata"],
            "resourceVersion": resource_version(self.status),
        }
        if self.owners:
            metadata["managedFields"] = managed_fields(self.owners, self.obj["apiVersion"])
        return {key: metadata if key == "metadata" else value for key, value in self.obj.items()}


class ObjectTree:
    """Reads and writes objects below a root.

    Args:
        install_key: the key of spec digests, None where there is none yet.
    """

    def __init__(self, root: Path, install_key: Callable[[], bytes | None]) -> None:
        self._root = root
        self._install_key = install_key
        self._records = Records(root)

    def check_root(self) -> None:
        """Tell a directory that is not there, which is empty, from one that is no directory.

        Raises:
            ClusterError: it is something else, or cannot be looked at.
        """
        try:
            with os_errors(str(self._root)):
                is_folder = stat.S_ISDIR(self._root.stat().st_mode)
        except FileNotFoundError:
            return
        except NotADirectoryError:
            is_folder = False
        if not is_folder:
            raise ClusterError(
                f"{self._root} is not a directory", remedy="name a folder after dir:"
            )

    def scan(self, kind: Kind, namespace: str) -> dict[tuple[str, str], Found]:
        """Return the files of a kind by (namespace, name), sorted.

        Args:
            kind: whose folders are looked into.
            namespace: "" for all.
        """
        found: dict[tuple[str, str], Found] = {}
        for each in self._namespaces(kind, namespace):
            folder = self._root / (each or CLUSTER_SCOPED) / kind.folder
            for name, file, mine in files_in(folder):
                known = found.get((each, name))
                if known is None:
                    found[each, name] = Found(Place(kind, each, name), folder, file, mine)
                else:
                    rivals = (*known.rivals, file)
                    both = known.signature + mine
                    found[each, name] = replace(known, signature=both, rivals=rivals)
        return dict(sorted(found.items()))

    def find(self, place: Place) -> Found | None:
        """Return the file of one object, or None where there is none."""
        found = None
        base = self._root / place.relative
        for suffix in SUFFIXES:
            path = base.with_name(base.name + suffix)
            with os_errors(str(path)), contextlib.suppress(FileNotFoundError, NotADirectoryError):
                mine = signature(path.lstat())
                if found is None:
                    found = Found(place, path.parent, path.name, mine)
                else:
                    found = replace(found, rivals=(*found.rivals, path.name))
        return found

    def read(self, found: Found) -> Stored | None:
        """Return the object of a file, or None where it is gone meanwhile.

        Raises:
            BrokenObject: the file is there and is no object.
        """
        content = self._decoded(found)
        if content is None:
            return None
        obj, uid, status = content
        record = self._records.load(found.place.relative, uid)
        edited = self._count_edit(obj, record)
        owners = known_owners(record.owners, obj)
        return Stored(found.place, found.path, obj, owners, record, status, edited)

    def view(self, found: Found) -> Object | None:
        """Return the object as lists and watches give it, without managedFields.

        Raises:
            BrokenObject: the file is there and is no object.
        """
        content = self._decoded(found)
        if content is None:
            return None
        obj, uid, status = content
        if "spec" in obj:
            self._count_edit(obj, self._records.load(found.place.relative, uid))
        obj["metadata"]["resourceVersion"] = resource_version(status)
        return obj

    def _count_edit(self, obj: Object, record: Record) -> bool:
        """Raise the generation of a spec that was edited by hand since the last write."""
        key = self._install_key() if record.spec_digest else None
        if key is None or spec_digest(key, obj) == record.spec_digest:
            return False
        metadata = obj["metadata"]
        metadata["generation"] = metadata.get("generation", 0) + 1
        return True

    def _decoded(self, found: Found) -> tuple[Object, str, os.stat_result] | None:
        """Return the object in a file, the uid that the file gives, and the file's state."""
        place, file = found.place, str(found.path)
        if found.rivals:
            names = ", ".join((found.path.name, *found.rivals))
            raise _broken(found, f"several files stand for one object: {names}", "keep one of them")
        try:
            content, status = read_regular(found.path, max_bytes=MAX_FILE_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (Rejected, Forbidden) as exc:
            raise _broken(found, exc.message.removeprefix(f"{file}: "), exc.remedy) from exc
        if _is_secret(place.kind) and open_to_others(status):
            what = "group or others may read or write this Secret"
            raise _broken(found, what, f"run: chmod 600 {file}")
        return *decode_object(content, place, file=file, modified_ns=status.st_mtime_ns), status

    def write(self, place: Place, old: Stored | None, obj: Object, owners: Owners) -> Stored:
        """Write an object and its owners; what is as it was is not touched.

        A process killed in between leaves owners that claim too much, never too
        little: a claim without its field is forgotten on reading.
        """
        uid = obj["metadata"]["uid"]
        key = self._install_key() if "spec" in obj else None
        record = Record(uid, owners, spec_digest(key, obj) if key is not None else "")
        written = Record() if old is None else old.record
        if record != written:
            meanwhile = replace(record, owners=either(owners, written.owners))
            if written.uid != uid:
                meanwhile = record
            self._records.save(place.relative, meanwhile)
            written = meanwhile
        if old is not None and not old.edited and old.record.uid == uid and same(old.obj, obj):
            status, path = old.status, old.path
        else:
            path, status = self._write_file(place, old, obj)
        if record != written:
            self._records.save(place.relative, record)
        return Stored(place, path, obj, owners, record, status)

    def remove(self, stored: Stored) -> None:
        """Remove an object."""
        remove_file(stored.path)
        self._records.remove(stored.place.relative)

    def remove_leftovers(self) -> None:
        """Remove what killed writers left half-written."""
        managed = self._root / MANAGED_FOLDER
        remove_leftovers(managed.parent)
        for base in (self._root, managed):
            for namespace in folders_in(base):
                for folder in folders_in(namespace):
                    remove_leftovers(folder)

    def _write_file(
        self, place: Place, old: Stored | None, obj: Object
    ) -> tuple[Path, os.stat_result]:
        secret = _is_secret(place.kind)
        path = self._root / place.relative
        path = path.with_name(f"{path.name}.yaml") if old is None else old.path
        make_folders(self._root, path.parent, private_from=1 if secret else None)
        mode = PRIVATE_FILE if secret or _holds_values(obj) else PUBLIC_FILE
        if old is not None:
            mode &= stat.S_IMODE(old.status.st_mode)
        status = replace_file(
            path,
            encode_object(obj, as_json=path.suffix == ".json"),
            mode=mode,
            read=None if old is None else old.status,
        )
        return path, status

    def _namespaces(self, kind: Kind, namespace: str) -> list[str]:
        if not kind.namespaced:
            return [""]
        if namespace:
            return [namespace]
        names = (folder.name for folder in folders_in(self._root))
        return sorted(name for name in names if not name.startswith(_RESERVED))


def _broken(found: Found, message: str, remedy: str) -> BrokenObject:
    return BrokenObject(Problem(message, remedy, object=str(found.place), file=str(found.path)))


def _holds_values(obj: Object) -> bool:
    """Return whether an ExternalSecret's values are written into this object, of any kind."""
    labels = (obj.get("metadata") or {}).get("labels") or {}
    return labels.get(MANAGED_TARGET_LABEL) == "true"


def _is_secret(kind: Kind) -> bool:
    return kind.group == "" and kind.kind == "Secret"
