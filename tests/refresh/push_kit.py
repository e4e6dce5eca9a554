"""What tests of pushing share: a directory cluster, stores, PushSecrets of them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from providers.base import PushRef, SecretNotFound, SecretRef
from secretsync.cluster.base import KINDS
from secretsync.refresh.push_outcomes import PushOutcome
from secretsync.refresh.push_wiring import build_pushes
from secretsync.refresh.selectors import ClusterCredentials, Overlay
from secretsync.refresh.stores import StoreSource
from secretsync.resources.documents import Document, Origin
from secretsync.resources.external_secret import StoreRef
from secretsync.resources.push_secret import PushSecret, PushStatus, parse_push_secret
from tests.refresh.kit import FakeClock, Rig, manifests

__all__ = ["PushRig", "fake_store", "push_secret", "synced"]

GIVEN = [{"key": "given", "value": "theirs"}]


def fake_store(name: str = "fake", *, kind: str = "SecretStore", **metadata: Any) -> dict[str, Any]:
    """Return the manifest of a fake store, which holds one value of somebody else."""
    where = {} if kind == "ClusterSecretStore" else {"namespace": "web"}
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": kind,
        "metadata": {"name": name, **where, **metadata},
        "spec": {"provider": {"fake": {"data": GIVEN}}},
    }


def push_secret(
    data: Mapping[str, str] | Sequence[Mapping[str, Any]] = (),
    *,
    name: str = "out",
    created_at: datetime | None = None,
    annotations: Mapping[str, str] | None = None,
    **spec: Any,
) -> PushSecret:
    """Return a parsed PushSecret of Secret `source`.

    Args:
        data: entries, or remote key → secret key.
    """
    if isinstance(data, Mapping):
        entries: list[Any] = [
            {"match": {"secretKey": key, "remoteRef": _remote(place)}}
            for place, key in data.items()
        ]
    else:
        entries = list(data)
    obj = {
        "apiVersion": "external-secrets.io/v1alpha1",
        "kind": "PushSecret",
        "metadata": {"name": name, "namespace": "web", "annotations": dict(annotations or {})},
        "spec": {
            "secretStoreRefs": [{"name": "fake"}],
            "selector": {"secret": {"name": "source"}},
            "data": entries,
            **spec,
        },
    }
    parsed = parse_push_secret(Document(obj, Origin("t")), default_namespace="web")
    assert parsed.value is not None, parsed.problems
    item = parsed.value
    return replace(item, meta=replace(item.meta, created_at=created_at))


def _remote(place: str) -> dict[str, str]:
    key, _, prop = place.partition("#")
    return {"remoteKey": key, **({"property": prop} if prop else {})}


def synced(outcome: PushOutcome) -> PushSecret:
    """Return the PushSecret as it is after its status was written."""
    return replace(outcome.item, status=PushStatus(synced=outcome.synced))


class PushRig:
    """A directory cluster, and what pushes out of it.

    Args:
        objects: manifests of stores, and of Secrets that PATH brings.
    """

    def __init__(self, root: Path, *objects: dict[str, Any], clock: FakeClock, **options: Any):
        given = manifests(*(objects or (fake_store(),)))
        overlay = Overlay.of(given)
        self._rig = Rig(root, [], *(objects or (fake_store(),)), clock=clock)
        self.engine = self._rig.engine
        self.cluster = self._rig.cluster
        self.calls: list[str] = []
        self.pushes = build_pushes(
            self.engine,
            self.cluster,
            listing=StoreSource(self.cluster, given),
            credentials=ClusterCredentials(self.cluster, overlay),
            overlay=overlay,
            **options,
        )

    def put(
        self, name: str = "source", labels: Mapping[str, str] | None = None, **data: Any
    ) -> None:
        """Make or replace a Secret of the cluster."""
        self.remove(name)
        encoded = {
            key: base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
            for key, value in data.items()
        }
        obj = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": "web", "labels": dict(labels or {})},
            "data": encoded,
        }
        self.cluster.create(KINDS["Secret"], obj, field_manager="test")

    def remove(self, name: str = "source") -> None:
        """Delete a Secret of the cluster."""
        self.cluster.delete(KINDS["Secret"], "web", name)

    def provider(self, store: str = "fake", kind: str = "SecretStore") -> Any:
        """Return the open session's adapter."""
        found = self.engine.catalog.find(StoreRef(store, kind), "web")
        return self.engine.sessions.session(found, "web").provider

    def held(self, key: str, store: str = "fake", kind: str = "SecretStore") -> str | None:
        """Return what a store holds at a key."""
        ref = SecretRef(key)
        answer = self.provider(store, kind).fetch([ref])[ref]
        if isinstance(answer, SecretNotFound):
            return None
        return answer.value.reveal().decode()

    def holds(self, place: str) -> bool:
        """Return whether the fake store holds something there."""
        key, _, prop = place.partition("#")
        return bool(self.provider().exists(PushRef(key, prop)))

    def close(self) -> None:
        """End its threads."""
        self._rig.close()
