"""The service with exactly the rights that deploy/ gives it, and with one less."""

from __future__ import annotations

import contextlib
import copy
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.rig import Rig, eventually, steady
from tests.e2e.sealed_rig import SealedRig
from tests.support.aws_faults import server_error
from tests.support.kube_admin import KubeRequestError

pytestmark = pytest.mark.built

DEPLOY = Path(__file__).parents[2] / "deploy"
SYSTEM = "secretsync-system"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
PATHS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "ClusterRole": f"{RBAC}/clusterroles",
    "ClusterRoleBinding": f"{RBAC}/clusterrolebindings",
    "Role": f"{RBAC}/namespaces/{{}}/roles",
    "RoleBinding": f"{RBAC}/namespaces/{{}}/rolebindings",
}


def _objects(folder: Path) -> list[dict[str, Any]]:
    files = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    found = [doc for name in files for doc in yaml.safe_load_all((folder / name).read_text())]
    return [each for each in found if each["kind"] in PATHS]


def _apply(rig: Rig, obj: dict[str, Any]) -> None:
    path = PATHS[obj["kind"]].format(obj["metadata"].get("namespace", ""))
    path += f"/{obj['metadata']['name']}?fieldManager=install&force=true"
    rig.kube.admin.request("PATCH", path, obj, content_type="application/apply-patch+yaml")


@pytest.fixture
def installed(kube_rig: Rig) -> Rig:
    """A rig whose service is the ServiceAccount of deploy/, without the Deployment."""
    for obj in _objects(DEPLOY):
        _apply(kube_rig, obj)
    with contextlib.suppress(KubeRequestError):
        path = f"/api/v1/namespaces/{SYSTEM}/secrets/secretsync-install-key"
        kube_rig.kube.admin.request("DELETE", path)
    kubeconfig = kube_rig.kube.server.service_account_kubeconfig(SYSTEM, "secretsync")
    kube_rig.kube.env = {"KUBECONFIG": str(kubeconfig), "POD_NAMESPACE": SYSTEM}
    # Their rights are apart, in deploy/applications.
    kube_rig.arguments = ("--no-applications",)
    return kube_rig


@pytest.fixture
def without_delete(installed: Rig) -> Iterator[Rig]:
    """The same, but the service may not delete Secrets."""
    role = next(
        obj for obj in _objects(DEPLOY) if obj["metadata"]["name"] == "secretsync-controller"
    )
    less = copy.deepcopy(role)
    for rule in less["rules"]:
        if rule["resources"] == ["secrets"]:
            rule["verbs"].remove("delete")
    _apply(installed, less)
    yield installed
    _apply(installed, role)


def _events(rig: Rig, reason: str) -> int:
    return sum(event["count"] for event in rig.site.events() if event["reason"] == reason)


def test_rights_of_deploy_are_enough_for_everything(installed: Rig) -> None:
    rig = installed
    service = rig.scene("one", "two")
    rig.wait_condition("aws", "True", kind="ClusterSecretStore")
    for text in ("v2", "v3"):
        rig.upstream("one", text)
        rig.wait_holds("one", text)
    eventually(lambda: _events(rig, "Updated") == 2, what="repeats are counted")
    rig.site.patch("Secret", "two", {"data": {"password": "AAAA"}})
    rig.wait_holds("two")
    rig.external_secret("two", target={"name": "renamed"})
    rig.wait_holds("renamed")
    eventually(lambda: rig.site.get("Secret", "two") is None)
    rig.external_secret("bad", ["not-there"])
    rig.wait_condition("bad", "False", "not-there")
    eventually(lambda: _events(rig, "UpdateFailed") >= 1)
    _delete_with_finalizer(rig)
    key = rig.kube.get("Secret", "secretsync-install-key", SYSTEM)
    assert key is not None
    assert key["immutable"] is True
    assert "annot " not in service.log_text().replace("cannot be", "")


def _delete_with_finalizer(rig: Rig) -> None:
    """Take the place of ESO for an object that has its finalizer."""
    finalizer = "externalsecrets.external-secrets.io/externalsecret-cleanup"
    rig.upstream("three")
    rig.external_secret(
        "three", metadata={"finalizers": [finalizer]}, target={"deletionPolicy": "Delete"}
    )
    rig.wait_synced("three")
    rig.site.delete("ExternalSecret", "three")
    eventually(lambda: rig.site.get("ExternalSecret", "three") is None)
    assert rig.site.get("Secret", "three") is None


def test_missing_right_is_said_in_the_log_and_stops_nothing_else(without_delete: Rig) -> None:
    rig = without_delete
    service = rig.scene("one", "two")
    rig.external_secret("one", target={"name": "renamed"})
    rig.wait_holds("renamed")
    eventually(lambda: "secret not deleted" in service.log_text())
    cause = next(line for line in service.log_lines() if line["msg"] == "secret not deleted")
    assert "cannot delete resource" in cause["cause"]
    assert "secrets" in cause["cause"]
    rig.upstream("two", "v2")
    rig.wait_synced("two", "v2")
    service.assert_alive()


def test_missing_right_to_write_is_said_in_the_status(installed: Rig) -> None:
    """Without `create` nothing can be synced; the condition names the verb."""
    rig = installed
    role = next(
        obj for obj in _objects(DEPLOY) if obj["metadata"]["name"] == "secretsync-controller"
    )
    less = copy.deepcopy(role)
    for rule in less["rules"]:
        if rule["resources"] == ["secrets"]:
            rule["verbs"].remove("create")
    _apply(rig, less)
    try:
        rig.store()
        rig.upstream("one")
        rig.external_secret("one")
        rig.start()
        rig.wait_condition("one", "False", "could not update secret", "cannot create resource")
    finally:
        _apply(rig, role)
    rig.wait_synced("one")


def _sealed_world(rig: Rig, key_namespace: str) -> SealedRig:
    """SealedSecrets whose key the service finds in its own namespace."""
    world = SealedRig(rig, with_key=False)
    world.key_namespace = key_namespace
    for name in world.key_names():
        world.delete_key(name)
    world.put_key("sealed-secrets-keyaaaaa")
    return world


def _unseal_and_mend(world: SealedRig) -> None:
    """Create, edit, mend, make again, refuse: all that is done with a SealedSecret."""
    world.put("db")
    world.wait_unsealed("db")
    world.put("db", {"password": "v2"})
    world.wait_unsealed("db", "v2")
    world.site.patch("Secret", "db", {"data": {"password": "AAAA"}})
    world.wait_unsealed("db", "v2")
    world.site.delete("Secret", "db")
    world.wait_unsealed("db", "v2")
    eventually(lambda: world.events("db", "Unsealed"))
    world.put_secret("foreign")
    world.put("foreign")
    world.wait_status("foreign", "False", "already exists")
    eventually(lambda: world.events("foreign", "ErrUpdateFailed"))


def test_rights_of_deploy_are_enough_for_sealed_secrets(installed: Rig) -> None:
    world = _sealed_world(installed, SYSTEM)
    service = world.start()
    _unseal_and_mend(world)
    service.signal(signal.SIGUSR1)
    eventually(lambda: len(world.key_names()) == 2)
    assert service.total("secretsync_sealing_key_failures_total") == 0
    assert "cannot " not in service.log_text()
    for name in world.key_names():
        world.delete_key(name)
    eventually(world.key_names, what="the next key, under a Lease")


def test_namespaced_rights_are_enough_for_sealed_secrets(namespaced: Rig) -> None:
    own, other = namespaced.site.namespace, namespaced.kube.admin.create_namespace("other")
    world = _sealed_world(namespaced, own)
    world.site.namespace = other
    world.put("elsewhere")
    world.site.namespace = own
    service = world.start("--namespace", own)
    _unseal_and_mend(world)
    service.signal(signal.SIGUSR1)
    eventually(lambda: len(world.key_names()) == 2)
    assert "cannot " not in service.log_text()
    assert namespaced.kube.get("Secret", "elsewhere", other) is None


@pytest.fixture
def namespaced(kube_rig: Rig) -> Rig:
    """A rig whose service has the Roles of deploy/namespaced in its namespace, no more."""
    namespace = kube_rig.site.namespace
    for obj in _objects(DEPLOY / "namespaced"):
        obj["metadata"]["namespace"] = namespace
        for subject in obj.get("subjects", ()):
            subject["namespace"] = namespace
        _apply(kube_rig, obj)
    kubeconfig = kube_rig.kube.server.service_account_kubeconfig(namespace, "secretsync")
    kube_rig.kube.env = {"KUBECONFIG": str(kubeconfig), "POD_NAMESPACE": namespace}
    # Their rights are apart, in deploy/applications.
    kube_rig.arguments = ("--no-applications",)
    return kube_rig


def test_namespaced_rights_serve_one_namespace_and_touch_no_other(namespaced: Rig) -> None:
    rig = namespaced
    own, other = rig.site.namespace, rig.kube.admin.create_namespace("other")
    rig.upstream("one")
    for namespace in (own, other):
        rig.site.namespace = namespace
        rig.store("own", "SecretStore")
        rig.external_secret("one", secretStoreRef={"name": "own"})
    rig.site.namespace = own
    service = rig.start("--namespace", own)
    rig.wait_synced("one")
    rig.wait_condition("own", "True", kind="SecretStore")
    rig.upstream("one", "v2")
    rig.wait_holds("one", "v2")
    rig.site.patch("Secret", "one", {"data": {"password": "AAAA"}})
    rig.wait_holds("one", "v2")
    rig.external_secret("wide", ["one"])
    rig.wait_condition("wide", "False", "ClusterSecretStore aws does not exist")
    eventually(lambda: _events(rig, "UpdateFailed") >= 1)
    assert rig.kube.get("Secret", "secretsync-install-key") is not None
    assert rig.kube.get("Secret", "one", other) is None
    assert "status" not in (rig.kube.get("ExternalSecret", "one", other) or {})
    assert service.total("externalsecret_sync_calls_total", namespace=other) == 0
    rig.front.inject(server_error())
    rig.wait_condition("one", "False", "InternalServiceError")
    steady(lambda: rig.holds("one", "v2"), for_s=1)
    service.assert_alive()
