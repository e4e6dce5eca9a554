"""The guide's ExternalSecret, as it stands, on a real API server with our CRDs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from secretsync.core.hashes import created_by_hash, data_hash, synced_resource_version
from tests.deploy.api import Api
from tests.e2e.rig import Rig, eventually

pytestmark = pytest.mark.built

GUIDE = """
apiVersion: external-secrets.io/v1beta1
kind: ExternalSecret
metadata:
  name: database-credentials
  labels: {team: payments}
  annotations: {example.com/owner: ann}
spec:
  refreshInterval: 1h
  secretStoreRef:
    name: aws-secrets-manager
    kind: ClusterSecretStore
  target:
    name: database-credentials
    creationPolicy: Owner
  data:
    - secretKey: password
      remoteRef:
        key: production/database
        property: password
"""
STORE = """
apiVersion: external-secrets.io/v1beta1
kind: ClusterSecretStore
metadata:
  name: aws-secrets-manager
spec:
  provider:
    aws:
      service: SecretsManager
      region: eu-central-1
"""
NAME = "database-credentials"
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture
def guided(kube_rig: Rig) -> Rig:
    """A rig in which the guide's two objects were synced."""
    kube_rig.upstream("production/database", username="shop")
    for text in (STORE, GUIDE):
        obj = yaml.safe_load(text)
        if obj["kind"] == "ExternalSecret":
            obj["metadata"]["namespace"] = kube_rig.site.namespace
        kube_rig.site.put(obj)
    kube_rig.start()
    kube_rig.wait_synced(NAME)
    return kube_rig


def _secret(rig: Rig) -> dict[str, Any]:
    found = rig.site.get("Secret", NAME)
    assert found is not None
    return found


def test_guide_becomes_its_secret(guided: Rig) -> None:
    secret = _secret(guided)
    assert secret["type"] == "Opaque"
    assert guided.data(NAME) == {"password": guided.value("v1").encode()}
    metadata = secret["metadata"]
    assert metadata["labels"] == {
        "team": "payments",
        "reconcile.external-secrets.io/managed": "true",
        "reconcile.external-secrets.io/created-by": created_by_hash(guided.site.namespace, NAME),
    }
    owner = guided.site.get("ExternalSecret", NAME)
    assert owner is not None
    assert metadata["ownerReferences"] == [
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "name": NAME,
            "uid": owner["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    annotations = metadata["annotations"]
    assert annotations.keys() == {
        "example.com/owner",
        "reconcile.external-secrets.io/data-hash",
        "secretsync.io/provider-dates",
        "secretsync.io/provider-versions",
    }
    assert annotations["reconcile.external-secrets.io/data-hash"] == data_hash(guided.data(NAME))


def test_guide_status_reads_as_esos(guided: Rig) -> None:
    obj = guided.site.get("ExternalSecret", NAME)
    assert obj is not None
    metadata, status = obj["metadata"], obj["status"]
    assert status["binding"] == {"name": NAME}
    assert status["syncedResourceVersion"] == synced_resource_version(
        metadata["generation"], metadata["labels"], metadata["annotations"]
    )
    assert RFC3339.fullmatch(status["refreshTime"])
    [condition] = status["conditions"]
    assert RFC3339.fullmatch(condition.pop("lastTransitionTime"))
    assert condition == {
        "type": "Ready",
        "status": "True",
        "reason": "SecretSynced",
        "message": "secret synced",
    }


def test_guide_store_status_reads_as_esos(guided: Rig) -> None:
    name = "aws-secrets-manager"
    guided.wait_condition(name, "True", kind="ClusterSecretStore")
    obj = guided.site.get("ClusterSecretStore", name)
    assert obj is not None
    assert obj["status"]["capabilities"] == "ReadWrite"
    [condition] = obj["status"]["conditions"]
    assert (condition["reason"], condition["message"]) == ("Valid", "store validated")


def test_guide_printer_columns_are_filled(guided: Rig, tmp_path: Path) -> None:
    api = Api(guided.kube.server.kubeconfig, tmp_path)
    columns, [row] = api.table(guided.kube.path("ExternalSecret"))
    shown = dict(zip(columns, row, strict=True))
    assert shown["Status"] == "SecretSynced"
    assert shown["Ready"] == "True"
    assert shown["StoreType"] == "ClusterSecretStore"
    assert shown["Store"] == "aws-secrets-manager"
    assert shown["Refresh Interval"] == "1h"
    assert shown["Last Sync"]


def test_guide_condition_moves_only_with_its_status(guided: Rig) -> None:
    before = guided.condition(NAME)["lastTransitionTime"]
    synced = _status(guided)["syncedResourceVersion"]
    guided.upstream("production/database", "v2")
    force = {"metadata": {"annotations": {"force-sync": "1"}}}
    guided.site.patch("ExternalSecret", NAME, force)
    guided.wait_holds(NAME, "v2")
    eventually(lambda: _status(guided)["syncedResourceVersion"] != synced)
    assert guided.condition(NAME)["lastTransitionTime"] == before


def _status(rig: Rig) -> dict[str, Any]:
    return (rig.site.get("ExternalSecret", NAME) or {})["status"]


def test_example_manifests_become_their_secrets(kube_rig: Rig) -> None:
    """The files that the tour shows, through the service."""
    folder = Path(__file__).parents[2] / "examples" / "quickstart"
    objects = [yaml.safe_load(file.read_text()) for file in sorted(folder.glob("*.yaml"))]
    kube_rig.upstream("production/database", username="shop")
    kube_rig.upstream("production/payments", token="t")
    kube_rig.aws.create(
        "production/registry", f'{{"auths":{{"r":{{"auth":"{kube_rig.canary}"}}}}}}'
    )
    for obj in objects:
        if obj["kind"] == "ExternalSecret":
            obj["metadata"]["namespace"] = kube_rig.site.namespace
        kube_rig.site.put(obj)
    kube_rig.start()
    for name in (NAME, "payments-api", "registry-login"):
        kube_rig.wait_condition(name, "True")
    assert kube_rig.data(NAME).keys() == {"username", "password"}
    assert kube_rig.data("payments-api").keys() == {"token", "password"}
    registry = kube_rig.site.get("Secret", "registry-login")
    assert registry is not None
    assert registry["type"] == "kubernetes.io/dockerconfigjson"
