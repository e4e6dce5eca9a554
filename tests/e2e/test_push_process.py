"""Pushing, and objects in many namespaces, by the service as a process of its own.

On the API server it runs with exactly the rights that deploy/ gives it. Every value
carries the canary that the rig looks for wherever people can read.
"""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import pytest

from tests.e2e.rig import STORE, Rig, eventually, ready, steady
from tests.e2e.sites import DirectorySite
from tests.e2e.test_rbac import installed  # noqa: F401 - a fixture
from tests.support.kube_admin import KubeRequestError

PUSH_FINALIZER = "pushsecret.externalsecrets.io/finalizer"
STORE_FINALIZER = "secretstore.externalsecrets.io/finalizer"
WRITES = ("CreateSecret", "PutSecretValue", "DeleteSecret", "TagResource")


def secret(rig: Rig, name: str = "source", **values: str) -> None:
    data = {
        key: base64.b64encode(rig.value(text).encode()).decode() for key, text in values.items()
    }
    metadata = {"name": name, "namespace": rig.site.namespace}
    rig.site.put({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})


def push_secret(rig: Rig, name: str = "out", **spec: Any) -> None:
    entry = {"match": {"secretKey": "password", "remoteRef": {"remoteKey": f"pushed-{name}"}}}
    rig.site.put(
        {
            "apiVersion": "external-secrets.io/v1alpha1",
            "kind": "PushSecret",
            "metadata": {"name": name, "namespace": rig.site.namespace},
            "spec": {
                "secretStoreRefs": [{"name": STORE, "kind": "ClusterSecretStore"}],
                "selector": {"secret": {"name": "source"}},
                "data": [entry],
                **spec,
            },
        }
    )


def held(rig: Rig, key: str = "pushed-out") -> bytes:
    return base64.b64decode(rig.aws.call("GetSecretValue", SecretId=key)["SecretBinary"])


def reason(rig: Rig, name: str = "out") -> str:
    return str(ready(rig.site.get("PushSecret", name)).get("reason", ""))


def finalizers(rig: Rig, kind: str, name: str) -> list[str]:
    found = rig.site.get(kind, name) or {"metadata": {}}
    return list(found["metadata"].get("finalizers") or [])


def writes(rig: Rig) -> int:
    return sum(rig.front.count(each) for each in WRITES)


def test_push_is_made_followed_and_survives_a_restart_without_a_write(rig: Rig) -> None:
    rig.store()
    secret(rig, password="one")
    push_secret(rig)
    service = rig.start()
    eventually(lambda: reason(rig) == "Synced")
    assert held(rig) == rig.value("one").encode()
    secret(rig, password="two")
    eventually(lambda: held(rig) == rig.value("two").encode())
    # The status follows the push.
    before = eventually(lambda: steady(lambda: rig.site.get("PushSecret", "out"), for_s=2))
    service.stop()
    rig.front.calls.clear()
    rig.start()
    eventually(lambda: rig.front.count("GetSecretValue") >= 1)
    steady(lambda: writes(rig), for_s=1)
    assert writes(rig) == 0
    assert rig.site.get("PushSecret", "out") == before


def test_metrics_of_a_push_come_and_go_with_it(rig: Rig) -> None:
    rig.store()
    secret(rig, password="one")
    push_secret(rig)
    service = rig.start()
    eventually(lambda: reason(rig) == "Synced")
    of_it = {"name": "out", "namespace": rig.site.namespace}
    eventually(lambda: service.total("pushsecret_reconcile_duration", **of_it) > 1_000)
    eventually(lambda: service.total("pushsecret_status_condition", status="True", **of_it) == 1)
    rig.site.delete("PushSecret", "out")
    eventually(lambda: 'name="out"' not in service.metrics_page())


def test_what_somebody_else_holds_is_told_and_left_alone(rig: Rig) -> None:
    rig.store()
    rig.upstream("pushed-out")
    secret(rig, password="mine")
    push_secret(rig)
    rig.start()
    eventually(lambda: reason(rig) == "Errored")
    assert "managed-by=external-secrets" in ready(rig.site.get("PushSecret", "out"))["message"]
    assert writes(rig) == 0


@pytest.mark.parametrize("site", ["dir"], indirect=True)
def test_what_a_directory_would_forget_with_a_file_is_kept_beside_it(rig: Rig) -> None:
    rig.store()
    secret(rig, password="one")
    push_secret(rig, deletionPolicy="Delete")
    service = rig.start()
    assert isinstance(rig.site, DirectorySite)
    kept = rig.site.root / ".secretsync" / "pushed" / rig.site.namespace / "out.json"
    eventually(kept.exists)
    assert kept.stat().st_mode & 0o777 == 0o600
    rig.site.delete("PushSecret", "out")
    service.stop()
    after = rig.start()
    # One look proves nothing: that takes a minute.
    steady(lambda: writes(rig), for_s=3)
    assert rig.front.count("DeleteSecret") == 0
    assert kept.exists()
    after.assert_alive()


@pytest.mark.built
def test_finalizers_hold_push_and_store_until_what_was_pushed_is_gone(
    installed: Rig,  # noqa: F811 - the fixture
) -> None:
    rig = installed
    rig.store()
    secret(rig, password="one")
    push_secret(rig, deletionPolicy="Delete")
    rig.start()
    eventually(lambda: reason(rig) == "Synced")
    eventually(lambda: finalizers(rig, "PushSecret", "out") == [PUSH_FINALIZER])
    eventually(lambda: finalizers(rig, "ClusterSecretStore", STORE) == [STORE_FINALIZER])
    rig.site.delete("ClusterSecretStore", STORE)
    assert rig.site.get("ClusterSecretStore", STORE) is not None
    rig.site.delete("PushSecret", "out")
    eventually(lambda: rig.site.get("PushSecret", "out") is None)
    assert rig.front.count("DeleteSecret") == 1
    eventually(lambda: rig.site.get("ClusterSecretStore", STORE) is None)


@pytest.mark.built
def test_finalizer_goes_with_the_policy_and_nothing_is_deleted(
    installed: Rig,  # noqa: F811 - the fixture
) -> None:
    rig = installed
    rig.store()
    secret(rig, password="one")
    push_secret(rig, deletionPolicy="Delete")
    rig.start()
    eventually(lambda: finalizers(rig, "PushSecret", "out") == [PUSH_FINALIZER])
    eventually(lambda: reason(rig) == "Synced")
    push_secret(rig, deletionPolicy="None")
    eventually(lambda: finalizers(rig, "PushSecret", "out") == [])
    eventually(lambda: finalizers(rig, "ClusterSecretStore", STORE) == [])
    rig.site.delete("PushSecret", "out")
    eventually(lambda: rig.site.get("PushSecret", "out") is None)
    assert held(rig) == rig.value("one").encode()


def label(rig: Rig, team: str) -> None:
    path = f"/api/v1/namespaces/{rig.site.namespace}"
    patch = {"metadata": {"labels": {"team": team}}}
    rig.kube.admin.request("PATCH", path, patch, content_type="application/merge-patch+json")


def maker(rig: Rig, kind: str, spec: dict[str, Any]) -> None:
    version = "v1" if kind == "ClusterExternalSecret" else "v1alpha1"
    field = "externalSecretSpec" if kind == "ClusterExternalSecret" else "pushSecretSpec"
    rig.site.put(
        {
            "apiVersion": f"external-secrets.io/{version}",
            "kind": kind,
            "metadata": {"name": "everywhere"},
            "spec": {
                field: spec,
                "namespaceSelectors": [{"matchLabels": {"team": rig.site.namespace}}],
            },
        }
    )


@pytest.mark.built
def test_cluster_external_secret_makes_and_takes_back_by_labels(
    installed: Rig,  # noqa: F811 - the fixture
) -> None:
    rig = installed
    rig.store()
    rig.upstream("k")
    spec = {
        "secretStoreRef": {"name": STORE, "kind": "ClusterSecretStore"},
        "data": [{"secretKey": "password", "remoteRef": {"key": "k", "property": "password"}}],
    }
    maker(rig, "ClusterExternalSecret", spec)
    service = rig.start()
    label(rig, rig.site.namespace)
    rig.wait_synced("everywhere")
    child = rig.site.get("ExternalSecret", "everywhere") or {}

    def status() -> dict[str, Any]:
        found = rig.site.get("ClusterExternalSecret", "everywhere") or {}
        return found.get("status") or {}

    eventually(lambda: status().get("provisionedNamespaces") == [rig.site.namespace])
    # A restart finds everything as it should be, whatever the API server defaulted.
    service.stop()
    rig.start()
    steady(lambda: (rig.site.get("ExternalSecret", "everywhere") or {})["metadata"], for_s=2)
    after = rig.site.get("ExternalSecret", "everywhere") or {}
    assert after["metadata"]["resourceVersion"] == child["metadata"]["resourceVersion"] or (
        after["metadata"]["generation"] == child["metadata"]["generation"]
    )
    more = copy.deepcopy(spec) | {"refreshInterval": "7m"}
    maker(rig, "ClusterExternalSecret", more)
    eventually(
        lambda: (
            (rig.site.get("ExternalSecret", "everywhere") or {})["spec"]["refreshInterval"] == "7m"
        )
    )
    label(rig, "none")
    eventually(lambda: rig.site.get("ExternalSecret", "everywhere") is None)
    eventually(lambda: status().get("provisionedNamespaces") == [])


@pytest.mark.built
def test_cluster_push_secret_makes_push_secrets_that_push(
    installed: Rig,  # noqa: F811 - the fixture
) -> None:
    rig = installed
    rig.store()
    secret(rig, password="one")
    entry = {"match": {"secretKey": "password", "remoteRef": {"remoteKey": "from-everywhere"}}}
    spec = {
        "secretStoreRefs": [{"name": STORE, "kind": "ClusterSecretStore"}],
        "selector": {"secret": {"name": "source"}},
        "data": [entry],
    }
    maker(rig, "ClusterPushSecret", spec)
    label(rig, rig.site.namespace)
    rig.start()
    eventually(lambda: reason(rig, "everywhere") == "Synced")
    assert held(rig, "from-everywhere") == rig.value("one").encode()


@pytest.mark.built
def test_table_shows_what_was_pushed_and_no_value(
    installed: Rig,  # noqa: F811 - the fixture
) -> None:
    rig = installed
    rig.store()
    secret(rig, password="one")
    push_secret(rig)
    rig.start()
    eventually(lambda: reason(rig) == "Synced")
    found = json.dumps(rig.site.get("PushSecret", "out"))
    assert rig.canary not in found
    with pytest.raises(KubeRequestError):
        push_secret(rig, "bad", selector={})
