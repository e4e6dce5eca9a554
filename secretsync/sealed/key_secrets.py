"""Key Secrets as plain objects: what is read off them and compared. Pure.

Neighbours: `key_store` reads and writes them, `key_making` makes new ones.
"""

from __future__ import annotations

from sealing import SealingError
from sealing.fields import data_field
from sealing.keyring import KEY_LABEL
from secretsync.cluster.base import Object

__all__ = [
    "CREATED_AT_ANNOTATION",
    "as_created",
    "key_data",
    "key_label",
    "same_key_secret",
    "secret_name",
]

#: When a key that was restored from a backup was first created: the cluster sets a new
#: creation time, and the order by creation must outlive that.
CREATED_AT_ANNOTATION = "secretsync.io/created-at"


def secret_name(secret: Object) -> str:
    """Return the name of a Secret."""
    name: str = secret["metadata"]["name"]
    return name


def key_label(secret: Object) -> str:
    """Return the value of the key label; "" where it is absent."""
    labels: dict[str, str] = secret["metadata"].get("labels") or {}
    return labels.get(KEY_LABEL, "")


def key_data(secret: Object) -> dict[str, bytes] | None:
    """Return what is under `data`, decoded; None where that cannot be."""
    try:
        return data_field(secret, path="data")
    except SealingError:
        return None


def as_created(secret: Object) -> Object:
    """Return the Secret with the creation time it had before it was restored."""
    metadata = secret["metadata"]
    first = (metadata.get("annotations") or {}).get(CREATED_AT_ANNOTATION)
    if first is None:
        return secret
    return {**secret, "metadata": {**metadata, "creationTimestamp": first}}


def same_key_secret(stored: Object, given: Object) -> bool:
    """Return whether data and key label arrived as they were sent."""
    data = key_data(stored)
    return data is not None and data == key_data(given) and key_label(stored) == key_label(given)
