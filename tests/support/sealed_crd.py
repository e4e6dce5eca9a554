"""The CustomResourceDefinition of SealedSecrets: ours, and as Sealed Secrets installs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.kube import KubeServer

__all__ = ["install_our_crd", "install_their_crd", "their_crd"]

OURS = Path(__file__).parents[2] / "deploy" / "crds" / "sealedsecrets.yaml"

_TEXT = {"type": "string"}
_TEXTS = {"type": "object", "additionalProperties": _TEXT}
_TIME = {"type": "string", "format": "date-time"}


def install_our_crd(server: KubeServer) -> None:
    """Serve SealedSecrets by the CRD that we ship."""
    server.admin.install_crds(OURS)


def install_their_crd(server: KubeServer, folder: Path) -> None:
    """Serve SealedSecrets by the CRD of Sealed Secrets; `folder` takes its file."""
    file = folder / "theirs.yaml"
    # JSON is YAML.
    file.write_text(json.dumps(their_crd()))
    server.admin.install_crds(file)


def their_crd() -> dict[str, Any]:
    """Return the CRD with the fields that sealed-secrets schema-v1alpha1.yaml has."""
    conditions = ".status.conditions[0]"
    columns = {"Status": f"{conditions}.message", "Synced": f"{conditions}.status"}
    version = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": _schema()},
        "additionalPrinterColumns": [
            *({"name": name, "type": "string", "jsonPath": path} for name, path in columns.items()),
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        ],
    }
    names = {"kind": "SealedSecret", "listKind": "SealedSecretList"}
    names |= {"plural": "sealedsecrets", "singular": "sealedsecret"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "sealedsecrets.bitnami.com"},
        "spec": {
            "group": "bitnami.com",
            "names": names,
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def _schema() -> dict[str, Any]:
    encrypted = {**_TEXTS, "x-kubernetes-preserve-unknown-fields": True}
    spec = {
        "data": {"type": "string", "format": "byte"},
        "encryptedData": encrypted,
        "template": _object(
            {
                "data": {**_TEXTS, "nullable": True},
                "immutable": {"type": "boolean"},
                "metadata": _template_metadata(),
                "type": _TEXT,
            }
        ),
    }
    condition = dict.fromkeys(("type", "status", "reason", "message"), _TEXT)
    times = dict.fromkeys(("lastUpdateTime", "lastTransitionTime"), _TIME)
    status = {
        "observedGeneration": {"type": "integer", "format": "int64"},
        "conditions": {
            "type": "array",
            "items": _object({**condition, **times}, required=["status", "type"]),
        },
    }
    root = {"apiVersion": _TEXT, "kind": _TEXT, "metadata": {"type": "object"}}
    root["spec"] = _object(spec, required=["encryptedData"])
    root["status"] = _object(status)
    return _object(root, required=["spec"])


def _template_metadata() -> dict[str, Any]:
    fields: dict[str, Any] = {"annotations": _TEXTS, "labels": _TEXTS}
    fields["finalizers"] = {"type": "array", "items": _TEXT}
    fields |= {"name": _TEXT, "namespace": _TEXT}
    return _object(fields) | {"nullable": True, "x-kubernetes-preserve-unknown-fields": True}


def _object(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **more}
