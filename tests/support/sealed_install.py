"""Our installation by `deploy/`, as far as a test can: everything but the Deployment."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from tests.support.kube import KubeServer

__all__ = ["SYSTEM", "install_ours"]

DEPLOY = Path(__file__).parents[2] / "deploy"
SYSTEM = "secretsync-system"
KEY_ADMIN = "secretsync-key-admin"

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_PATHS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "ClusterRole": f"{_RBAC}/clusterroles",
    "ClusterRoleBinding": f"{_RBAC}/clusterrolebindings",
    "Role": f"{_RBAC}/namespaces/{{}}/roles",
    "RoleBinding": f"{_RBAC}/namespaces/{{}}/rolebindings",
}


def install_ours(server: KubeServer, *, key_namespace: str = SYSTEM) -> Path:
    """Apply `deploy/` over whatever is installed; return the service's kubeconfig.

    Args:
        key_namespace: where the sealing keys are; the Role for them is bound there.
    """
    files = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())["resources"]
    documents = [doc for name in files for doc in yaml.safe_load_all((DEPLOY / name).read_text())]
    for document in documents:
        if document["kind"] in _PATHS:
            _apply(server, document)
    if key_namespace != SYSTEM:
        for document in documents:
            if document["metadata"]["name"] == KEY_ADMIN:
                moved = copy.deepcopy(document)
                moved["metadata"]["namespace"] = key_namespace
                _apply(server, moved)
    # What is applied is there at once; this waits until it is served.
    server.admin.install_crds(DEPLOY / "crds")
    return server.service_account_kubeconfig(SYSTEM, "secretsync")


def _apply(server: KubeServer, obj: dict[str, Any]) -> None:
    path = _PATHS[obj["kind"]].format(obj["metadata"].get("namespace", ""))
    path += f"/{obj['metadata']['name']}?fieldManager=install&force=true"
    server.admin.request("PATCH", path, obj, content_type="application/apply-patch+yaml")
