"""An API server's service proxy before a running service: what kubeseal goes through.

A real API server refuses to proxy to loopback. This one answers the exact paths that a
real one has, for one Service, and hands everything else to nobody.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from tests.support.kube_certs import write_private

__all__ = ["ServiceProxy", "proxying"]

SERVICE = Path(__file__).parents[2] / "deploy" / "service.yaml"


@dataclass
class ServiceProxy:
    """The proxy, and what was asked of it.

    Attributes:
        kubeconfig: leads to it.
        namespace: of the Service that it knows, which is that of deploy/.
        asked: method and path of each request.
    """

    kubeconfig: Path
    namespace: str
    asked: list[tuple[str, str]] = field(default_factory=list)


@contextlib.contextmanager
def proxying(port: int, folder: Path) -> Iterator[ServiceProxy]:
    """Proxy to the sealing port of a service.

    Args:
        port: of the service, on loopback.
        folder: where the kubeconfig goes.
    """
    service = yaml.safe_load(SERVICE.read_text())
    namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
    own = f"/api/v1/namespaces/{namespace}/services/{name}"
    port_name = service["spec"]["ports"][0]["name"]
    prefix = f"/api/v1/namespaces/{namespace}/services/http:{name}:{port_name}/proxy"
    proxy = ServiceProxy(folder / "proxy.kubeconfig", namespace)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve(self) -> None:
            path = self.path.partition("?")[0]
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            proxy.asked.append((self.command, path))
            if path == own:
                self._answer(200, "application/json", json.dumps(service).encode())
            elif path.startswith(f"{prefix}/"):
                self._pass_on(path.removeprefix(prefix), body)
            else:
                self._answer(404, "text/plain", b"not found")

        do_GET = do_POST = serve  # noqa: N815 - inherited

        def _pass_on(self, path: str, body: bytes) -> None:
            behind = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            with contextlib.closing(behind):
                headers = {"Accept": self.headers.get("Accept", "*/*")}
                behind.request(self.command, path, body or None, headers=headers)
                answer = behind.getresponse()
                self._answer(answer.status, answer.headers["Content-Type"], answer.read())

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - inherited
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    write_private(proxy.kubeconfig, _kubeconfig(f"http://127.0.0.1:{server.server_address[1]}"))
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _kubeconfig(url: str) -> bytes:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "proxy", "cluster": {"server": url}}],
        "users": [{"name": "proxy", "user": {}}],
        "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
        "current-context": "proxy",
    }
    return json.dumps(config).encode()
