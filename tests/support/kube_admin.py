"""What tests prepare in a test API server as its administrator.

Speaks HTTP by the standard library alone, so that a fault of the client under
test cannot hide in the preparation.
"""

from __future__ import annotations

import http.client
import json
import ssl
import time
import urllib.parse
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

__all__ = ["KubeAdmin", "KubeRequestError", "once_admitted"]

ESTABLISHED_WITHIN_S = 120.0
REQUEST_TIMEOUT_S = 90.0
BUSY_WITHIN_S = 120.0
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
RBAC = "/apis/rbac.authorization.k8s.io/v1"

_Answer = TypeVar("_Answer")


def once_admitted(ask: Callable[[], _Answer], status: Callable[[_Answer], int]) -> _Answer:
    """Return the first answer of a server that has time for one; 429 asks to come back.

    Args:
        status: tells it of an answer.
    """
    deadline_s = time.monotonic() + BUSY_WITHIN_S
    while True:
        answer = ask()
        busy = status(answer) == http.HTTPStatus.TOO_MANY_REQUESTS
        if not busy or time.monotonic() > deadline_s:
            return answer
        time.sleep(0.5)


class KubeRequestError(Exception):
    """The API server refused what a test prepares."""

    def __init__(self, what: str, status: int, body: str) -> None:
        super().__init__(f"{what}: HTTP {status}: {body[:2000]}")
        self.status = status


class KubeAdmin:
    """Administrator's requests to one API server."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        self._address = urllib.parse.urlsplit(url).netloc
        self._context = context

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        content_type: str = "application/json",
    ) -> Any:
        """Return the decoded answer (text where it is not JSON).

        A server that has just started asks to come back while it looks at its storage.

        Raises:
            KubeRequestError: the status is 400 or more.
            OSError: the server does not answer.
        """
        status, text = once_admitted(
            lambda: self._exchange(method, path, body, content_type), lambda answer: answer[0]
        )
        if status >= http.HTTPStatus.BAD_REQUEST:
            raise KubeRequestError(f"{method} {path}", status, text)
        return json.loads(text) if text.startswith(("{", "[")) else text

    def _exchange(
        self, method: str, path: str, body: Mapping[str, Any] | None, content_type: str
    ) -> tuple[int, str]:
        connection = http.client.HTTPSConnection(
            self._address, context=self._context, timeout=REQUEST_TIMEOUT_S
        )
        try:
            connection.request(
                method,
                path,
                body=None if body is None else json.dumps(body),
                headers={"Content-Type": content_type},
            )
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def create_namespace(self, prefix: str = "test") -> str:
        """Create a namespace of an unused name and return that name."""
        name = f"{prefix}-{uuid.uuid4().hex[:10]}"
        self.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        return name

    def grant(
        self, subject: Mapping[str, str], rules: Sequence[Mapping[str, Any]], namespace: str = ""
    ) -> None:
        """Bind RBAC rules to a subject, in one namespace or ("") in all.

        Args:
            subject: for example {"kind": "User", "name": "ann"}; a ServiceAccount
                needs its namespace.
            rules: PolicyRules of a Role.
            namespace: "" binds them cluster-wide.
        """
        scope = "" if namespace else "Cluster"
        folder = f"{RBAC}/namespaces/{namespace}" if namespace else RBAC
        name = f"test-{uuid.uuid4().hex[:10]}"
        group = "" if subject["kind"] == "ServiceAccount" else "rbac.authorization.k8s.io"
        metadata = {"metadata": {"name": name}}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": f"{scope}Role", "name": name}
        binding = {"subjects": [{"apiGroup": group, **subject}], "roleRef": role}
        self.request("POST", f"{folder}/{scope.lower()}roles", {**metadata, "rules": [*rules]})
        self.request("POST", f"{folder}/{scope.lower()}rolebindings", {**metadata, **binding})

    def create_token(self, namespace: str, service_account: str) -> str:
        """Issue a token of one hour for a ServiceAccount that exists."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token"
        answer = self.request("POST", path, {"spec": {"expirationSeconds": 3600}})
        token: str = answer["status"]["token"]
        return token

    def install_crds(self, source: Path) -> list[str]:
        """Create the CRDs of a YAML file or folder and wait until they are served.

        Returns:
            Their names. One that is there already is left as it is.
        """
        files = sorted(source.rglob("*.yaml")) if source.is_dir() else [source]
        texts = [file.read_text() for file in files]
        documents = [doc for text in texts for doc in yaml.load_all(text, yaml.CSafeLoader)]
        names = [
            self._create_crd(document)
            for document in documents
            if document and document.get("kind") == "CustomResourceDefinition"
        ]
        if not names:
            raise ValueError(f"{source}: no CustomResourceDefinition in it")
        for name in names:
            self._wait_established(name)
        return names

    def _create_crd(self, crd: Mapping[str, Any]) -> str:
        try:
            self.request("POST", CRDS, crd)
        except KubeRequestError as exc:
            if exc.status != http.HTTPStatus.CONFLICT:
                raise
        name: str = crd["metadata"]["name"]
        return name

    def _wait_established(self, name: str) -> None:
        deadline = time.monotonic() + ESTABLISHED_WITHIN_S
        while time.monotonic() < deadline:
            crd = self.request("GET", f"{CRDS}/{name}")
            conditions = crd.get("status", {}).get("conditions") or []
            established = {"Established"} & {c["type"] for c in conditions if c["status"] == "True"}
            if established and self._is_served(crd):
                return
            time.sleep(0.05)
        raise TimeoutError(f"{name} is not served after {ESTABLISHED_WITHIN_S} s")

    def _is_served(self, crd: Mapping[str, Any]) -> bool:
        """Established is said a moment before the paths answer."""
        spec = crd["spec"]
        versions = [v["name"] for v in spec["versions"] if v["served"]]
        try:
            for version in versions:
                plural = spec["names"]["plural"]
                self.request("GET", f"/apis/{spec['group']}/{version}/{plural}?limit=1")
        except KubeRequestError as exc:
            if exc.status != http.HTTPStatus.NOT_FOUND:
                raise
            return False
        return True
