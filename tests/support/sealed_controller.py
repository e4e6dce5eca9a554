"""The real Sealed Secrets controller, beside a test's API server.

It runs as a ServiceAccount with the rights that its own manifests give it, over TLS
that it verifies; tests/tools/README.md says what its build differs in. What tests put
into the cluster for it, or for ours, is tests/support/sealed_objects.py.
"""

from __future__ import annotations

import contextlib
import http
import http.client
import time
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from examples.ports import free_port
from tests.support.kube import KubeServer
from tests.support.kube_admin import KubeRequestError
from tests.support.kube_certs import write_private
from tests.support.kube_process import ChildProcess
from tests.support.kube_waits import granted
from tests.support.tools import tool_path

__all__ = ["KEY_SELECTOR", "SealedController"]

PROGRAM = "sealed-secrets-controller"
READY_WITHIN_S = 180.0
START_ATTEMPTS = 3
KEY_SELECTOR = "sealedsecrets.bitnami.com/sealed-secrets-key"

_SEALED = {"apiGroups": ["bitnami.com"]}
_CORE = {"apiGroups": [""]}
#: ClusterRole secrets-unsealer of its manifests.
UNSEALER_RULES = (
    {**_SEALED, "resources": ["sealedsecrets"], "verbs": ["get", "list", "watch"]},
    {**_SEALED, "resources": ["sealedsecrets/status"], "verbs": ["update"]},
    {
        **_CORE,
        "resources": ["secrets"],
        "verbs": ["get", "list", "create", "update", "delete", "watch"],
    },
    {**_CORE, "resources": ["events"], "verbs": ["create", "patch"]},
    {**_CORE, "resources": ["namespaces"], "verbs": ["get"]},
)
#: Role sealed-secrets-key-admin, in its own namespace.
KEY_ADMIN_RULES = ({**_CORE, "resources": ["secrets"], "verbs": ["create", "list"]},)


class SealedController:
    """One controller process; start it again after stop() and it has the same account.

    It watches its own namespace alone unless told otherwise: the API server is shared
    with tests whose SealedSecrets are not for it.

    Args:
        server: a started API server that serves the SealedSecret CRD.
        folder: an empty folder of its own: account, log.
        namespace: where its keys are; must exist.
        address: where its HTTP servers listen.
        flags: of the program, `max_unseal_retries="1"` for `--max-unseal-retries=1`.
    """

    def __init__(
        self,
        server: KubeServer,
        folder: Path,
        namespace: str,
        *,
        address: str = "127.0.0.1",
        **flags: str,
    ) -> None:
        self.namespace = namespace
        self.port = self._metrics_port = 0
        self._server = server
        self._folder = folder
        self._address = address
        # Without the client's own limit a matrix of a hundred objects takes seconds.
        self._flags = {"all_namespaces": "false", "kubeclient_qps": "-1", **flags}
        self._process: ChildProcess | None = None

    def start(self) -> None:
        """Start it and wait until it serves its certificate.

        Raises:
            RuntimeError: it does not come up; the message ends with its log.
        """
        self._make_account()
        for attempt in range(1, START_ATTEMPTS + 1):
            self.port, self._metrics_port = free_port(), free_port()
            self._process = ChildProcess(
                PROGRAM, self._command(), self._folder / "controller.log", env=self._environment()
            )
            if self._wait_ready(self._process):
                return
            self.stop()
            if "address already in use" not in self.log() or attempt == START_ATTEMPTS:
                break
        raise RuntimeError(f"no controller\n{self._process.log_tail()}")

    def stop(self, *, kill: bool = False) -> None:
        """End it; nothing happens where it does not run."""
        if self._process is not None:
            self._process.stop(kill=kill)

    @property
    def pid(self) -> int:
        """The process id, of the latest start."""
        assert self._process is not None, "not started"
        return self._process.pid

    def assert_alive(self) -> None:
        """Fail with the end of its log where it has ended."""
        assert self._process is not None, "not started"
        assert self._process.is_running, self._process.log_tail()

    def log(self) -> str:
        """All that it has said, of earlier starts too."""
        return (self._folder / "controller.log").read_text(errors="replace")

    def cert_pem(self) -> bytes:
        """The certificate that it hands out for sealing."""
        status, body = self.request("GET", "/v1/cert.pem")
        assert status == http.HTTPStatus.OK, body
        return body

    def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Ask its HTTP server; return status and body."""
        connection = http.client.HTTPConnection(self._address, self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, body=body or None)
            response = connection.getresponse()
            return response.status, response.read()

    def key_secrets(self) -> list[dict[str, Any]]:
        """The Secrets of its active keys."""
        selector = urllib.parse.quote(f"{KEY_SELECTOR}=active")
        path = f"/api/v1/namespaces/{self.namespace}/secrets?labelSelector={selector}"
        items = self._server.admin.request("GET", path)["items"]
        # A list leaves out what each item is, and readers of a file want to know.
        return [{"apiVersion": "v1", "kind": "Secret", **item} for item in items]

    def _command(self) -> list[str | Path]:
        flags = {name.replace("_", "-"): text for name, text in self._flags.items()}
        return [
            tool_path(PROGRAM),
            f"--listen-addr={self._address}:{self.port}",
            f"--listen-metrics-addr={self._address}:{self._metrics_port}",
            *(f"--{name}={text}" for name, text in flags.items()),
        ]

    def _environment(self) -> Mapping[str, str]:
        api = urllib.parse.urlsplit(self._server.url)
        return {
            "POD_NAMESPACE": self.namespace,
            "TEST_SERVICE_ACCOUNT_FOLDER": str(self._folder),
            "KUBERNETES_SERVICE_HOST": api.hostname or "",
            "KUBERNETES_SERVICE_PORT": str(api.port),
        }

    def _make_account(self) -> None:
        """The ServiceAccount and its rights once, a fresh token each time."""
        admin = self._server.admin
        accounts = f"/api/v1/namespaces/{self.namespace}/serviceaccounts"
        subject = {"kind": "ServiceAccount", "name": PROGRAM, "namespace": self.namespace}
        try:
            admin.request("POST", accounts, {"metadata": {"name": PROGRAM}})
        except KubeRequestError as exc:
            if exc.status != http.HTTPStatus.CONFLICT:
                raise
        else:
            granted(admin, subject, UNSEALER_RULES)
            granted(admin, subject, KEY_ADMIN_RULES, self.namespace)
        token = admin.create_token(self.namespace, PROGRAM)
        write_private(self._folder / "token", token.encode())
        (self._folder / "ca.crt").write_bytes(self._server.ca.read_bytes())

    def _wait_ready(self, process: ChildProcess) -> bool:
        deadline = time.monotonic() + READY_WITHIN_S
        while process.is_running and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if self.request("GET", "/v1/cert.pem")[0] == http.HTTPStatus.OK:
                    return True
            # Its HTTP server does not end it where its port is taken.
            if "address already in use" in self.log():
                return False
            time.sleep(0.05)
        return False
