"""Every manifest of deploy/ against a real API server: accepted, and admitted to run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.api import Api, load_manifests
from tests.e2e.rig import eventually

pytestmark = pytest.mark.built

DEPLOY = Path(__file__).parents[2] / "deploy"
FOLDERS = [DEPLOY, DEPLOY / "namespaced"]
NAMES = ["cluster", "namespaced"]
ALL = [*FOLDERS, DEPLOY / "applications"]
RBAC = "/apis/rbac.authorization.k8s.io/v1"
PATHS = {
    "Namespace": "/api/v1/namespaces",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "ClusterRole": f"{RBAC}/clusterroles",
    "ClusterRoleBinding": f"{RBAC}/clusterrolebindings",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Service": "/api/v1/namespaces/{}/services",
    "Role": f"{RBAC}/namespaces/{{}}/roles",
    "RoleBinding": f"{RBAC}/namespaces/{{}}/rolebindings",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
}


def listed_objects(folder: Path) -> list[dict[str, Any]]:
    resources = load_manifests(folder / "kustomization.yaml")[0]["resources"]
    return [each for name in resources for each in load_manifests(folder / name)]


def sorted_objects(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(objects, key=lambda each: (each["kind"], each["metadata"]["name"]))


@pytest.mark.parametrize("folder", ALL, ids=[*NAMES, "applications"])
def test_kustomize_builds_exactly_the_listed_objects(folder: Path) -> None:
    program = Path(sys.executable).with_name("kustomize")
    built = subprocess.run(
        [program, "build", folder], check=True, capture_output=True, timeout=240
    ).stdout
    found = sorted_objects(list(yaml.safe_load_all(built)))
    assert found == sorted_objects(listed_objects(folder))


def restricted_namespace(api: Api, name: str) -> None:
    """Give a namespace the labels of the one that the service is installed in."""
    labels = load_manifests(DEPLOY / "namespace.yaml")[0]["metadata"]["labels"]
    obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    answer = api.apply(f"/api/v1/namespaces/{name}", obj)
    assert answer.status == 200, answer.message
    # Admission learns of labels by a watch.
    spec = {"containers": [{"name": "any", "image": "none"}]}
    bare = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare"}, "spec": spec}
    path = f"/api/v1/namespaces/{name}/pods/bare"
    eventually(lambda: api.apply(path, bare, dry_run=True).status == 403)


@pytest.mark.parametrize("folder", ALL, ids=[*NAMES, "applications"])
def test_manifests_are_accepted_without_warnings(
    kube_api: Api, kube_namespace: str, folder: Path
) -> None:
    """A dry run, so that nothing of the service stays on the shared server."""
    restricted_namespace(kube_api, kube_namespace)
    for obj in listed_objects(folder):
        metadata = obj["metadata"]
        if "namespace" in metadata:
            metadata["namespace"] = kube_namespace
        path = f"{PATHS[obj['kind']].format(kube_namespace)}/{metadata['name']}"
        answer = kube_api.apply(path, obj, dry_run=True)
        assert answer.status in (200, 201), answer.message
        assert answer.warnings == ()


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_pod_is_admitted_where_pod_security_is_restricted(
    kube_api: Api, kube_namespace: str, folder: Path
) -> None:
    restricted_namespace(kube_api, kube_namespace)
    template = load_manifests(folder / "deployment.yaml")[0]["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {"name": "secretsync"}}
    path = f"/api/v1/namespaces/{kube_namespace}/pods/secretsync"
    answer = kube_api.apply(path, pod, dry_run=True)
    assert answer.status == 201, answer.message
    del pod["spec"]["securityContext"]["runAsNonRoot"]
    refused = kube_api.apply(path, pod, dry_run=True)
    assert refused.status == 403
    assert "runAsNonRoot" in refused.message
