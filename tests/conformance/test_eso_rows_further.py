"""Rows of External Secrets Operator that take several steps, and its providers' extras."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from secretsync.cluster.directory import DirectoryCluster
from secretsync.resources.documents import Document, Origin
from secretsync.resources.external_secret import parse_external_secret
from secretsync.resources.secret_store import parse_secret_store
from tests.conformance.eso_kit import data_of, live_secret, manifest, rig_of
from tests.conformance.eso_remotes import Remote
from tests.conformance.eso_rows import METADATA, ONE, TWO, VERSIONS, Row
from tests.conformance.eso_stores import API_VERSION, NAMESPACE, STORES, stores_with
from tests.controller.live import serving
from tests.e2e.rig import eventually
from tests.refresh.kit import FakeClock
from tests.refresh.push_kit import PushRig, push_secret, synced
from tests.refresh.push_scenes import SCENES


@pytest.fixture
def remote(store: str, tmp_path: Path) -> Iterator[Remote]:
    with STORES[store].open(tmp_path) as opened:
        yield opened


def _said(store: str, name: str, remote: dict[str, str], *refs: dict[str, Any]) -> dict[str, Any]:
    """Return a spec that reads into one, two and so on, in the store's words."""
    keys = ("one", "two", "three")
    items = [{"secretKey": key, "remoteRef": ref} for key, ref in zip(keys, refs, strict=False)]
    return dict(STORES[store].said(name, Row(remote, {"data": items}, {})).spec)


@pytest.mark.parametrize(("store", "name"), stores_with("DeletionPolicyDelete"))
def test_deletion_policy_delete(store: str, name: str, remote: Remote, tmp_path: Path) -> None:
    """Both keys go, and the Secret with them."""
    values = {ONE: "bar", TWO: "bar"}
    spec = _said(store, name, values, {"key": ONE}, {"key": TWO})
    spec["target"] = {"name": "e2e-target", "deletionPolicy": "Delete"}
    for key in values:
        remote.put(key, "bar", {})
    clock = FakeClock()
    rig = rig_of(tmp_path, remote, spec, clock=clock, one_shot=False)
    try:
        rig.run()
        assert data_of(live_secret(rig)) == {"one": "bar", "two": "bar"}
    finally:
        rig.close()
    for key in values:
        remote.delete(key)
    # The fake store's values are the manifest's: a new one says what there is now.
    rig = rig_of(tmp_path, remote, spec, clock=clock, one_shot=False)
    try:
        assert rig.ends() == {"e2e": "waiting"}
        clock.advance(61)
        (outcome,) = rig.run()
        assert outcome.reason == "SecretDeleted"
        assert live_secret(rig) is None
    finally:
        rig.close()


@pytest.mark.parametrize(("store", "name"), stores_with(VERSIONS))
def test_versioned_secrets(store: str, name: str, remote: Remote, tmp_path: Path) -> None:
    """An earlier version is read where `version` names it."""
    first = remote.put(ONE, "old", {})
    remote.put(ONE, "new", {})
    spec = _said(store, name, {ONE: "old"}, {"key": ONE}, {"key": ONE, "version": first})
    rig = rig_of(tmp_path, remote, spec)
    try:
        (outcome,) = rig.run()
        assert not outcome.failed, outcome.condition_message
        assert data_of(live_secret(rig)) == {"one": "new", "two": "old"}
    finally:
        rig.close()


@pytest.mark.parametrize(("store", "name"), stores_with(METADATA))
def test_tagged_simple_secrets(store: str, name: str, remote: Remote, tmp_path: Path) -> None:
    """`metadataPolicy: Fetch` gives a secret's tags."""
    remote.put(ONE, "bar", {"team": "e2e"})
    fetch = {"key": ONE, "metadataPolicy": "Fetch"}
    tag = {**fetch, "property": STORES[store].tag}
    rig = rig_of(tmp_path, remote, _said(store, name, {ONE: "bar"}, {"key": ONE}, tag, fetch))
    try:
        (outcome,) = rig.run()
        assert not outcome.failed, outcome.condition_message
        made = data_of(live_secret(rig)) or {}
        assert (made["one"], made["two"]) == ("bar", "e2e")
        assert '"team":"e2e"' in made["three"].replace(" ", "")
    finally:
        rig.close()


def _template(engine: str) -> dict[str, Any]:
    template = {"engineVersion": engine, "data": {"greeting": "hello {{ .one | upper }}"}}
    data = [{"secretKey": "one", "remoteRef": {"key": ONE}}]
    return {"target": {"name": "e2e-target", "template": template}, "data": data}


@pytest.mark.parametrize(("store", "name"), stores_with("template v2", "fake"))
def test_template_v2(store: str, name: str, remote: Remote, tmp_path: Path) -> None:
    remote.put(ONE, "bar", {})
    rig = rig_of(tmp_path, remote, _template("v2"))
    try:
        rig.run()
        assert data_of(live_secret(rig)) == {"greeting": "hello BAR"}
    finally:
        rig.close()


@pytest.mark.parametrize("name", ["template v1"])
def test_template_v1_is_refused_by_name_as_in_the_original(name: str) -> None:
    document = Document(manifest(_template("v1")), Origin("e2e.yaml"))
    [problem] = parse_external_secret(document, default_namespace=NAMESPACE).problems
    assert "spec.target.template.engineVersion" in str(problem)
    assert "v2" in str(problem)


@pytest.mark.parametrize("name", ["crd"])
def test_crd_provider_is_refused_by_name(name: str) -> None:
    """A provider that ESO has for its own custom resources; see docs/compatibility.md."""
    store = {
        "apiVersion": API_VERSION,
        "kind": "SecretStore",
        "metadata": {"name": "remote", "namespace": NAMESPACE},
        "spec": {"provider": {name: {}}},
    }
    document = Document(store, Origin("store.yaml"))
    [problem] = parse_secret_store(document, default_namespace=NAMESPACE).problems
    assert f"spec.provider.{name}" in str(problem)
    assert "directory" in str(problem), "the remedy names what is served"


def _scenes() -> list[Any]:
    built = {"kubernetes": [pytest.mark.built]}
    return [
        pytest.param(scene, id=f"{scene}-push+delete", marks=built.get(scene, []))
        for scene in SCENES
        if scene != "webhook"  # It cannot be asked what it holds, nor delete.
    ]


@pytest.mark.parametrize("scene", _scenes())
def test_push_and_delete(scene: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SCENES[scene]() as made:
        for variable, text in made.env.items():
            monkeypatch.setenv(variable, text)
        rig = PushRig(tmp_path / "cluster", *made.objects, clock=FakeClock())
        try:
            rig.put(password="pushed")
            refs = {"secretStoreRefs": [{"name": "own"}], "deletionPolicy": "Delete"}
            pushed = rig.pushes.run(push_secret({"one#password": "password"}, **refs))
            assert '"pushed"' in (rig.held("one", "own") or "")
            rig.pushes.withdraw(synced(pushed))
            assert rig.held("one", "own") is None
        finally:
            rig.close()


@pytest.mark.parametrize("name", ["StatusNotUpdatedAfterSuccessfulSync"])
def test_status_not_updated_after_successful_sync(name: str, tmp_path: Path) -> None:
    """Neither looks nor a restart write a status; no store takes part in that."""
    fake = {"fake": {"data": [{"key": ONE, "value": "bar"}]}}
    store = {
        "apiVersion": API_VERSION,
        "kind": "SecretStore",
        "metadata": {"name": "remote", "namespace": NAMESPACE},
        "spec": {"provider": fake},
    }
    data = [{"secretKey": "one", "remoteRef": {"key": ONE}}]
    spec = {"data": data, "refreshInterval": "1h"}
    with contextlib.closing(_cluster(tmp_path)) as cluster:
        cluster.create(KINDS["SecretStore"], store, field_manager="test")
        cluster.create(KINDS["ExternalSecret"], manifest(spec), field_manager="test")

    def seen() -> dict[str, Any]:
        with contextlib.closing(_cluster(tmp_path, read_only=True)) as cluster:
            found = cluster.get(KINDS["ExternalSecret"], NAMESPACE, "e2e")
        assert found is not None
        return found

    with serving(tmp_path):
        eventually(lambda: bool((seen().get("status") or {}).get("refreshTime")))
    synced_object = seen()
    assert synced_object["status"]["conditions"][0]["reason"] == "SecretSynced"
    with serving(tmp_path):
        pass
    after = seen()
    assert after["metadata"]["resourceVersion"] == synced_object["metadata"]["resourceVersion"]
    assert after["status"] == synced_object["status"]


def _cluster(root: Path, **options: Any) -> DirectoryCluster:
    return DirectoryCluster(root, now=lambda: datetime.now(UTC), **options)
