"""What the tests of deploy/ ask a real API server, over plain HTTPS.

`tests.support.kube` starts the server; this adds server-side apply as `kubectl`
sends it (strict about unknown fields) and the Table form that `kubectl get` prints.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.kube_admin import once_admitted

__all__ = ["GROUP", "Answer", "Api", "load_manifests"]

GROUP = "/apis/external-secrets.io"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
SERVED_WITHIN_S = 120.0
REQUEST_TIMEOUT_S = 90.0


def load_manifests(path: Path) -> list[dict[str, Any]]:
    """Return every document of a YAML file."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, decoded body and Warning headers of one request."""

    status: int
    body: dict[str, Any]
    warnings: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """What the server says about a refusal."""
        return str(self.body.get("message", ""))


class Api:
    """Requests of a kubeconfig's user (client certificate) to its API server.

    Args:
        folder: where the certificate is unpacked for the TLS library.
    """

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        pem = folder / "client.pem"
        pem.touch(mode=0o600)
        names = ("client-certificate-data", "client-key-data")
        pem.write_bytes(b"".join(base64.b64decode(user[name]) for name in names))
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._context = ssl.create_default_context(cadata=authority)
        self._context.load_cert_chain(pem)
        self._address = urllib.parse.urlsplit(cluster["server"]).netloc

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Answer:
        """Return the answer whatever its status is, once the server has time for one."""
        return once_admitted(
            lambda: self._exchange(method, path, body, content_type, accept),
            lambda answer: answer.status,
        )

    def _exchange(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        content_type: str,
        accept: str,
    ) -> Answer:
        connection = http.client.HTTPSConnection(
            self._address, context=self._context, timeout=REQUEST_TIMEOUT_S
        )
        try:
            text = None if body is None else json.dumps(body)
            headers = {"Content-Type": content_type, "Accept": accept}
            connection.request(method, path, body=text, headers=headers)
            response = connection.getresponse()
            warnings = response.headers.get_all("Warning") or []
            raw = response.read()
            # Paths that are not served yet answer in plain text.
            decoded = json.loads(raw) if raw.startswith(b"{") else {"message": raw.decode()}
            return Answer(response.status, decoded, tuple(warnings))
        finally:
            connection.close()

    def apply(self, path: str, obj: Mapping[str, Any], *, dry_run: bool = False) -> Answer:
        """Apply server-side; an unknown field is an error."""
        query = "?fieldManager=deploy-tests&force=true&fieldValidation=Strict"
        query += "&dryRun=All" if dry_run else ""
        return self.request("PATCH", path + query, obj, content_type="application/apply-patch+yaml")

    def table(self, path: str) -> tuple[list[str], list[list[Any]]]:
        """Return the column names and the rows of a list."""
        answer = self.request("GET", path, accept=TABLE)
        assert answer.status == http.HTTPStatus.OK, answer
        body = answer.body
        columns = [column["name"] for column in body["columnDefinitions"]]
        return columns, [row["cells"] for row in body["rows"]]

    def install_crd(self, crd: Mapping[str, Any]) -> Answer:
        """Apply a CRD and wait until each of its served versions answers."""
        answer = self.apply(f"{CRDS}/{crd['metadata']['name']}", crd)
        deadline = time.monotonic() + SERVED_WITHIN_S
        while answer.status < http.HTTPStatus.BAD_REQUEST and not self._is_served(crd):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{crd['metadata']['name']} is not served")
            time.sleep(0.05)
        return answer

    def conditions(self, crd_name: str) -> dict[str, str]:
        """Return the conditions of a CRD: type to status."""
        status = self.request("GET", f"{CRDS}/{crd_name}").body.get("status", {})
        # A new CRD has `conditions: null` until the server has looked at it.
        return {each["type"]: each["status"] for each in status.get("conditions") or []}

    def _is_served(self, crd: Mapping[str, Any]) -> bool:
        spec = crd["spec"]
        versions = [each["name"] for each in spec["versions"] if each["served"]]
        paths = [f"/apis/{spec['group']}/{each}/{spec['names']['plural']}" for each in versions]
        established = self.conditions(crd["metadata"]["name"]).get("Established") == "True"
        return established and all(self.request("GET", path).status == 200 for path in paths)
