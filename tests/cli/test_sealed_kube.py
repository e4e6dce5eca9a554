"""SealedSecrets against a real API server: from files and from the cluster, with its own keys."""

from __future__ import annotations

import uuid

import pytest

from tests.cli.kit import write
from tests.sealed.kit import sealed
from tests.sealing.kit import key_object, other_key
from tests.support.kube import KubeServer
from tests.support.kube_waits import granted
from tests.support.sealed_crd import install_our_crd
from tests.support.sealed_objects import SealedObjects, data_of

pytestmark = pytest.mark.built


@pytest.fixture
def objects(kube_server: KubeServer, kube_namespace: str) -> SealedObjects:
    """SealedSecrets of a namespace of the test's own."""
    install_our_crd(kube_server)
    return SealedObjects(kube_server, kube_namespace)


@pytest.fixture
def key_namespace(kube_server: KubeServer) -> str:
    """A namespace with a key, as a Sealed Secrets installation leaves it."""
    namespace = kube_server.admin.create_namespace("keys")
    secret = key_object("sealed-secrets-keyabcde")
    secret["metadata"] |= {"namespace": namespace}
    path = f"/api/v1/namespaces/{namespace}/secrets"
    kube_server.admin.request("POST", path, secret)
    return namespace


@pytest.fixture
def to(kube_server, key_namespace, monkeypatch):
    """Where to, and with which keys."""
    monkeypatch.setenv("KUBECONFIG", str(kube_server.kubeconfig))
    return ["--to", "kube", "--sealing-namespace", key_namespace]


def test_files_are_planned_synced_once_and_pruned(cli, tmp_path, objects, to):
    folder = tmp_path / "sealed"
    for name in ("a", "b", "c"):
        write(folder / f"{name}.yaml", sealed({"k": name}, name=name, namespace=objects.namespace))
    assert cli("plan", folder, *to).code == 1
    assert objects.secret_versions() == {}
    assert cli("sync", folder, *to).code == 0
    assert data_of(objects.secret("a")) == {"k": b"a"}
    before = objects.secret_versions()
    assert cli("sync", folder, *to).code == 0
    assert objects.secret_versions() == before
    assert cli("plan", folder, *to).code == 0
    (folder / "c.yaml").unlink()
    pruned = cli("sync", folder, *to, "--prune", "-o", "json")
    assert pruned.actions() == {"a": "unchanged", "b": "unchanged", "c": "delete"}
    assert objects.secret_versions().keys() == {"a", "b"}


def test_a_secret_of_a_live_sealed_secret_is_left_to_it(cli, tmp_path, objects, to):
    """What its controller owns is unchanged for a run from files, and nobody's to prune."""
    stored = objects.put(sealed({"k": "v"}, name="db", namespace=objects.namespace))
    owner = {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "db"}
    owner |= {"uid": stored["metadata"]["uid"], "controller": True}
    secret = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"k": "dg=="}}
    secret["metadata"] = {"name": "db", "namespace": objects.namespace, "ownerReferences": [owner]}
    objects.put_secret(secret)
    before = objects.secret_versions()
    folder = tmp_path / "sealed"
    write(folder / "db.yaml", sealed({"k": "v"}, name="db", namespace=objects.namespace))
    write(folder / "other.yaml", sealed({"k": "v"}, name="other", namespace=objects.namespace))
    assert cli("sync", folder, *to, "-o", "json").row("db")["action"] == "unchanged"
    assert objects.secret_versions()["db"] == before["db"]
    (folder / "db.yaml").unlink()
    assert "extra" not in cli("sync", folder, *to, "--prune").out
    assert objects.secret("db") is not None


def test_refresh_unseals_one_object_of_the_cluster_and_writes_its_status(cli, objects, to):
    objects.put(sealed({"k": "v"}, name="db", namespace=objects.namespace))
    named = ["sealedsecret/db", *to[:2], "-n", objects.namespace]
    refreshed = cli("refresh", *named, *to[2:])
    assert refreshed.code == 0, refreshed.err
    assert data_of(objects.secret("db")) == {"k": b"v"}
    assert objects.condition("db")["status"] == "True"
    shown = cli("status", *named, "-o", "json")
    assert (shown.code, shown.row("db")["reason"]) == (0, "Synced")
    objects.put(sealed({"k": "v"}, name="db", namespace=objects.namespace, key=other_key()))
    assert cli("status", *named, "-o", "json").row("db")["reason"] == "Outdated"
    assert cli("refresh", *named, *to[2:]).code == 1
    assert objects.condition("db")["message"].startswith("no key could decrypt secret (k); ")
    assert data_of(objects.secret("db")) == {"k": b"v"}


def test_keys_that_may_not_be_read_are_each_sealed_secrets_error(
    cli, tmp_path, kube_server, objects, key_namespace, monkeypatch
):
    """A user who may write Secrets in one namespace and see nothing of the keys'."""
    user = f"ann-{uuid.uuid4().hex[:8]}"
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]}]
    granted(kube_server.admin, {"kind": "User", "name": user}, rules, objects.namespace)
    monkeypatch.setenv("KUBECONFIG", str(kube_server.user_kubeconfig(user)))
    write(tmp_path / "db.yaml", sealed({"k": "v"}, name="db", namespace=objects.namespace))
    to = ["--to", "kube", "--sealing-namespace", key_namespace]
    ended = cli("sync", tmp_path / "db.yaml", *to, "-o", "json", "--inventory", "x")
    assert ended.code == 1
    assert "there is no private key to unseal with" in ended.err
    assert "not usable: the cluster's keys: " in ended.err
    assert objects.secret("db") is None
