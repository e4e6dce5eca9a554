"""The CRD of SealedSecrets on a real API server: what it takes, keeps, prunes and prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.deploy.api import Answer, Api, load_manifests

CRD = Path(__file__).parents[2] / "deploy" / "crds" / "sealedsecrets.yaml"
GROUP = "/apis/bitnami.com/v1alpha1"
CLIENT_SIDE_APPLY_LIMIT_BYTES = 262_144


def sealed(name: str = "db", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"name": name},
        "spec": {"encryptedData": {"password": "AgA="}, **spec},
    }


def path_of(namespace: str, name: str = "db") -> str:
    return f"{GROUP}/namespaces/{namespace}/sealedsecrets/{name}"


def stored(api: Api, namespace: str, obj: dict[str, Any]) -> dict[str, Any]:
    answer = api.apply(path_of(namespace, obj["metadata"]["name"]), obj)
    assert answer.status in (200, 201), answer.message
    return api.request("GET", path_of(namespace, obj["metadata"]["name"])).body


def test_crd_is_named_as_sealed_secrets_names_it() -> None:
    (crd,) = load_manifests(CRD)
    assert crd["metadata"]["name"] == "sealedsecrets.bitnami.com"
    assert crd["spec"]["scope"] == "Namespaced"
    assert "shortNames" not in crd["spec"]["names"]
    (version,) = crd["spec"]["versions"]
    assert version["subresources"] == {"status": {}}
    assert CRD.stat().st_size < CLIENT_SIDE_APPLY_LIMIT_BYTES


@pytest.mark.built
def test_crd_installs_without_warnings(crd_api: Api, installed_crds: dict[str, Answer]) -> None:
    answer = installed_crds["sealedsecrets"]
    assert (answer.status in (200, 201), answer.message) == (True, "")
    assert answer.warnings == ()
    found = crd_api.conditions("sealedsecrets.bitnami.com")
    assert found.get("NonStructuralSchema", "False") == "False"


@pytest.mark.built
def test_every_field_is_kept(crd_api: Api, kube_namespace: str) -> None:
    template = {
        "metadata": {
            "name": "db",
            "namespace": "elsewhere",
            "labels": {"app": "web"},
            "annotations": {"sealedsecrets.bitnami.com/managed": "true"},
            "finalizers": ["example.org/keep"],
            "generateName": "kept-as-unknown",
        },
        "type": "kubernetes.io/basic-auth",
        "immutable": True,
        "data": {"url": "https://{{ .password }}"},
    }
    given = sealed(template=template, encryptedData={"a.b_c-d": "AgA=", "empty": ""})
    assert stored(crd_api, kube_namespace, given)["spec"] == given["spec"]


@pytest.mark.built
def test_null_in_template_data_is_kept(crd_api: Api, kube_namespace: str) -> None:
    """Dropped, it would put a key into the Secret that its author left out."""
    given = sealed(template={"data": {"hidden": None, "shown": "{{ .hidden }}"}})
    path = f"{GROUP}/namespaces/{kube_namespace}/sealedsecrets"
    answer = crd_api.request("POST", path, given)
    assert answer.status == 201, answer.message
    assert answer.body["spec"]["template"]["data"] == {"hidden": None, "shown": "{{ .hidden }}"}


@pytest.mark.built
@pytest.mark.parametrize(
    ("spec", "text"),
    [
        pytest.param({"template": {}}, "spec.encryptedData: Required value", id="no-values"),
        pytest.param({"encryptedData": {"a": 1}}, "spec.encryptedData.a", id="number"),
        pytest.param({"encryptedData": ["a"]}, "spec.encryptedData", id="list"),
        pytest.param(
            {"encryptedData": {}, "template": {"immutable": "yes"}}, "immutable", id="bool"
        ),
    ],
)
def test_wrong_shape_is_refused(
    crd_api: Api, kube_namespace: str, spec: dict[str, Any], text: str
) -> None:
    obj = {**sealed("bad"), "spec": spec}
    answer = crd_api.request("POST", f"{GROUP}/namespaces/{kube_namespace}/sealedsecrets", obj)
    assert answer.status == 422
    assert text in answer.message


@pytest.mark.built
@pytest.mark.parametrize("metadata", [None, {}], ids=["null", "empty"])
def test_empty_template_metadata_is_accepted(
    crd_api: Api, kube_namespace: str, metadata: dict[str, Any] | None
) -> None:
    obj = sealed("bare", encryptedData={}, template={"metadata": metadata})
    path = f"{GROUP}/namespaces/{kube_namespace}/sealedsecrets?dryRun=All"
    assert crd_api.request("POST", path, obj).status == 201


@pytest.mark.built
def test_unknown_fields_are_pruned(crd_api: Api, kube_namespace: str) -> None:
    obj = sealed("pruned", surprise=1, template={"surprise": 2, "stringData": {"a": "b"}})
    path = f"{GROUP}/namespaces/{kube_namespace}/sealedsecrets"
    answer = crd_api.request("POST", path, obj)
    assert answer.status == 201, answer.message
    assert answer.body["spec"] == {"encryptedData": {"password": "AgA="}, "template": {}}


@pytest.mark.built
def test_status_is_written_apart_and_printed(crd_api: Api, kube_namespace: str) -> None:
    before = stored(crd_api, kube_namespace, sealed())
    condition = {
        "type": "Synced",
        "status": "False",
        "message": "no key could decrypt secret (password)",
        "lastUpdateTime": "2026-01-01T00:00:00Z",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    status = {"observedGeneration": 1, "conditions": [condition]}
    answer = crd_api.request(
        "PATCH",
        f"{path_of(kube_namespace)}/status",
        {"status": status},
        content_type="application/merge-patch+json",
    )
    assert answer.body["status"] == status
    assert answer.body["metadata"]["generation"] == before["metadata"]["generation"]
    columns, rows = crd_api.table(f"{GROUP}/namespaces/{kube_namespace}/sealedsecrets")
    assert columns == ["Name", "Status", "Synced", "Age"]
    assert rows[0][:3] == ["db", "no key could decrypt secret (password)", "False"]
