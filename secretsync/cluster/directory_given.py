"""What callers give a directory cluster, made into what may be stored. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from secretsync.cluster.base import Kind, Object
from secretsync.cluster.directory_objects import Place, fold_string_data
from secretsync.cluster.field_sets import Owners, managed_fields
from secretsync.cluster.merge import same
from secretsync.errors import Conflict, Rejected

__all__ = [
    "check_preconditions",
    "given_object",
    "identity",
    "patched_object",
    "previewed",
    "same_spec",
    "with_defaults",
]

#: Metadata that only the cluster sets.
_SYSTEM = ("uid", "creationTimestamp", "generation", "deletionTimestamp")
_NOT_STORED = ("managedFields", "resourceVersion", "selfLink", "generateName")
#: Metadata that says which object is meant; it is no wish.
_PRECONDITIONS = ("uid", "resourceVersion")
_OUTSIDE_SPEC = ("apiVersion", "kind", "metadata", "status")


def identity(place: Place) -> Object:
    """Return the metadata that names the object."""
    namespace = {"namespace": place.namespace} if place.namespace else {}
    return {"name": place.name, **namespace}


def given_object(kind: Kind, obj: Object) -> Object:
    """Return a clean copy of an object to create or apply.

    Status and what the cluster sets are left out, as an API server does, except uid
    and resourceVersion: they are preconditions.

    Raises:
        Rejected: it has no name, or is of another kind.
    """
    new: Object = _without_nulls(copy.deepcopy(obj))
    metadata = new.setdefault("metadata", {})
    if not metadata.get("name"):
        raise Rejected(f"{kind.kind}: metadata.name is missing", remedy="give it a name")
    if new.setdefault("kind", kind.kind) != kind.kind:
        raise Rejected(f"{kind.kind} {metadata['name']}: the object is of another kind")
    new.setdefault("apiVersion", kind.api_version)
    if new["apiVersion"].rpartition("/")[0] != kind.group:
        raise Rejected(f"{kind.kind} {metadata['name']}: the object is of another API group")
    fold_string_data(kind, new)
    new.pop("status", None)
    for name in (*_SYSTEM, *_NOT_STORED):
        if name not in _PRECONDITIONS:
            metadata.pop(name, None)
    return new


def patched_object(place: Place, new: Object, old: Object) -> Object:
    """Return a patched object without what a patch cannot change.

    Raises:
        Rejected: it would be another object.
    """
    patched = dict(new)
    fold_string_data(place.kind, patched)
    metadata = dict(patched.get("metadata") or {})
    for name, value in identity(place).items():
        if metadata.setdefault(name, value) != value:
            raise Rejected(f"{place}: metadata.{name} cannot change")
    for name in (*_NOT_STORED, *_SYSTEM):
        metadata.pop(name, None)
        if name in old["metadata"]:
            metadata[name] = old["metadata"][name]
    for name in ("apiVersion", "kind"):
        if patched.get(name) != old[name]:
            raise Rejected(f"{place}: {name} cannot change")
    return {**patched, "metadata": metadata}


def previewed(new: Object, owners: Owners, resource_version: str = "") -> Object:
    """Return an object as a dry run answers with it.

    Args:
        new: as it would be stored.
        owners: as they would be.
        resource_version: of the object as it is, "" where there is none.
    """
    metadata = dict(new["metadata"])
    if resource_version:
        metadata["resourceVersion"] = resource_version
    if owners:
        metadata["managedFields"] = managed_fields(owners, new["apiVersion"])
    return copy.deepcopy({**new, "metadata": metadata})


def with_defaults(kind: Kind, obj: Object) -> Object:
    """Return the object with what an API server fills in."""
    if (kind.group, kind.kind) == ("", "Secret") and "type" not in obj:
        return {**obj, "type": "Opaque"}
    return obj


def check_preconditions(
    place: Place, live: Mapping[str, Any] | None, wanted: Mapping[str, Any]
) -> None:
    """Compare uid and resourceVersion where they are wanted.

    Args:
        place: names the object in the error.
        live: the object's metadata, None where there is no object.
        wanted: metadata with what must still hold.

    Raises:
        Conflict: they differ, or there is no object to have them.
    """
    for name in _PRECONDITIONS:
        if wanted.get(name) and wanted[name] != (live or {}).get(name):
            raise Conflict(
                f"{place} was changed or replaced since it was read ({name})",
                remedy="read it again",
            )


def same_spec(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Return whether the generation stays: metadata and status do not count."""
    return same(
        {key: value for key, value in old.items() if key not in _OUTSIDE_SPEC},
        {key: value for key, value in new.items() if key not in _OUTSIDE_SPEC},
    )


def _without_nulls(value: Any) -> Any:
    """Return a copy without null fields: whoever gives null has no opinion."""
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return value
