"""An OpenBao of one's own: the real server in its development mode, in memory."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from examples.children import serving
from examples.ports import free_port

__all__ = ["EmbeddedOpenBao", "embedded_openbao"]

#: Development mode mounts a KV engine of version 2 there.
MOUNT = "secret"


@dataclass(frozen=True, slots=True)
class EmbeddedOpenBao:
    """A running server and its root token."""

    url: str
    token: str = field(repr=False)

    def put(self, path: str, properties: Mapping[str, str]) -> None:
        """Write a secret, or a new version of it."""
        self._ask("POST", f"/v1/{MOUNT}/data/{path}", {"data": dict(properties)})

    def is_ready(self) -> bool:
        """Return whether its KV engine can be used."""
        try:
            self._ask("GET", f"/v1/{MOUNT}/config")
        except urllib.error.HTTPError:
            return False
        return True

    def _ask(self, method: str, path: str, body: object = None) -> None:
        request = urllib.request.Request(  # noqa: S310 - a URL of loopback
            self.url + path,
            None if body is None else json.dumps(body).encode(),
            {"X-Vault-Token": self.token},
            method=method,
        )
        # Loopback is asked directly, whatever proxy the environment names.
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()


@contextlib.contextmanager
def embedded_openbao() -> Iterator[EmbeddedOpenBao]:
    """Serve until the block ends."""
    port = free_port()
    server = EmbeddedOpenBao(f"http://127.0.0.1:{port}", secrets.token_urlsafe(24))
    command = [
        _program(),
        "server",
        "-dev",
        "-dev-no-store-token",
        f"-dev-listen-address=127.0.0.1:{port}",
    ]
    # In the environment: arguments are shown to everybody on the machine.
    with serving(command, port, env={"BAO_DEV_ROOT_TOKEN_ID": server.token}):
        _await_engine(server)
        yield server


def _await_engine(server: EmbeddedOpenBao) -> None:
    for _ in range(300):
        if server.is_ready():
            return
        time.sleep(0.1)
    raise RuntimeError("OpenBao mounts no KV engine")


def _program() -> str:
    beside = Path(sys.executable).parent / "bao"
    found = str(beside) if beside.exists() else shutil.which("bao")
    if not found:
        sys.exit("bao is not installed; `make setup` brings it")
    return found
