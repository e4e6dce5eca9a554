"""The two kinds of cluster as a person sees them: files in a folder, objects in an API.

Neither goes through secretsync's own cluster code, so that a fault there cannot hide.
"""

from __future__ import annotations

import base64
import contextlib
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.kube_front import KubeFront
from tests.support.kube import KubeServer
from tests.support.kube_admin import KubeRequestError

__all__ = ["DirectorySite", "KubeSite", "Site", "clean", "data_of"]

ESO = "external-secrets.io"
SEALED = "bitnami.com"
PLURALS = {
    "SealedSecret": "sealedsecrets",
    "ExternalSecret": "externalsecrets",
    "SecretStore": "secretstores",
    "ClusterSecretStore": "clustersecretstores",
    "Secret": "secrets",
    "ConfigMap": "configmaps",
    "Password": "passwords",
    "Fake": "fakes",
    "PushSecret": "pushsecrets",
    "ClusterPushSecret": "clusterpushsecrets",
    "ClusterExternalSecret": "clusterexternalsecrets",
    "Namespace": "namespaces",
}
CLUSTER_SCOPED = frozenset(
    {"ClusterSecretStore", "ClusterPushSecret", "ClusterExternalSecret", "Namespace"}
)
#: `group/version` where it is not ESO's; ESO's version is asked for.
GROUPS = {
    "Secret": "v1",
    "ConfigMap": "v1",
    "SealedSecret": f"{SEALED}/v1alpha1",
    "Password": f"generators.{ESO}/v1alpha1",
    "Fake": f"generators.{ESO}/v1alpha1",
    "PushSecret": f"{ESO}/v1alpha1",
    "ClusterPushSecret": f"{ESO}/v1alpha1",
    "Namespace": "v1",
}
MANAGED = "reconcile.external-secrets.io/managed"
MERGE_PATCH = "application/merge-patch+json"


def data_of(secret: dict[str, Any]) -> dict[str, bytes]:
    """Return the decoded data of a Secret."""
    return {key: base64.b64decode(value) for key, value in (secret.get("data") or {}).items()}


def merged(base: Any, patch: Any) -> Any:
    """Merge as RFC 7386 says."""
    if not isinstance(patch, dict):
        return patch
    result = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


class DirectorySite:
    """A directory cluster, edited by hand."""

    kind = "dir"

    def __init__(self, root: Path) -> None:
        self.root = root
        self.namespace = "shop"
        self.cluster = f"dir:{root}"
        self.env: dict[str, str] = {}

    def path(self, kind: str, name: str, namespace: str = "") -> Path:
        """Return where an object's file is."""
        group = GROUPS.get(kind, f"{ESO}/v1").rpartition("/")[0]
        folder = f"{PLURALS[kind]}.{group}" if group else PLURALS[kind]
        scope = "_cluster" if kind in CLUSTER_SCOPED else namespace or self.namespace
        return self.root / scope / folder / f"{name}.yaml"

    def put(self, obj: dict[str, Any]) -> None:
        """Write an object's file, whole."""
        metadata = obj["metadata"]
        path = self.path(obj["kind"], metadata["name"], metadata.get("namespace", ""))
        secret = obj["kind"] == "Secret"
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if secret else 0o755)
        new = path.with_name(f".edit-{uuid.uuid4().hex}")
        new.touch(mode=0o600 if secret else 0o644)
        new.write_text(yaml.dump(obj, Dumper=yaml.CSafeDumper))
        new.replace(path)

    def get(self, kind: str, name: str, namespace: str = "") -> dict[str, Any] | None:
        """Return what a file holds, None where there is none."""
        try:
            text = self.path(kind, name, namespace).read_text()
        except FileNotFoundError:
            return None
        return yaml.load(text, Loader=yaml.CSafeLoader)

    def patch(self, kind: str, name: str, patch: dict[str, Any]) -> None:
        """Change a file as an editor does."""
        found = self.get(kind, name)
        assert found is not None, f"{kind} {name} is not there"
        self.put(merged(found, patch))

    def delete(self, kind: str, name: str) -> None:
        """Remove a file."""
        self.path(kind, name).unlink()

    def names(self, kind: str) -> list[str]:
        """Return the names of the objects in the namespace."""
        return sorted(file.stem for file in self.path(kind, "x").parent.glob("[!.]*.yaml"))

    def secrets(self) -> dict[str, dict[str, Any]]:
        """Return the managed Secrets of the namespace by name."""
        found = {name: self.get("Secret", name) for name in self.names("Secret")}
        return {name: obj for name, obj in found.items() if obj is not None}

    def events(self) -> list[dict[str, Any]]:
        """Return the recorded events."""
        try:
            text = (self.root / ".secretsync" / "events.jsonl").read_text()
        except FileNotFoundError:
            return []
        # Of a line that is just being written, a part may be there.
        return [json.loads(line) for line in text.split("\n")[:-1]]

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield everything that may be read, but the data of Secrets."""
        for file in self.root.rglob("*"):
            if not file.is_file() or file.name == "install-key":
                continue
            if file.parent.name == "secrets":
                obj = yaml.load(file.read_text(), Loader=yaml.CSafeLoader) or {}
                yield str(file), json.dumps({**obj, "data": None}, default=str)
            else:
                yield str(file), file.read_text(errors="replace")


class KubeSite:
    """A namespace of the test API server.

    Args:
        front: the way that the service takes to it; None for the direct one.
    """

    kind = "kube"

    def __init__(self, server: KubeServer, namespace: str, front: KubeFront | None) -> None:
        self.server = server
        self.admin = server.admin
        self.namespace = namespace
        self.cluster = "kube"
        self.front = front
        kubeconfig = front.kubeconfig if front else server.kubeconfig
        self.env = {"KUBECONFIG": str(kubeconfig), "POD_NAMESPACE": namespace}

    def path(self, kind: str, name: str = "", namespace: str = "", version: str = "v1") -> str:
        """Return the path of an object or, without a name, of all of its kind."""
        group = GROUPS.get(kind, f"{ESO}/{version}")
        root = "/api/v1" if group == "v1" else f"/apis/{group}"
        scope = "" if kind in CLUSTER_SCOPED else f"/namespaces/{namespace or self.namespace}"
        return f"{root}{scope}/{PLURALS[kind]}" + (f"/{name}" if name else "")

    def put(self, obj: dict[str, Any]) -> None:
        """Apply an object."""
        metadata = obj["metadata"]
        namespace = metadata.get("namespace", "")
        version = obj["apiVersion"].rpartition("/")[2]
        path = self.path(obj["kind"], metadata["name"], namespace, version)
        query = "?fieldManager=a-person&force=true"
        self.admin.request("PATCH", path + query, obj, content_type="application/apply-patch+yaml")

    def get(self, kind: str, name: str, namespace: str = "") -> dict[str, Any] | None:
        """Return an object, None where it is absent."""
        try:
            return self.admin.request("GET", self.path(kind, name, namespace))
        except KubeRequestError as exc:
            if exc.status != 404:
                raise
            return None

    def patch(self, kind: str, name: str, patch: dict[str, Any]) -> None:
        """Merge-patch an object as a person does."""
        path = self.path(kind, name) + "?fieldManager=a-person"
        self.admin.request("PATCH", path, patch, content_type=MERGE_PATCH)

    def delete(self, kind: str, name: str) -> None:
        """Delete an object."""
        self.admin.request("DELETE", self.path(kind, name))

    def names(self, kind: str) -> list[str]:
        """Return the names of the objects in the namespace."""
        items = self.admin.request("GET", self.path(kind))["items"]
        return sorted(item["metadata"]["name"] for item in items)

    def secrets(self) -> dict[str, dict[str, Any]]:
        """Return the managed Secrets of the namespace by name."""
        query = f"?labelSelector={MANAGED}%3Dtrue"
        items = self.admin.request("GET", self.path("Secret") + query)["items"]
        return {item["metadata"]["name"]: item for item in items}

    def events(self) -> list[dict[str, Any]]:
        """Return the recorded events."""
        items = self.admin.request("GET", f"/api/v1/namespaces/{self.namespace}/events")["items"]
        return [{**item, "name": item["involvedObject"].get("name", "")} for item in items]

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield everything that may be read, but the data of Secrets."""
        for kind in PLURALS:
            for item in self.admin.request("GET", self.path(kind))["items"]:
                name = f"{kind} {item['metadata']['name']}"
                shown = {**item, "data": None} if kind == "Secret" else item
                yield name, json.dumps(shown)
        yield "events", json.dumps(self.events())


Site = DirectorySite | KubeSite


def clean(server: KubeServer) -> None:
    """Remove the custom resources of any namespace, and the Secrets of ExternalSecrets.

    The service watches the whole server, which tests share.
    """
    admin = server.admin
    for kind, plural in (
        # Makers first, or they would make their children anew.
        ("ClusterExternalSecret", "clusterexternalsecrets"),
        ("ClusterPushSecret", "clusterpushsecrets"),
        ("PushSecret", "pushsecrets"),
        ("ExternalSecret", "externalsecrets"),
        ("SecretStore", "secretstores"),
        ("ClusterSecretStore", "clustersecretstores"),
    ):
        group = f"/apis/{GROUPS.get(kind, f'{ESO}/v1')}"
        for item in admin.request("GET", f"{group}/{plural}")["items"]:
            metadata = item["metadata"]
            scope = "" if kind in CLUSTER_SCOPED else f"/namespaces/{metadata['namespace']}"
            path = f"{group}{scope}/{plural}/{metadata['name']}"
            with contextlib.suppress(KubeRequestError):
                if metadata.get("finalizers"):
                    patch = {"metadata": {"finalizers": None}}
                    admin.request("PATCH", path, patch, content_type=MERGE_PATCH)
                admin.request("DELETE", path)
    sealed = f"/apis/{SEALED}/v1alpha1"
    for item in admin.request("GET", f"{sealed}/sealedsecrets")["items"]:
        metadata = item["metadata"]
        path = f"{sealed}/namespaces/{metadata['namespace']}/sealedsecrets/{metadata['name']}"
        with contextlib.suppress(KubeRequestError):
            admin.request("DELETE", path)
    managed = admin.request("GET", f"/api/v1/secrets?labelSelector={MANAGED}%3Dtrue")["items"]
    for namespace in {item["metadata"]["namespace"] for item in managed}:
        path = f"/api/v1/namespaces/{namespace}/secrets?labelSelector={MANAGED}%3Dtrue"
        admin.request("DELETE", path)
