"""SealedSecrets in a test's API server, whoever's controller makes Secrets of them.

Speaks as the administrator, so that a fault of the client under test cannot hide.
"""

from __future__ import annotations

import base64
import http
import time
from collections.abc import Mapping
from typing import Any

from tests.support.kube import KubeServer
from tests.support.kube_admin import KubeRequestError

__all__ = ["SealedObjects", "data_of"]

SYNCED_WITHIN_S = 120.0
MERGE = "application/merge-patch+json"


def data_of(secret: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the decoded data of a Secret; null, as kubeseal writes for empty, is empty."""
    data = secret.get("data") or {}
    return {key: base64.b64decode(text or "") for key, text in data.items()}


class SealedObjects:
    """The SealedSecrets of one namespace and what became of them."""

    def __init__(self, server: KubeServer, namespace: str) -> None:
        self.namespace = namespace
        self._admin = server.admin

    def put(self, sealed: Mapping[str, Any]) -> dict[str, Any]:
        """Create a SealedSecret, or replace its spec and metadata; return what is stored.

        Its own namespace is not looked at: it goes into this one.
        """
        body = {**sealed, "metadata": {**sealed["metadata"], "namespace": self.namespace}}
        name = body["metadata"]["name"]
        try:
            stored = self._admin.request("POST", self._sealed(), body)
        except KubeRequestError as exc:
            if exc.status != http.HTTPStatus.CONFLICT:
                raise
            now = self._admin.request("GET", self._sealed(name))
            body["metadata"]["resourceVersion"] = now["metadata"]["resourceVersion"]
            stored = self._admin.request("PUT", self._sealed(name), body)
        return dict(stored)

    def delete(self, name: str) -> None:
        """Delete a SealedSecret; what becomes of its Secret is the garbage collector's."""
        self._admin.request("DELETE", self._sealed(name))

    def get(self, name: str) -> dict[str, Any] | None:
        """Return a SealedSecret, None where there is none."""
        return self._get(self._sealed(name))

    def put_secret(self, secret: Mapping[str, Any]) -> None:
        """Create a Secret by hand."""
        self._admin.request("POST", self._secret(), secret)

    def patch_secret(self, name: str, patch: Mapping[str, Any]) -> None:
        """Change a Secret by hand."""
        self._admin.request("PATCH", self._secret(name), patch, content_type=MERGE)

    def delete_secret(self, name: str) -> None:
        """Delete a Secret by hand."""
        self._admin.request("DELETE", self._secret(name))

    def secret(self, name: str) -> dict[str, Any] | None:
        """Return a Secret, None where there is none."""
        return self._get(self._secret(name))

    def secret_versions(self) -> dict[str, str]:
        """Return name → what changes when the Secret is written, of all in the namespace."""
        items = self._admin.request("GET", self._secret())["items"]
        return {
            item["metadata"]["name"]: f"{item['metadata']['uid']} "
            f"{item['metadata']['resourceVersion']}"
            for item in items
        }

    def condition(self, name: str) -> dict[str, Any]:
        """Return the condition Synced of the present spec, {} where there is none yet."""
        sealed = self.get(name) or {}
        status = sealed.get("status") or {}
        if status.get("observedGeneration") != sealed.get("metadata", {}).get("generation"):
            return {}
        conditions = status.get("conditions") or []
        return next((each for each in conditions if each["type"] == "Synced"), {})

    def wait_condition(self, name: str, status: str) -> dict[str, Any]:
        """Wait until the present spec is Synced or not ("True", "False")."""
        deadline = time.monotonic() + SYNCED_WITHIN_S
        while (found := self.condition(name)).get("status") != status:
            assert time.monotonic() < deadline, f"{name}: not {status} but {found}"
            time.sleep(0.03)
        return found

    def unsealed(self, sealed: Mapping[str, Any]) -> dict[str, Any]:
        """Put a SealedSecret in and return the Secret that becomes of it."""
        name = self.put(sealed)["metadata"]["name"]
        self.wait_condition(name, "True")
        secret = self.secret(name)
        assert secret is not None, f"{name} is Synced without a Secret"
        return secret

    def refused(self, sealed: Mapping[str, Any]) -> str:
        """Put a SealedSecret in that must not become a Secret; return the message."""
        name = self.put(sealed)["metadata"]["name"]
        message: str = self.wait_condition(name, "False").get("message", "")
        assert self.secret(name) is None, f"{name} is refused and has a Secret"
        return message

    def wait_event(self, name: str, type_: str, reason: str) -> dict[str, Any]:
        """Wait for an event about a SealedSecret: it is written beside the status."""
        deadline = time.monotonic() + SYNCED_WITHIN_S
        while True:
            events = self.events(name)
            for event in events:
                if (event["type"], event["reason"]) == (type_, reason):
                    return event
            assert time.monotonic() < deadline, f"{name}: no {type_} {reason} in {events}"
            time.sleep(0.03)

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the events about a SealedSecret."""
        items = self._admin.request("GET", f"/api/v1/namespaces/{self.namespace}/events")["items"]
        about = (item for item in items if item["involvedObject"]["kind"] == "SealedSecret")
        return [item for item in about if item["involvedObject"]["name"] == name]

    def _get(self, path: str) -> dict[str, Any] | None:
        try:
            return dict(self._admin.request("GET", path))
        except KubeRequestError as exc:
            if exc.status != http.HTTPStatus.NOT_FOUND:
                raise
            return None

    def _sealed(self, name: str = "") -> str:
        folder = f"/apis/bitnami.com/v1alpha1/namespaces/{self.namespace}/sealedsecrets"
        return f"{folder}/{name}" if name else folder

    def _secret(self, name: str = "") -> str:
        folder = f"/api/v1/namespaces/{self.namespace}/secrets"
        return f"{folder}/{name}" if name else folder
