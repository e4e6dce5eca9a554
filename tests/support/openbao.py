"""A real OpenBao server for tests: TLS with its own authority, storage in memory.

One for the worker process, started at the first use; each test takes an engine, a
namespace or a login method of its own. Neighbour: `openbao_front` stands before it where
a test counts or spoils requests.
"""

from __future__ import annotations

import atexit
import functools
import http.client
import itertools
import json
import shutil
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from examples.ports import free_port
from tests.support.kube_certs import CertificateAuthority, write_private
from tests.support.kube_process import ChildProcess

__all__ = ["Bao", "BaoError", "shared_bao"]

READY_WITHIN_S = 180.0
START_ATTEMPTS = 3
HOSTS = ("127.0.0.1", "localhost")


class BaoError(Exception):
    """The server refused what a test asked as administrator."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class Bao:
    """One server and its administrator.

    Args:
        folder: an empty folder of its own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.authority = CertificateAuthority()
        self._port = 0
        self._process: ChildProcess | None = None
        self._numbers = itertools.count(1)
        self._context = ssl.create_default_context(cadata=self.authority.pem.decode())
        self._connections = threading.local()
        self.root_token = ""

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._port}"

    @property
    def ca_pem(self) -> bytes:
        return self.authority.pem

    def start(self) -> None:
        """Start, initialize and unseal it."""
        certificate, key = self.authority.issue_server(HOSTS)
        (self._folder / "server.crt").write_bytes(certificate)
        write_private(self._folder / "server.key", key)
        for attempt in range(START_ATTEMPTS):
            self._port = free_port()
            self._process = ChildProcess(
                "bao",
                [_program(), "server", f"-config={self._config()}"],
                self._folder / f"bao-{attempt}.log",
            )
            if self._is_up():
                break
        else:
            raise AssertionError("OpenBao does not start")
        made = self.ask("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
        self.root_token = made["root_token"]
        self.ask("PUT", "sys/unseal", {"key": made["keys"][0]})
        _await(lambda: self.ask("GET", "sys/health"))

    def stop(self) -> None:
        """End it and wait for that."""
        if self._process is not None:
            self._process.stop()

    def ask(
        self, method: str, path: str, body: object = None, *, namespace: str = "", token: str = ""
    ) -> dict[str, Any]:
        """Ask as administrator, or with another token.

        Raises:
            BaoError: the server refuses.
        """
        status, text = self.raw(
            method,
            f"/v1/{path}",
            {
                "X-Vault-Token": token or self.root_token,
                **({"X-Vault-Namespace": namespace} if namespace else {}),
            },
            b"" if body is None else json.dumps(body).encode(),
        )[::2]
        if status >= 400:
            raise BaoError(status, text.decode())
        found: dict[str, Any] = json.loads(text) if text.strip() else {}
        return found

    def raw(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request over this thread's connection; return status, headers, body."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self._port, context=self._context, timeout=30
        )
        try:
            connection.request(method, path, body=body or None, headers=dict(headers))
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def unique(self, prefix: str) -> str:
        """Return a name that nobody else of this process has."""
        return f"{prefix}-{next(self._numbers)}"

    def engine(self, version: int = 2, *, namespace: str = "") -> str:
        """Mount a KV engine of the test's own; return its path."""
        mount = self.unique("kv")
        options = {"type": "kv", "options": {"version": str(version)}}
        self.ask("POST", f"sys/mounts/{mount}", options, namespace=namespace)
        if version > 1:
            # A new engine upgrades itself first, and refuses everything until then.
            _await(lambda: self.ask("GET", f"{mount}/config", namespace=namespace))
        return mount

    def policy(self, rules: Mapping[str, Sequence[str]], name: str = "") -> str:
        """Write a policy: capabilities per path; return its name."""
        name = name or self.unique("policy")
        text = json.dumps({"path": {path: {"capabilities": [*can]} for path, can in rules.items()}})
        self.ask("PUT", f"sys/policies/acl/{name}", {"policy": text})
        return name

    def token(self, *policies: str, namespace: str = "", **options: Any) -> str:
        """Issue a token."""
        made = self.ask(
            "POST",
            "auth/token/create",
            {"policies": policies, "ttl": "1h", **options},
            namespace=namespace,
        )
        return str(made["auth"]["client_token"])

    def method(self, kind: str, *, namespace: str = "") -> str:
        """Enable a login method of the test's own; return its path."""
        path = self.unique(kind)
        self.ask("POST", f"sys/auth/{path}", {"type": kind}, namespace=namespace)
        return path

    def namespace(self) -> str:
        """Make a namespace of the test's own."""
        name = self.unique("ns")
        self.ask("POST", f"sys/namespaces/{name}", {})
        return name

    def lives(self, token: str) -> bool:
        """Return whether a token is valid."""
        try:
            self.ask("POST", "auth/token/lookup", {"token": token})
        except BaoError as exc:
            if exc.status in (403, 404):
                return False
            raise
        return True

    def _config(self) -> Path:
        path = self._folder / "bao.json"
        path.write_text(
            json.dumps(
                {
                    "storage": {"inmem": {}},
                    "listener": {
                        "tcp": {
                            "address": f"127.0.0.1:{self._port}",
                            "tls_cert_file": str(self._folder / "server.crt"),
                            "tls_key_file": str(self._folder / "server.key"),
                        }
                    },
                    "api_addr": self.url,
                }
            )
        )
        return path

    def _is_up(self) -> bool:
        assert self._process is not None

        def asked() -> bool:
            try:
                self.raw("GET", "/v1/sys/seal-status", {}, b"")
            except OSError:
                return not self._process.is_running
            return True

        _await(asked)
        return self._process.is_running


def _await(condition: Any) -> None:
    ends = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            if condition():
                return
        except BaoError:
            pass
        if time.monotonic() > ends:
            raise AssertionError("OpenBao is not ready in time")
        time.sleep(0.05)


def _program() -> Path:
    beside = Path(sys.executable).parent / "bao"
    found = str(beside) if beside.exists() else shutil.which("bao")
    assert found, "bao is not installed; it comes with requirements.lock"
    return Path(found)


@functools.cache
def shared_bao() -> Bao:
    """Return the server of this process; it ends with the process."""
    folder = Path(tempfile.mkdtemp(prefix="openbao-"))
    bao = Bao(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(bao.stop)
    bao.start()
    return bao
