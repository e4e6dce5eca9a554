"""A moto server as a child process, and a bare client of AWS's JSON protocol.

Neighbour: `aws_front` puts AWS's own limits before moto. Tests of one process share
one server (`shared_moto`); an account of their own keeps them apart.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import functools
import http.client
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.aws_http import Upstream

__all__ = ["REGION", "AwsApi", "MotoServer", "new_account", "shared_moto", "start_moto"]

REGION = "eu-central-1"
_READY_WITHIN_S = 180

#: The kernel ends the child when the test process dies, however it dies.
_CHILD = """
import ctypes, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)
from moto.server import main
main(sys.argv[1:])
"""

_accounts = itertools.count(1)


@dataclass(frozen=True, slots=True)
class MotoServer:
    """A running moto server."""

    url: str
    pid: int


@contextlib.contextmanager
def start_moto() -> Iterator[MotoServer]:
    """Run a moto server on a free loopback port until the block ends."""
    with tempfile.TemporaryFile() as output:
        process, port = _start(output)
        try:
            _wait_until_ready(process, port, output)
            yield MotoServer(f"http://127.0.0.1:{port}", process.pid)
            assert process.poll() is None, f"moto died: {_tail(output)}"
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@functools.cache
def shared_moto() -> MotoServer:
    """Return the moto server of this process, started at the first call."""
    stack = contextlib.ExitStack()
    server = stack.enter_context(start_moto())
    atexit.register(stack.close)
    return server


def new_account() -> str:
    """Return the number of an account that no other test of this process uses."""
    return f"{next(_accounts):012d}"


def _start(output) -> tuple[subprocess.Popen, int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "MOTO_", "PYTEST_"))
    }
    arguments = [sys.executable, "-c", _CHILD, "-H", "127.0.0.1", "-p", str(port)]
    return subprocess.Popen(arguments, stdout=output, stderr=output, env=environment), port


def _wait_until_ready(process: subprocess.Popen, port: int, output) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < deadline:
        assert process.poll() is None, f"moto did not start: {_tail(output)}"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/moto-api/")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise AssertionError(f"moto was not ready in {_READY_WITHIN_S} s: {_tail(output)}")


def _tail(output) -> str:
    output.seek(0)
    return output.read()[-2000:].decode(errors="replace")


class AwsApi:
    """Speaks AWS JSON 1.1 without the SDK: quick, and no limits of its own.

    Args:
        url: of moto, or of a front.
        account: where it talks to moto directly; a front has its own.
        service: secretsmanager or ssm.
        region: where it keeps its secrets.
    """

    def __init__(
        self,
        url: str,
        *,
        account: str = "",
        access_key: str = "AKIATESTSEED",
        service: str = "secretsmanager",
        region: str = REGION,
    ) -> None:
        self._upstream = Upstream(url)
        self._target = {"ssm": "AmazonSSM"}.get(service, service)
        self._headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={access_key}/20260101/"
            f"{region}/{service}/aws4_request, SignedHeaders=host, Signature=0",
        }
        if account:
            self._headers["x-moto-account-id"] = account

    def call(self, operation: str, /, **params: Any) -> dict[str, Any]:
        """Run one operation; anything but success is a failure of the test."""
        headers = {**self._headers, "X-Amz-Target": f"{self._target}.{operation}"}
        reply = self._upstream.send("/", headers, json.dumps(params).encode())
        assert reply.status == 200, f"{operation}: {reply.status} {reply.body[:300]!r}"
        return json.loads(reply.body)

    def create(self, name: str, value: str | bytes) -> str:
        """Create a secret; return its version id."""
        return self.call("CreateSecret", Name=name, **_payload(value))["VersionId"]

    def put(self, name: str, value: str | bytes, **params: Any) -> str:
        """Add a version; return its id."""
        reply = self.call("PutSecretValue", SecretId=name, **_payload(value), **params)
        return reply["VersionId"]

    def put_parameter(self, name: str, value: str, **params: Any) -> int:
        """Create a parameter or give it a new version; return its number."""
        params = {"Type": "SecureString", "Overwrite": "Tags" not in params, **params}
        return self.call("PutParameter", Name=name, Value=value, **params)["Version"]

    def arn(self, name: str) -> str:
        """Return the full ARN."""
        return self.call("DescribeSecret", SecretId=name)["ARN"]

    def close(self) -> None:
        """Close the connections."""
        self._upstream.close()


def _payload(value: str | bytes) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"SecretBinary": base64.b64encode(value).decode()}
    return {"SecretString": value}
