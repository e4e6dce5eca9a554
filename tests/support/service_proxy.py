"""A double of an API server: one Service, and the controller behind its proxy.

A real API server refuses to proxy to loopback, so that this stands in wherever no
network namespace can be made. It answers nothing but the exact paths that the real
one has, and remembers what it was asked; kubeseal itself is run against it, too.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.kube_certs import CertificateAuthority

__all__ = ["Asked", "ServiceProxyDouble", "service_proxy"]

PROXIED = ("/v1/cert.pem", "/v1/verify", "/v1/rotate")


@dataclass(frozen=True)
class Asked:
    """One request as it came; `client` is the common name of a client certificate."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    client: str = ""


@dataclass
class ServiceProxyDouble:
    """What the double is told to answer, and what it was asked.

    Args:
        url: of the API server.
        namespace, name, port_name: of the Service.
        answers: proxied path → status and body.
        asked: every request, in order.
    """

    url: str = ""
    namespace: str = "kube-system"
    name: str = "sealed-secrets-controller"
    port_name: str = ""
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    @property
    def service_path(self) -> str:
        """Where the Service object is."""
        return f"/api/v1/namespaces/{self.namespace}/services/{self.name}"

    @property
    def proxy_path(self) -> str:
        """What comes before the controller's own paths."""
        port = f"http:{self.name}:{self.port_name}"
        return f"/api/v1/namespaces/{self.namespace}/services/{port}/proxy"

    def answer(self, method: str, path: str) -> tuple[int, bytes]:
        """What the API server would say."""
        if method == "GET" and path == self.service_path:
            port = {"port": 8080, "targetPort": 8080} | (
                {"name": self.port_name} if self.port_name else {}
            )
            service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": self.name}}
            return 200, json.dumps(service | {"spec": {"ports": [port]}}).encode()
        proxied = path.removeprefix(self.proxy_path)
        if path.startswith(self.proxy_path) and proxied in self.answers:
            wanted = "GET" if proxied == "/v1/cert.pem" else "POST"
            return self.answers[proxied] if method == wanted else (405, b"")
        return 404, not_found(path)


def not_found(path: str) -> bytes:
    """The API server's own 404 for an object."""
    name = path.rsplit("/", 1)[-1]
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": f'services "{name}" not found',
        "reason": "NotFound",
        "details": {"name": name, "kind": "services"},
        "code": 404,
    }
    return json.dumps(status).encode()


@contextmanager
def service_proxy(
    folder: Path | None = None, authority: CertificateAuthority | None = None
) -> Iterator[ServiceProxyDouble]:
    """Run the double on a port of its own; over TLS where an authority is given.

    Args:
        folder: for the server's certificate.
    """
    double = ServiceProxyDouble()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            # kubeseal adds its time limit as a query, which the API server reads.
            path = self.path.partition("?")[0]
            client = _common_name(self.connection)
            double.asked.append(Asked(self.command, path, dict(self.headers), body, client))
            status, answer = double.answer(self.command, path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            if answer.startswith(b"{"):
                self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = _serve  # noqa: N815 - the names that http.server looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    scheme = "http"
    if authority is not None and folder is not None:
        server.socket = _over_tls(server.socket, folder, authority)
        scheme = "https"
    double.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _common_name(connection: object) -> str:
    """Who the other end proved to be; "" without TLS or client certificate."""
    if not isinstance(connection, ssl.SSLSocket):
        return ""
    subject = (connection.getpeercert() or {}).get("subject", ())
    names = dict(pair for part in subject for pair in part)  # type: ignore[union-attr]  # a tuple
    return str(names.get("commonName", ""))


def _over_tls(sock: object, folder: Path, authority: CertificateAuthority) -> ssl.SSLSocket:
    certificate, key = authority.issue_server(["127.0.0.1", "api.test"])
    (folder / "server.pem").write_bytes(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=authority.pem.decode("ascii"))
    return context.wrap_socket(sock, server_side=True)  # type: ignore[arg-type]  # a socket
