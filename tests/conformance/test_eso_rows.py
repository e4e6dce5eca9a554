"""External Secrets Operator's own end-to-end cases, on each store, through the pipeline."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from secretsync.cluster.directory import DirectoryCluster
from secretsync.refresh.allowances import Allowances
from secretsync.refresh.outcomes import Progress
from secretsync.resources.documents import Document, Origin
from secretsync.resources.external_secret import ExternalSecret, parse_external_secret
from tests.conformance.eso_rows import ONE, ROWS, TWO, Row
from tests.conformance.eso_stores import API_VERSION, NAMESPACE, STORES, Remote, store_manifest
from tests.controller.live import serving
from tests.e2e.rig import eventually
from tests.refresh.kit import FakeClock, Rig

CASES = [
    pytest.param(store, name, id=f"{store}-{name}")
    for store, service in STORES.items()
    for name, row in ROWS.items()
    if name not in service.lacks and (service.tags or not row.tags)
]
TEXTS = [name for name, service in STORES.items() if service.texts]
VERSIONED = [name for name in TEXTS if STORES[name].versions]
TAGGED = [name for name in TEXTS if STORES[name].tags]


@pytest.fixture
def remote(store: str, tmp_path: Path) -> Iterator[Remote]:
    with STORES[store].open(tmp_path) as opened:
        yield opened


def manifest(spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    target = {"target": {"name": "e2e-target"}} if "target" not in spec else {}
    return {
        "apiVersion": API_VERSION,
        "kind": "ExternalSecret",
        "metadata": {"name": "e2e", "namespace": NAMESPACE, **metadata},
        "spec": {"secretStoreRef": {"name": "remote"}, **spec, **target},
    }


def parsed(spec: dict[str, Any]) -> ExternalSecret:
    document = Document(manifest(spec, uid="uid-e2e"), Origin("e2e.yaml"))
    made = parse_external_secret(document, default_namespace=NAMESPACE)
    assert made.value is not None, made.problems
    return made.value


def rig_of(root: Path, remote: Remote, spec: dict[str, Any], **options: Any) -> Rig:
    objects = [store_manifest(remote), *remote.secrets()]
    options.setdefault("clock", FakeClock())
    allowed = Allowances(directory_roots=(str(root),))
    return Rig(root / "cluster", [parsed(spec)], *objects, allowed=allowed, **options)


def put_beside(rig: Rig, row: Row) -> None:
    for (kind, name), data in row.objects.items():
        obj = {
            "apiVersion": "v1",
            "kind": kind,
            "metadata": {"name": name, "namespace": NAMESPACE},
            "data": dict(data),
        }
        rig.cluster.create(KINDS[kind], obj, field_manager="test")


def cluster_of(root: Path, **options: Any) -> DirectoryCluster:
    return DirectoryCluster(root, now=lambda: datetime.now(UTC), **options)


def secret_of(rig: Rig, name: str = "e2e-target") -> dict[str, Any] | None:
    return rig.cluster.get(KINDS["Secret"], NAMESPACE, name)


def data_of(secret: dict[str, Any] | None) -> dict[str, str] | None:
    if secret is None:
        return None
    data = secret.get("data") or {}
    return {key: _text(base64.b64decode(value)) for key, value in data.items()}


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


@pytest.mark.parametrize(("store", "name"), CASES)
def test_row(store: str, name: str, remote: Remote, tmp_path: Path) -> None:
    row = ROWS[name]
    for key, value in row.remote.items():
        remote.put(key, value, row.tags.get(key, {}))
    rig = rig_of(tmp_path, remote, dict(row.spec))
    try:
        put_beside(rig, row)
        (outcome,) = rig.run()
        assert outcome.progress is Progress.APPLIED, outcome.condition_message
        secret = secret_of(rig, row.target)
        assert secret is not None
        assert data_of(secret) == row.wanted
        assert secret.get("type", "Opaque") == row.type
        assert row.labels.items() <= secret["metadata"]["labels"].items()
        assert row.annotations.items() <= secret["metadata"]["annotations"].items()
        (outcome,) = rig.run()
        assert outcome.progress is Progress.UNCHANGED
    finally:
        rig.close()


@pytest.mark.parametrize("store", TEXTS)
def test_deletion_policy_delete(store: str, remote: Remote, tmp_path: Path) -> None:
    """DeletionPolicyDelete: both keys go, and the Secret with them."""
    spec = {
        "target": {"name": "e2e-target", "deletionPolicy": "Delete"},
        "data": [
            {"secretKey": "one", "remoteRef": {"key": ONE}},
            {"secretKey": "two", "remoteRef": {"key": TWO}},
        ],
    }
    for key in (ONE, TWO):
        remote.put(key, "bar", {})
    clock = FakeClock()
    rig = rig_of(tmp_path, remote, spec, clock=clock, one_shot=False)
    try:
        rig.run()
        assert data_of(secret_of(rig)) == {"one": "bar", "two": "bar"}
    finally:
        rig.close()
    for key in (ONE, TWO):
        remote.delete(key)
    # The fake store's values are the manifest's: a new one says what there is now.
    rig = rig_of(tmp_path, remote, spec, clock=clock, one_shot=False)
    try:
        assert rig.ends() == {"e2e": "waiting"}
        clock.advance(61)
        (outcome,) = rig.run()
        assert outcome.reason == "SecretDeleted"
        assert secret_of(rig) is None
    finally:
        rig.close()


@pytest.mark.parametrize("store", VERSIONED)
def test_versioned_secrets(store: str, remote: Remote, tmp_path: Path) -> None:
    """Provider extras: an earlier version is read where `version` names it."""
    first = remote.put(ONE, "old", {})
    remote.put(ONE, "new", {})
    data = [
        {"secretKey": "latest", "remoteRef": {"key": ONE}},
        {"secretKey": "first", "remoteRef": {"key": ONE, "version": first}},
    ]
    rig = rig_of(tmp_path, remote, {"data": data})
    try:
        (outcome,) = rig.run()
        assert not outcome.failed, outcome.condition_message
        assert data_of(secret_of(rig)) == {"latest": "new", "first": "old"}
    finally:
        rig.close()


@pytest.mark.parametrize("store", TAGGED)
def test_tagged_simple_secrets(store: str, remote: Remote, tmp_path: Path) -> None:
    """Provider extras: metadataPolicy Fetch gives a secret's tags."""
    remote.put(ONE, "bar", {"team": "e2e"})
    tag = "labels.team" if store.startswith("gcp") else "team"
    fetch = {"key": ONE, "metadataPolicy": "Fetch"}
    data = [
        {"secretKey": "value", "remoteRef": {"key": ONE}},
        {"secretKey": "team", "remoteRef": {**fetch, "property": tag}},
        {"secretKey": "all", "remoteRef": fetch},
    ]
    rig = rig_of(tmp_path, remote, {"data": data})
    try:
        (outcome,) = rig.run()
        assert not outcome.failed, outcome.condition_message
        made = data_of(secret_of(rig)) or {}
        assert (made["value"], made["team"]) == ("bar", "e2e")
        assert '"team":"e2e"' in made["all"].replace(" ", "")
    finally:
        rig.close()


def test_status_not_updated_after_successful_sync(tmp_path: Path) -> None:
    """StatusNotUpdatedAfterSuccessfulSync: neither looks nor a restart write a status."""
    fake = {"fake": {"data": [{"key": ONE, "value": "bar"}]}}
    store = {
        "apiVersion": API_VERSION,
        "kind": "SecretStore",
        "metadata": {"name": "remote", "namespace": NAMESPACE},
        "spec": {"provider": fake},
    }
    data = [{"secretKey": "one", "remoteRef": {"key": ONE}}]
    spec = {"data": data, "refreshInterval": "1h"}
    with contextlib.closing(cluster_of(tmp_path)) as cluster:
        cluster.create(KINDS["SecretStore"], store, field_manager="test")
        cluster.create(KINDS["ExternalSecret"], manifest(spec), field_manager="test")

    def seen() -> dict[str, Any]:
        with contextlib.closing(cluster_of(tmp_path, read_only=True)) as cluster:
            found = cluster.get(KINDS["ExternalSecret"], NAMESPACE, "e2e")
        assert found is not None
        return found

    with serving(tmp_path):
        eventually(lambda: bool((seen().get("status") or {}).get("refreshTime")))
    synced = seen()
    assert synced["status"]["conditions"][0]["reason"] == "SecretSynced"
    with serving(tmp_path):
        pass
    after = seen()
    assert after["metadata"]["resourceVersion"] == synced["metadata"]["resourceVersion"]
    assert after["status"] == synced["status"]
