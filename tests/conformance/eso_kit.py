"""What rows of External Secrets Operator share: an ExternalSecret, the pipeline, its Secret."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from secretsync.cluster.base import KINDS
from secretsync.refresh.allowances import Allowances
from secretsync.resources.documents import Document, Origin
from secretsync.resources.external_secret import ExternalSecret, parse_external_secret
from tests.conformance.eso_remotes import Remote
from tests.conformance.eso_rows import Row
from tests.conformance.eso_stores import API_VERSION, NAMESPACE, store_manifest
from tests.refresh.kit import FakeClock, Rig

__all__ = ["data_of", "live_secret", "manifest", "parsed", "put_beside", "rig_of"]


def manifest(spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """Return the ExternalSecret of a row's spec."""
    target = {"target": {"name": "e2e-target"}} if "target" not in spec else {}
    return {
        "apiVersion": API_VERSION,
        "kind": "ExternalSecret",
        "metadata": {"name": "e2e", "namespace": NAMESPACE, **metadata},
        "spec": {"secretStoreRef": {"name": "remote"}, **spec, **target},
    }


def parsed(spec: dict[str, Any]) -> ExternalSecret:
    """Return it parsed, without a problem."""
    document = Document(manifest(spec, uid="uid-e2e"), Origin("e2e.yaml"))
    made = parse_external_secret(document, default_namespace=NAMESPACE)
    assert made.value is not None, made.problems
    return made.value


def rig_of(root: Path, remote: Remote, spec: dict[str, Any], **options: Any) -> Rig:
    """Return the pipeline over a directory cluster, the store and what it logs in with."""
    objects = [store_manifest(remote), *remote.secrets()]
    options.setdefault("clock", FakeClock())
    allowed = Allowances(directory_roots=(str(root),), webhook_networks=("127.0.0.1",))
    return Rig(root / "cluster", [parsed(spec)], *objects, allowed=allowed, **options)


def put_beside(rig: Rig, row: Row) -> None:
    """Make the objects that a row's templates read."""
    for (kind, name), data in row.objects.items():
        obj = {
            "apiVersion": "v1",
            "kind": kind,
            "metadata": {"name": name, "namespace": NAMESPACE},
            "data": dict(data),
        }
        rig.cluster.create(KINDS[kind], obj, field_manager="test")


def live_secret(rig: Rig, name: str = "e2e-target") -> dict[str, Any] | None:
    """Return a Secret of the cluster."""
    return rig.cluster.get(KINDS["Secret"], NAMESPACE, name)


def data_of(secret: dict[str, Any] | None) -> dict[str, str] | None:
    """Return a Secret's data as texts; bytes that are no UTF-8 as latin-1."""
    if secret is None:
        return None
    data = secret.get("data") or {}
    return {key: _text(base64.b64decode(value)) for key, value in data.items()}


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
