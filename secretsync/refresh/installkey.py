"""The install key: what fingerprints are keyed with, one per installation."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from pathlib import Path

from secretsync.cluster.base import KINDS, Cluster
from secretsync.cluster.directory_state import load_or_create_install_key
from secretsync.errors import AlreadyExists, ClusterError, Rejected

__all__ = [
    "INSTALL_KEY_SECRET",
    "ensure_install_key",
    "install_key",
    "read_install_key",
    "service_namespace",
]

INSTALL_KEY_SECRET = "secretsync-install-key"  # noqa: S105 - an object's name
DEFAULT_NAMESPACE = "secretsync-system"
_FIELD = "key"
KEY_BYTES = 32


def service_namespace() -> str:
    """Return the namespace the service lives in: the pod's own, or the default."""
    return os.environ.get("POD_NAMESPACE") or DEFAULT_NAMESPACE


def install_key(cluster: Cluster, root: Path | None, *, create: bool) -> bytes | None:
    """Return the install key of a cluster, or None where there is none to be had.

    Args:
        root: of a directory cluster; None for Kubernetes.
        create: make it where it is absent. In Kubernetes only the service does: a
            developer's run neither may nor should write into its namespace.
    """
    if root is not None:
        return load_or_create_install_key(root, read_only=not create)
    try:
        return read_install_key(cluster, service_namespace())
    except ClusterError:
        return None


def read_install_key(cluster: Cluster, namespace: str) -> bytes | None:
    """Return the key that the Secret holds, or None where it does not exist.

    Raises:
        Rejected: the Secret is there and holds no usable key.
        ClusterError: the cluster cannot be asked.
    """
    obj = cluster.get(KINDS["Secret"], namespace, INSTALL_KEY_SECRET)
    if obj is None:
        return None
    try:
        key = base64.b64decode((obj.get("data") or {}).get(_FIELD, ""), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < KEY_BYTES:
        raise Rejected(
            f"Secret {namespace}/{INSTALL_KEY_SECRET} holds no usable key",
            remedy="delete it; a new one is made, and fingerprints start afresh",
        )
    return key


def ensure_install_key(cluster: Cluster, namespace: str) -> bytes:
    """Return the key, made and stored first where there is none.

    Raises:
        ClusterError: it can neither be read nor stored.
    """
    found = read_install_key(cluster, namespace)
    if found is not None:
        return found
    key = secrets.token_bytes(KEY_BYTES)
    obj = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": INSTALL_KEY_SECRET, "namespace": namespace},
        "immutable": True,
        "data": {_FIELD: base64.b64encode(key).decode("ascii")},
    }
    try:
        cluster.create(KINDS["Secret"], obj, field_manager="secretsync")
    except AlreadyExists:
        # Another replica was quicker; its key is the key.
        return read_install_key(cluster, namespace) or key
    return key
