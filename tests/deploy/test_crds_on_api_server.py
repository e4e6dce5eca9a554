"""The CRDs on a real API server: served, converted, printed, selected, nothing lost."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from tests.deploy.api import GROUP, Answer, Api
from tests.deploy.cases import GUIDE, external_secret

pytestmark = pytest.mark.built

STORE = {"provider": {"aws": {"service": "SecretsManager", "region": "eu-central-1"}}}
READY = {
    "type": "Ready",
    "status": "True",
    "reason": "SecretSynced",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}


def in_namespace(namespace: str, version: str = "v1", plural: str = "externalsecrets") -> str:
    return f"{GROUP}/{version}/namespaces/{namespace}/{plural}"


@pytest.mark.parametrize("plural", ["externalsecrets", "secretstores", "clustersecretstores"])
def test_crd_installs_without_warnings(
    crd_api: Api, installed_crds: dict[str, Answer], plural: str
) -> None:
    answer = installed_crds[plural]
    assert (answer.status in (200, 201), answer.message) == (True, "")
    assert answer.warnings == ()
    found = crd_api.conditions(f"{plural}.external-secrets.io")
    assert (found["Established"], found["NamesAccepted"]) == ("True", "True")
    assert found.get("NonStructuralSchema", "False") == "False"


def test_discovery_names_kinds_short_names_and_status(crd_api: Api) -> None:
    for version in ("v1", "v1beta1"):
        resources = crd_api.request("GET", f"{GROUP}/{version}").body["resources"]
        found = {each["name"]: each for each in resources}
        shorts = {name: each["shortNames"] for name, each in found.items() if "/" not in name}
        assert shorts == {
            "externalsecrets": ["es"],
            "secretstores": ["ss"],
            "clustersecretstores": ["css"],
            "clusterexternalsecrets": ["ces"],
        }
        assert {f"{name}/status" for name in shorts} < set(found)
        assert all(found[name]["categories"] == ["external-secrets"] for name in shorts)


def test_v1beta1_object_is_readable_as_v1_with_its_defaults(
    crd_api: Api, kube_namespace: str
) -> None:
    old = f"{in_namespace(kube_namespace, 'v1beta1')}/database-credentials"
    assert crd_api.apply(old, GUIDE).status == 201
    found = crd_api.request("GET", old.replace("v1beta1", "v1")).body
    expected = copy.deepcopy(GUIDE["spec"])
    expected["target"] |= {"creationPolicy": "Owner", "deletionPolicy": "Retain"}
    expected["data"][0]["remoteRef"] |= {
        "metadataPolicy": "None",
        "conversionStrategy": "Default",
        "decodingStrategy": "None",
    }
    assert found["apiVersion"] == "external-secrets.io/v1"
    assert found["spec"] == expected


def test_v1_object_is_readable_as_v1beta1_with_fields_that_only_v1_had(
    crd_api: Api, kube_namespace: str
) -> None:
    path = f"{in_namespace(kube_namespace)}/converted"
    obj = external_secret("converted", target={"creationPolicy": "CreateOrMerge"})
    obj["spec"]["data"][0]["remoteRef"]["nullBytePolicy"] = "Fail"
    created = crd_api.apply(path, obj)
    assert created.status == 201, created.message
    found = crd_api.request("GET", path.replace("/v1/", "/v1beta1/")).body
    assert found["apiVersion"] == "external-secrets.io/v1beta1"
    assert found["spec"] == created.body["spec"]
    rewritten = crd_api.request("PUT", path.replace("/v1/", "/v1beta1/"), found)
    assert rewritten.status == 200, rewritten.message
    spec = crd_api.request("GET", path).body["spec"]
    assert spec["target"]["creationPolicy"] == "CreateOrMerge"
    assert spec["data"][0]["remoteRef"]["nullBytePolicy"] == "Fail"


def test_v1_object_gets_only_the_defaults_of_v1(crd_api: Api, kube_namespace: str) -> None:
    answer = crd_api.apply(f"{in_namespace(kube_namespace)}/plain", external_secret("plain"))
    spec = answer.body["spec"]
    assert spec["refreshInterval"] == "1h0m0s"
    assert spec["target"] == {"creationPolicy": "Owner", "deletionPolicy": "Retain"}
    assert spec["data"] == external_secret("plain")["spec"]["data"]


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_external_secret_table_shows_store_interval_and_state(
    crd_api: Api, kube_namespace: str, version: str
) -> None:
    path = f"{in_namespace(kube_namespace, version)}/shown"
    obj = external_secret("shown", version=version, refreshInterval="15m")
    assert crd_api.apply(path, obj).status == 201
    status = {"refreshTime": "2020-01-01T00:00:00Z", "conditions": [READY]}
    patch_status(crd_api, path, status)
    columns, rows = crd_api.table(in_namespace(kube_namespace, version))
    assert columns == [
        "Name", "StoreType", "Store", "Refresh Interval", "Status", "Ready", "Last Sync",
    ]  # fmt: skip
    assert rows[0][:6] == ["shown", "SecretStore", "aws", "15m", "SecretSynced", "True"]
    # The server prints the age of refreshTime.
    assert re.match(r"[0-9]+y", rows[0][6])


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_store_table_shows_state_and_capabilities(
    crd_api: Api, kube_namespace: str, version: str
) -> None:
    path = f"{in_namespace(kube_namespace, version, 'secretstores')}/aws"
    obj = {
        "apiVersion": f"external-secrets.io/{version}",
        "kind": "SecretStore",
        "metadata": {"name": "aws"},
        "spec": STORE,
    }
    assert crd_api.apply(path, obj).status == 201
    ready = {**READY, "reason": "Valid"}
    patch_status(crd_api, path, {"capabilities": "ReadWrite", "conditions": [ready]})
    columns, rows = crd_api.table(in_namespace(kube_namespace, version, "secretstores"))
    assert columns == ["Name", "AGE", "Status", "Capabilities", "Ready"]
    assert [rows[0][0], *rows[0][2:]] == ["aws", "Valid", "ReadWrite", "True"]


def patch_status(crd_api: Api, path: str, status: dict[str, Any]) -> None:
    answer = crd_api.request(
        "PATCH",
        f"{path}/status",
        {"status": status},
        content_type="application/merge-patch+json",
    )
    assert answer.status == 200, answer.message
    assert answer.body["status"] == status


def test_status_patch_leaves_the_generation_and_a_spec_patch_moves_it(
    crd_api: Api, kube_namespace: str
) -> None:
    path = f"{in_namespace(kube_namespace)}/generation"
    crd_api.apply(path, external_secret("generation"))
    patch_status(crd_api, path, {"conditions": [READY]})
    assert crd_api.request("GET", path).body["metadata"]["generation"] == 1
    crd_api.apply(path, external_secret("generation", refreshInterval="2h"))
    assert crd_api.request("GET", path).body["metadata"]["generation"] == 2


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("spec.secretStoreRef.name=aws", {"near"}),
        ("spec.secretStoreRef.kind=ClusterSecretStore", {"far"}),
        ("spec.target.name=renamed", {"far"}),
        ("spec.refreshInterval=1h0m0s", {"near", "far"}),
    ],
)
def test_field_selector_of_v1_finds_external_secrets(
    crd_api: Api,
    kube_namespace: str,
    selector: str,
    names: set[str],
) -> None:
    folder = in_namespace(kube_namespace)
    far = {"name": "shared", "kind": "ClusterSecretStore"}
    obj = external_secret("far", secretStoreRef=far, target={"name": "renamed"})
    assert crd_api.apply(f"{folder}/far", obj).status == 201
    assert crd_api.apply(f"{folder}/near", external_secret("near")).status == 201
    found = crd_api.request("GET", f"{folder}?fieldSelector={selector}").body["items"]
    assert {each["metadata"]["name"] for each in found} == names
