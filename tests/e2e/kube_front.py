"""A reverse proxy before the test API server that counts requests and breaks on command.

It speaks plain HTTP on loopback and is the administrator behind: what it passes on is
real, what it injects is what an API server answers when it is in trouble.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.kube import KubeServer
from tests.support.kube_certs import write_private

__all__ = ["ApiCall", "ApiReply", "KubeFront", "api_error"]

_HOP = frozenset({"connection", "host", "content-length", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One request.

    Args:
        resource: plural and subresource: `secrets`, `externalsecrets/status`.
    """

    method: str
    resource: str
    namespace: str
    name: str
    watch: bool
    query: str
    body: bytes

    @property
    def is_write(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class ApiReply:
    """An answer of the front's own; `drop` closes the connection instead."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    drop: bool = False


#: Called before a request is passed on; None passes it on.
Before = Callable[[ApiCall], ApiReply | None]


def api_error(status: int, reason: str, message: str = "", **headers: str) -> Before:
    """Answer with a Status object."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "message": message or reason,
        "code": status,
    }
    named = tuple((name.replace("_", "-"), text) for name, text in headers.items())
    reply = ApiReply(status, json.dumps(body).encode(), named)
    return lambda call: reply


@dataclass(slots=True)
class _Rule:
    before: Before
    match: Callable[[ApiCall], bool]
    times: int | None


class KubeFront:
    """The proxy; `kubeconfig` leads through it.

    Attributes:
        calls: every request, in order of arrival.
    """

    def __init__(self, server: KubeServer, folder: Path) -> None:
        self.calls: list[ApiCall] = []
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        self._upstreams: set[http.client.HTTPSConnection] = set()
        self._address = urllib.parse.urlsplit(server.url).netloc
        self._context = ssl.create_default_context(cafile=str(server.ca))
        folder_of_keys = server.kubeconfig.parent
        self._context.load_cert_chain(folder_of_keys / "admin.crt", folder_of_keys / "admin.key")
        self._http = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self.kubeconfig = write_private(folder / "front.kubeconfig", self._kubeconfig())
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving and cut what is open."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        self.cut()

    def cut(self) -> None:
        """Break every connection to the API server, watches first of all."""
        with self._lock:
            open_now = list(self._upstreams)
        for upstream in open_now:
            if upstream.sock is not None:
                with contextlib.suppress(OSError):
                    upstream.sock.shutdown(2)

    def inject(
        self,
        before: Before,
        *,
        match: Callable[[ApiCall], bool] = lambda call: True,
        times: int | None = None,
    ) -> None:
        """Do this before the next `times` requests that match (None: until `heal`)."""
        with self._lock:
            self._rules.append(_Rule(before, match, times))

    def heal(self) -> None:
        """Forget what was injected."""
        with self._lock:
            self._rules.clear()

    def writes(self, resource: str = "", name: str = "") -> list[ApiCall]:
        """Return the writes that arrived."""
        return [
            call
            for call in list(self.calls)
            if call.is_write and resource in ("", call.resource) and name in ("", call.name)
        ]

    def open(self) -> http.client.HTTPSConnection:
        """Return a new connection to the API server."""
        upstream = http.client.HTTPSConnection(self._address, context=self._context)
        with self._lock:
            self._upstreams.add(upstream)
        return upstream

    def forget(self, upstream: http.client.HTTPSConnection) -> None:
        """Close a connection."""
        upstream.close()
        with self._lock:
            self._upstreams.discard(upstream)

    def before(self, call: ApiCall) -> ApiReply | None:
        """Count a request and return what is answered instead of the truth."""
        with self._lock:
            self.calls.append(call)
            rule = next((r for r in self._rules if r.times != 0 and r.match(call)), None)
            if rule is None:
                return None
            rule.times = None if rule.times is None else rule.times - 1
        return rule.before(call)

    def _kubeconfig(self) -> bytes:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "front", "cluster": {"server": self.url}}],
            "users": [{"name": "front", "user": {}}],
            "contexts": [{"name": "front", "context": {"cluster": "front", "user": "front"}}],
            "current-context": "front",
        }
        return json.dumps(config).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that are killed in the middle are what tests are about."""


def _call(method: str, target: str, body: bytes) -> ApiCall:
    path, _, query = target.partition("?")
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    namespace = ""
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        namespace, parts = parts[1], parts[2:]
    resource = parts[0] if parts else ""
    name = parts[1] if len(parts) > 1 else ""
    if method == "POST" and not name and body:
        with contextlib.suppress(ValueError):
            name = json.loads(body).get("metadata", {}).get("name", "")
    resource = "/".join([resource, *parts[2:]])
    return ApiCall(method, resource, namespace, name, "watch=1" in query.split("&"), query, body)


def _handler(front: KubeFront) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def setup(self) -> None:
            super().setup()
            self.upstream = front.open()

        def finish(self) -> None:
            front.forget(self.upstream)
            with contextlib.suppress(OSError, ValueError):
                super().finish()

        def do_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            call = _call(self.command, self.path, body)
            reply = front.before(call)
            try:
                if reply is None:
                    self._pass_on(call)
                elif reply.drop:
                    self.close_connection = True
                else:
                    self._answer(reply.status, reply.headers, reply.body)
            except (OSError, http.client.HTTPException, ValueError, AttributeError):
                # Either side went away, which is what several tests are about.
                self.close_connection = True

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = do_any  # noqa: N815 - inherited

        def _pass_on(self, call: ApiCall) -> None:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP}
            self.upstream.request(self.command, self.path, body=call.body or None, headers=headers)
            response = self.upstream.getresponse()
            kept = tuple((k, v) for k, v in response.getheaders() if k.lower() not in _HOP)
            if not (call.watch and response.status == 200):
                self._answer(response.status, kept, response.read())
                return
            self.close_connection = True
            self._head(response.status, (*kept, ("Transfer-Encoding", "chunked")))
            while chunk := response.read1(1 << 16):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")

        def _answer(self, status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
            self._head(status, (*headers, ("Content-Length", str(len(body)))))
            self.wfile.write(body)
            self.wfile.flush()

        def _head(self, status: int, headers: tuple[tuple[str, str], ...]) -> None:
            self.send_response_only(status)
            if not any(name.lower() == "content-type" for name, _ in headers):
                self.send_header("Content-Type", "application/json")
            for name, text in headers:
                self.send_header(name, text)
            self.end_headers()
            self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - inherited
            pass

    return Handler
