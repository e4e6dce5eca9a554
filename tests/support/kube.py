"""A real Kubernetes API for tests: etcd and kube-apiserver, RBAC and TLS on.

Everything lives in one folder and on free loopback ports; the programs come from
tests/tools. What tests prepare inside it is tests/support/kube_admin.py.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import ssl
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from examples.ports import free_port
from tests.support.kube_admin import KubeAdmin, KubeRequestError
from tests.support.kube_certs import (
    CertificateAuthority,
    private_pem,
    public_pem,
    write_private,
)
from tests.support.kube_process import ChildProcess
from tests.support.tools import tool_path

__all__ = ["CONTROLLERS", "KubeServer"]

READY_WITHIN_S = 180.0
START_ATTEMPTS = 3
HOSTS = ("127.0.0.1", "localhost", "kubernetes", "kubernetes.default.svc")
ADMIN = "test-admin"

#: What start_controller_manager() runs unless told otherwise.
CONTROLLERS = (
    "garbage-collector-controller",
    "namespace-controller",
    "resourcequota-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
)


class KubeServer:
    """One API server with its etcd.

    Args:
        folder: an empty folder of its own.
        apiserver_flags: further flags of kube-apiserver; a later flag wins.
    """

    def __init__(self, folder: Path, *, apiserver_flags: Sequence[str] = ()) -> None:
        self._folder = folder
        self._flags = tuple(apiserver_flags)
        self._authority = CertificateAuthority()
        self._etcd: ChildProcess | None = None
        self._apiserver: ChildProcess | None = None
        self._controllers: ChildProcess | None = None
        self._etcd_port = 0
        self._port = 0
        self._write_keys()

    @property
    def url(self) -> str:
        """`https://127.0.0.1:PORT`."""
        return f"https://127.0.0.1:{self._port}"

    @property
    def ca(self) -> Path:
        """The CA that signed the server's certificate and every user's."""
        return self._folder / "ca.crt"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's (group system:masters: RBAC does not bind it)."""
        return self._folder / f"{ADMIN}.kubeconfig"

    @property
    def admin(self) -> KubeAdmin:
        """Requests of the administrator."""
        context = ssl.create_default_context(cafile=str(self.ca))
        context.load_cert_chain(self._folder / "admin.crt", self._folder / "admin.key")
        return KubeAdmin(self.url, context)

    def start(self) -> None:
        """Start both programs and wait until the API is ready.

        Raises:
            RuntimeError: it does not come up; the message ends with its log.
        """
        for attempt in range(1, START_ATTEMPTS + 1):
            try:
                self._start_once()
            except _PortTakenError:
                # Ports are chosen before they are bound: another test may be faster.
                self.stop()
                if attempt == START_ATTEMPTS:
                    raise
            except BaseException:
                self.stop()
                raise
            else:
                return

    def stop(self) -> None:
        """End all programs and remove what they stored."""
        for child in (self._controllers, self._apiserver, self._etcd):
            if child is not None:
                # What they hold is thrown away: there is nothing to finish.
                child.stop(kill=True)
        self._controllers = self._apiserver = self._etcd = None
        shutil.rmtree(self._folder / "etcd", ignore_errors=True)

    def stop_apiserver(self, *, kill: bool = False) -> None:
        """End kube-apiserver only; the state stays in etcd."""
        self._running(self._apiserver).stop(kill=kill)

    def start_apiserver(self) -> None:
        """Start kube-apiserver again, at the same address, and wait until it is ready."""
        self._apiserver = ChildProcess(
            "kube-apiserver", self._apiserver_command(), self._folder / "apiserver.log"
        )
        self._wait_ready(self._apiserver)

    def restart(self, *, kill: bool = False) -> None:
        """Stop and start kube-apiserver."""
        self.stop_apiserver(kill=kill)
        self.start_apiserver()

    def pause(self) -> None:
        """Freeze kube-apiserver: connections stay open, nothing answers."""
        self._running(self._apiserver).pause()

    def resume(self) -> None:
        """Undo pause()."""
        self._running(self._apiserver).resume()

    def compact(self) -> None:
        """Forget the history: every older resource version is too old from now on."""
        status = self._etcd_call("/v3/maintenance/status", {})
        self._etcd_call("/v3/kv/compaction", {"revision": status["header"]["revision"]})

    def start_controller_manager(self, controllers: Sequence[str] = CONTROLLERS) -> None:
        """Run kube-controller-manager with these controllers, once per server."""
        if self._controllers is not None:
            return
        self._controllers = ChildProcess(
            "kube-controller-manager",
            [
                tool_path("kube-controller-manager"),
                f"--kubeconfig={self.kubeconfig}",
                f"--controllers={','.join(controllers)}",
                f"--service-account-private-key-file={self._folder / 'service-account.key'}",
                f"--root-ca-file={self.ca}",
                "--leader-elect=false",
                "--secure-port=0",
            ],
            self._folder / "controllers.log",
        )
        if "serviceaccount-controller" in controllers:
            self._wait_for_default_account(self._controllers)

    def stop_controller_manager(self) -> None:
        """End kube-controller-manager, if it runs."""
        if self._controllers is not None:
            self._controllers.stop(kill=True)
            self._controllers = None

    @contextlib.contextmanager
    def controller_manager(self, controllers: Sequence[str] = CONTROLLERS) -> Iterator[None]:
        """Run kube-controller-manager for a while: tests that share the server do not expect it."""
        self.start_controller_manager(controllers)
        try:
            yield
        finally:
            self.stop_controller_manager()

    def user_kubeconfig(self, name: str, groups: Sequence[str] = ()) -> Path:
        """Write a kubeconfig (0600) whose client certificate names a user."""
        certificate, key = self._authority.issue_client(name, groups)
        user = {"client-certificate-data": _b64(certificate), "client-key-data": _b64(key)}
        return self._write_kubeconfig(name, user)

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """Write a kubeconfig (0600) with a fresh token of a ServiceAccount."""
        token = self.admin.create_token(namespace, name)
        return self._write_kubeconfig(f"{namespace}.{name}", {"token": token}, namespace)

    def _start_once(self) -> None:
        self._etcd_port, self._port = free_port(), free_port()
        self.user_kubeconfig(ADMIN, ["system:masters"])
        self._etcd = ChildProcess("etcd", self._etcd_command(), self._folder / "etcd.log")
        self.start_apiserver()

    def _write_keys(self) -> None:
        certificate, key = self._authority.issue_server(HOSTS)
        admin_certificate, admin_key = self._authority.issue_client(ADMIN, ["system:masters"])
        accounts = ec.generate_private_key(ec.SECP256R1())
        self.ca.write_bytes(self._authority.pem)
        for name, content in {
            "server.crt": certificate,
            "server.key": key,
            "admin.crt": admin_certificate,
            "admin.key": admin_key,
            "service-account.key": private_pem(accounts),
            "service-account.pub": public_pem(accounts),
        }.items():
            write_private(self._folder / name, content)

    def _etcd_command(self) -> list[str | Path]:
        client, peer = (f"http://127.0.0.1:{port}" for port in (self._etcd_port, free_port()))
        return [
            tool_path("etcd"),
            f"--data-dir={self._folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            # The data lives as long as the test: no power cut to survive.
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def _apiserver_command(self) -> list[str | Path]:
        folder = self._folder
        return [
            tool_path("kube-apiserver"),
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self._port}",
            f"--tls-cert-file={folder / 'server.crt'}",
            f"--tls-private-key-file={folder / 'server.key'}",
            f"--client-ca-file={self.ca}",
            f"--service-account-key-file={folder / 'service-account.pub'}",
            f"--service-account-signing-key-file={folder / 'service-account.key'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.0.0.0/24",
            f"--cert-dir={folder}",
            "--authorization-mode=RBAC",
            # Pods of tests name no ServiceAccount, and no controller makes one.
            "--disable-admission-plugins=ServiceAccount",
            # Nothing listens at the addresses that would be published.
            "--endpoint-reconciler-type=none",
            "--profiling=false",
            *self._flags,
        ]

    def _wait_ready(self, apiserver: ChildProcess) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            self._check_alive(apiserver)
            with contextlib.suppress(OSError, KubeRequestError):
                if self.admin.request("GET", "/readyz") == "ok":
                    return
            time.sleep(0.1)
        raise RuntimeError(f"no API server after {READY_WITHIN_S} s\n{apiserver.log_tail()}")

    def _wait_for_default_account(self, controllers: ChildProcess) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            self._check_alive(controllers)
            with contextlib.suppress(KubeRequestError):
                self.admin.request("GET", "/api/v1/namespaces/default/serviceaccounts/default")
                return
            time.sleep(0.1)
        raise RuntimeError(f"controllers do nothing\n{controllers.log_tail()}")

    def _check_alive(self, child: ChildProcess) -> None:
        for each in (self._running(self._etcd), child):
            if each.is_running:
                continue
            tail = each.log_tail()
            error = _PortTakenError if "address already in use" in tail else RuntimeError
            raise error(f"{each.name} ended\n{tail}")

    def _running(self, child: ChildProcess | None) -> ChildProcess:
        if child is None:
            raise RuntimeError("the server is not started")
        return child

    def _etcd_call(self, path: str, body: dict[str, object]) -> dict[str, dict[str, str]]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._etcd_port}{path}", data=json.dumps(body).encode()
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as response:
            answer: dict[str, dict[str, str]] = json.load(response)
            return answer

    def _write_kubeconfig(
        self, name: str, user: dict[str, str], namespace: str = "default"
    ) -> Path:
        cluster = {"server": self.url, "certificate-authority-data": _b64(self._authority.pem)}
        context = {"cluster": "test", "user": name, "namespace": namespace}
        path = self._folder / f"{name.replace(os.sep, '_').replace(':', '_')}.kubeconfig"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": context}],
            "current-context": name,
        }
        return write_private(path, json.dumps(config, indent=2).encode())


class _PortTakenError(RuntimeError):
    """Somebody else bound a port between choosing and using it."""


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode()
