"""SealedSecrets and sealing keys as files, for the tests of the command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from sealing import PrivateKey
from tests.cli.kit import write
from tests.sealed.kit import sealed
from tests.sealing.kit import key_object, vector_key

__all__ = ["KEY_NAMESPACE", "cluster_key", "key_file", "live_file", "live_object", "sealed_object"]

KEY_NAMESPACE = "kube-system"
FOLDER = "shop/sealedsecrets.bitnami.com"


def sealed_object(name: str, data: dict[str, str | bytes] | None = None, **options: Any) -> Any:
    """Return a SealedSecret of namespace `shop`."""
    return sealed(data, name=name, namespace="shop", **options)


def key_file(folder: Path, key: PrivateKey | None = None, *, name: str = "key.pem") -> Path:
    """Write a private key as PEM."""
    return write(folder / name, (key or vector_key()).reveal_pem().decode())


def cluster_key(
    root: Path, name: str = "sealed-secrets-keyabcde", key: PrivateKey | None = None
) -> Path:
    """Put a key into a directory cluster, as a Sealed Secrets installation leaves it."""
    obj = key_object(name, key)
    return write(root / KEY_NAMESPACE / "secrets" / f"{name}.yaml", obj)


def live_file(root: Path, obj: dict[str, Any]) -> Path:
    """Put a SealedSecret into a directory cluster."""
    return write(root / FOLDER / f"{obj['metadata']['name']}.yaml", obj)


def live_object(root: Path, name: str) -> Any:
    """Return a SealedSecret of a directory cluster."""
    return yaml.safe_load((root / FOLDER / f"{name}.yaml").read_text())
