"""The Kubernetes cluster's own semantics, against a real API server with RBAC on."""

from __future__ import annotations

import base64
import json
import logging
import time
import uuid

import pytest

from secretsync.cluster.base import KINDS, Event, EventType, Kind, Preconditions
from secretsync.cluster.kubernetes import KubernetesCluster
from secretsync.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    NotFound,
    Rejected,
)
from tests.e2e.rig import eventually
from tests.support.kube import KubeServer
from tests.support.kube_waits import granted

pytestmark = pytest.mark.built

SECRET = KINDS["Secret"]
CANARY = "canary-7f3e0b"
MANAGER = "secretsync"


def secret(namespace, name="db", **data):
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"metadata": {"name": name, "namespace": namespace}, "data": encoded}


def test_create_existing_name_raises_already_exists(kube, kube_namespace):
    created = kube.create(SECRET, secret(kube_namespace, a="1"), field_manager=MANAGER)
    assert created["kind"] == "Secret"
    with pytest.raises(AlreadyExists, match=f"create Secret {kube_namespace}/db in kube:"):
        kube.create(SECRET, secret(kube_namespace, a="1"), field_manager=MANAGER)


def test_create_without_namespace_uses_context_namespace(kube):
    name = f"db-{uuid.uuid4().hex[:8]}"
    obj = {"metadata": {"name": name}, "data": {}}
    assert kube.default_namespace == "default"
    assert kube.create(SECRET, obj, field_manager=MANAGER)["metadata"]["namespace"] == "default"
    assert kube.get(SECRET, "", name) is not None


def test_create_in_missing_namespace_raises_not_found(kube):
    with pytest.raises(NotFound, match='namespaces "nowhere" not found'):
        kube.create(SECRET, secret("nowhere"), field_manager=MANAGER)


def test_get_absent_object_is_none_and_unserved_kind_is_an_error(kube, kube_namespace):
    assert kube.get(SECRET, kube_namespace, "nothing") is None
    unserved = Kind("Widget", "widgets", "example.test", "v1")
    with pytest.raises(NotFound, match=r"does not serve Widget \(example.test/v1\)"):
        kube.get(unserved, kube_namespace, "nothing")
    with pytest.raises(NotFound, match="does not serve"):
        kube.list(unserved)


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_get_with_path_like_name_is_rejected_unsent(kube, kube_namespace, name):
    with pytest.raises(Rejected, match="cannot be called"):
        kube.get(SECRET, kube_namespace, name)


def test_get_keeps_managed_fields_and_list_drops_them(kube, kube_namespace):
    kube.apply(SECRET, secret(kube_namespace, a="1"), field_manager=MANAGER)
    whole = kube.get(SECRET, kube_namespace, "db")
    assert whole["metadata"]["managedFields"][0]["manager"] == MANAGER
    (listed,) = kube.list(SECRET, kube_namespace).items
    del whole["metadata"]["managedFields"]
    assert listed == whole


def test_apply_drops_owned_key_and_keeps_foreign_one(kube, kube_namespace):
    kube.apply(SECRET, secret(kube_namespace, ours="1", old="2"), field_manager=MANAGER)
    patch = {"data": {"theirs": "Mw=="}}
    kube.merge_patch(SECRET, kube_namespace, "db", patch, field_manager="somebody")
    after = kube.apply(SECRET, secret(kube_namespace, ours="1"), field_manager=MANAGER)
    assert sorted(after["data"]) == ["ours", "theirs"]


def test_apply_over_foreign_field_conflicts_unless_forced(kube, kube_namespace):
    kube.apply(SECRET, secret(kube_namespace, a=CANARY), field_manager="somebody")
    ours = secret(kube_namespace, a="ours")
    with pytest.raises(Conflict, match="somebody") as caught:
        kube.apply(SECRET, ours, field_manager=MANAGER, force=False)
    assert CANARY not in caught.value.message
    assert kube.apply(SECRET, ours, field_manager=MANAGER)["data"] == ours["data"]


@pytest.mark.parametrize("field", ["resourceVersion", "uid"])
def test_apply_with_stale_precondition_conflicts(kube, kube_namespace, field):
    first = kube.apply(SECRET, secret(kube_namespace, a="1"), field_manager=MANAGER)
    stale = secret(kube_namespace, a="3")
    stale["metadata"][field] = first["metadata"][field]
    kube.delete(SECRET, kube_namespace, "db")
    with pytest.raises(Conflict):
        kube.apply(SECRET, stale, field_manager=MANAGER)
    assert kube.get(SECRET, kube_namespace, "db") is None
    kube.apply(SECRET, secret(kube_namespace, a="2"), field_manager=MANAGER)
    with pytest.raises(Conflict):
        kube.apply(SECRET, stale, field_manager=MANAGER)


def test_merge_patch_with_stale_version_conflicts(kube, kube_namespace):
    first = kube.create(SECRET, secret(kube_namespace, a="1"), field_manager=MANAGER)
    patch = {"metadata": {"resourceVersion": first["metadata"]["resourceVersion"]}, "data": {}}
    patch["data"] = {"a": "Mg=="}
    kube.merge_patch(SECRET, kube_namespace, "db", patch, field_manager=MANAGER)
    patch["data"] = {"a": "Mw=="}
    with pytest.raises(Conflict):
        kube.merge_patch(SECRET, kube_namespace, "db", patch, field_manager=MANAGER)


def test_delete_checks_preconditions_and_accepts_absence(kube, kube_namespace):
    created = kube.create(SECRET, secret(kube_namespace), field_manager=MANAGER)
    with pytest.raises(Conflict):
        kube.delete(SECRET, kube_namespace, "db", preconditions=Preconditions(uid="other"))
    uid = created["metadata"]["uid"]
    kube.delete(SECRET, kube_namespace, "db", preconditions=Preconditions(uid=uid))
    kube.delete(SECRET, kube_namespace, "db")
    assert kube.get(SECRET, kube_namespace, "db") is None


def test_list_of_many_pages_returns_each_object_once(kube, kube_namespace, monkeypatch):
    monkeypatch.setattr("secretsync.cluster.kubernetes_api.PAGE_ITEMS", 7)
    names = {f"s-{n:02}" for n in range(30)}
    for name in names:
        kube.create(SECRET, secret(kube_namespace, name), field_manager=MANAGER)
    page = kube.list(SECRET, kube_namespace)
    assert sorted(item["metadata"]["name"] for item in page.items) == sorted(names)
    assert all(item["kind"] == "Secret" for item in page.items)


def test_write_over_quota_is_rejected_with_the_quota_named(kube_server, kube, kube_namespace):
    quotas = f"/api/v1/namespaces/{kube_namespace}/resourcequotas"
    hard = {"hard": {"secrets": "0"}}
    metadata = {"name": "none-left"}
    kube_server.admin.request("POST", quotas, {"metadata": metadata, "spec": hard})
    # The quota controller would publish this; admission reads it from here.
    kube_server.admin.request(
        "PATCH",
        f"{quotas}/none-left/status",
        {"status": hard | {"used": {"secrets": "0"}}},
        content_type="application/merge-patch+json",
    )

    def refused() -> bool:
        with pytest.raises((Rejected, Forbidden)) as caught:
            kube.create(SECRET, secret(kube_namespace, a=CANARY), field_manager=MANAGER)
        return type(caught.value) is Rejected and "exceeded quota: none-left" in str(caught.value)

    # Until its watch shows the status, the server says that it knows none.
    eventually(refused)


def test_restricted_user_is_forbidden_what_no_role_grants(kube_server, open_as, kube_namespace):
    user = f"reader-{uuid.uuid4().hex[:8]}"
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]}]
    granted(kube_server.admin, {"kind": "User", "name": user}, rules, kube_namespace)
    cluster = open_as(kube_server.user_kubeconfig(user))
    assert cluster.list(SECRET, kube_namespace).items == []
    with pytest.raises(Forbidden, match='cannot create resource "secrets"') as caught:
        cluster.create(SECRET, secret(kube_namespace, a=CANARY), field_manager=MANAGER)
    assert "RBAC" in caught.value.remedy
    with pytest.raises(Forbidden, match="cannot list resource"):
        cluster.list(SECRET)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"type": "kubernetes.io/dockerconfigjson"}, id="invalid-docker-config"),
        pytest.param({"data": {"a": CANARY + "!!"}}, id="not-base64"),
        pytest.param({"data": {"a": [CANARY]}}, id="wrong-type"),
        pytest.param({"metadata": {"labels": {"a": f"{CANARY} {CANARY}"}}}, id="invalid-label"),
    ],
)
def test_refused_secret_is_rejected_without_its_values(kube, kube_namespace, broken):
    obj = secret(kube_namespace, **{".dockerconfigjson": f'{{"{CANARY}'})
    obj["metadata"] |= broken.pop("metadata", {})
    with pytest.raises(Rejected) as caught:
        kube.create(SECRET, obj | broken, field_manager=MANAGER)
    shown = f"{caught.value!r} {caught.value.message} {caught.value.remedy} {caught.value.args}"
    assert CANARY not in shown
    assert base64.b64encode(CANARY.encode()).decode()[:12] not in shown
    assert "create Secret" in caught.value.message


@pytest.mark.parametrize("value", [pytest.param(CANARY + "!!", id="not-base64"), [CANARY]])
def test_applied_secret_of_wrong_type_is_rejected_without_its_values(kube, kube_namespace, value):
    obj = secret(kube_namespace) | {"data": {"a": value}}
    with pytest.raises(Rejected) as caught:
        kube.apply(SECRET, obj, field_manager=MANAGER)
    assert CANARY not in f"{caught.value!r} {caught.value.message}"


def test_refused_secret_names_the_field_and_the_reason(kube, kube_namespace):
    kube.create(SECRET, secret(kube_namespace, a="1") | {"immutable": True}, field_manager=MANAGER)
    with pytest.raises(Rejected, match=r"data \(Forbidden: field is immutable"):
        kube.apply(SECRET, secret(kube_namespace, a="2"), field_manager=MANAGER)


def test_request_token_gives_a_token_that_authenticates(kube_server, kube, kube_namespace):
    accounts = f"/api/v1/namespaces/{kube_namespace}/serviceaccounts"
    kube_server.admin.request("POST", accounts, {"metadata": {"name": "robot"}})
    issued = kube.request_token(kube_namespace, "robot", audiences=["vault"], expiration_s=900)
    claims = json.loads(base64.urlsafe_b64decode(issued.token.split(".")[1] + "=="))
    assert claims["aud"] == ["vault"]
    assert claims["sub"] == f"system:serviceaccount:{kube_namespace}:robot"
    assert issued.expires_at.endswith("Z")
    with pytest.raises(NotFound, match='"nobody" not found'):
        kube.request_token(kube_namespace, "nobody", audiences=["vault"])


def test_event_repeated_is_one_object_with_a_count(kube, kube_namespace):
    about = kube.create(SECRET, secret(kube_namespace), field_manager=MANAGER)
    for _ in range(3):
        kube.event(Event(about, EventType.WARNING, "SyncFailed", "no access to prod/db"))
    (event,) = kube.list(KINDS["Event"], kube_namespace).items
    assert event["count"] == 3
    assert event["reportingComponent"] == "secretsync"
    assert event["involvedObject"]["uid"] == about["metadata"]["uid"]


def test_event_that_cannot_be_written_is_a_debug_line(kube_server, open_as, caplog):
    cluster = open_as(kube_server.user_kubeconfig(f"nobody-{uuid.uuid4().hex[:8]}"))
    about = secret("default")
    with caplog.at_level(logging.DEBUG, logger="secretsync"):
        cluster.event(Event(about, EventType.NORMAL, "Synced", "written"))
    assert "event Synced is not recorded" in caplog.text


def test_many_threads_write_without_errors(kube: KubernetesCluster, kube_namespace):
    from concurrent.futures import ThreadPoolExecutor

    def write(n: int) -> str:
        obj = secret(kube_namespace, f"t-{n}", a=str(n))
        kube.apply(SECRET, obj, field_manager=MANAGER)
        return kube.get(SECRET, kube_namespace, f"t-{n}")["data"]["a"]

    with ThreadPoolExecutor(16) as pool:
        written = list(pool.map(write, range(160)))
    assert written == [base64.b64encode(str(n).encode()).decode() for n in range(160)]


def test_garbage_collector_removes_what_a_deleted_owner_owned(fragile_server: KubeServer, open_as):
    fragile_server.start_controller_manager()
    cluster = open_as(fragile_server.kubeconfig)
    owner = cluster.create(SECRET, secret("default", "owner"), field_manager=MANAGER)
    reference = {
        "apiVersion": "v1",
        "kind": "Secret",
        "name": "owner",
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    dependent = secret("default", "dependent")
    dependent["metadata"]["ownerReferences"] = [reference]
    cluster.create(SECRET, dependent, field_manager=MANAGER)
    cluster.delete(SECRET, "default", "owner")
    deadline = time.monotonic() + 120
    while cluster.get(SECRET, "default", "dependent") is not None:
        assert time.monotonic() < deadline, "the dependent is still there"
        time.sleep(0.2)
    assert cluster.collects_garbage


def test_patch_status_of_kind_without_status_raises_not_found(kube, kube_namespace):
    with pytest.raises(NotFound, match="not this part of it"):
        kube.patch_status(SECRET, kube_namespace, "db", {"a": 1}, field_manager=MANAGER)
