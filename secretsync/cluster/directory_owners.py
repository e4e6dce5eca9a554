"""Who owns which field: one small record an object, beside the objects.

ROOT/.secretsync/managed/<namespace>/<folder>/<name>.json holds names of fields, never
values. Losing one loses no object: fields then belong to nobody until the next write.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
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
from secretsync.cluster.field_sets import FieldSet, Owner, Owners, decode_fields, encode_fields

__all__ = ["MANAGED_FOLDER", "Record", "Records", "either", "spec_digest"]

MANAGED_FOLDER = Path(STATE_FOLDER, "managed")
#: An object of 1.5 MB, the most an API server takes, has fewer field names than this.
_MAX_RECORD_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Record:
    """What is known about the object that has `uid`.

    Args:
        spec_digest: keyed digest of the spec at the last write, so that an edit by
            hand counts as a new generation; "" for objects without a spec.
    """

    uid: str = ""
    owners: Owners = field(default_factory=dict)
    spec_digest: str = ""


class Records:
    """All records of a directory cluster."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def load(self, place: Path, uid: str) -> Record:
        """Return the record of an object.

        Args:
            place: relative to the root, without a suffix.
            uid: as its file has it. A record of an earlier object of that name, or of
                a file that somebody wrote anew without uid, does not count.
        """
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            content, _ = read_regular(self._path(place), max_bytes=_MAX_RECORD_BYTES)
            record = _decoded(content)
            if record is not None and uid and record.uid == uid:
                return record
        return Record(uid)

    def save(self, place: Path, record: Record) -> None:
        """Replace a record. The object's own durable write makes it durable too."""
        path = self._path(place)
        make_folders(self._root, path.parent, private_from=0)
        content = {
            "uid": record.uid,
            "specDigest": record.spec_digest,
            "managers": [
                {**owner._asdict(), "fieldsV1": encode_fields(fields)}
                for owner, fields in sorted(record.owners.items())
            ],
        }
        replace_file(path, json.dumps(content, indent=1).encode(), mode=PRIVATE_FILE, durable=False)

    def remove(self, place: Path) -> None:
        """Forget an object."""
        remove_file(self._path(place), durable=False)

    def _path(self, place: Path) -> Path:
        path = self._root / MANAGED_FOLDER / place
        return path.with_name(f"{path.name}.json")


def spec_digest(key: bytes, obj: Mapping[str, Any]) -> str:
    """Return the keyed digest of everything that makes a generation; "" without a spec.

    Keyed, because some specs hold values that could be guessed.
    """
    if "spec" not in obj:
        return ""
    outside = ("apiVersion", "kind", "metadata", "status")
    made_of = {name: value for name, value in obj.items() if name not in outside}
    text = json.dumps(made_of, sort_keys=True, separators=(",", ":"))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def _decoded(content: bytes) -> Record | None:
    """Return a record, or None where somebody damaged it."""
    try:
        value = json.loads(content)
        owners = {
            Owner(entry["manager"], entry["operation"], entry["subresource"]): decode_fields(
                entry["fieldsV1"]
            )
            for entry in value["managers"]
        }
        return Record(value["uid"], owners, value["specDigest"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def either(left: Owners, right: Mapping[Owner, FieldSet]) -> Owners:
    """Return the fields of each owner, those of either side."""
    nothing: FieldSet = frozenset()
    return {
        owner: left.get(owner, nothing) | right.get(owner, nothing)
        for owner in left.keys() | right.keys()
    }
