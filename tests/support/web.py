"""A loopback web server that answers what a test says, and goes wrong as servers do.

HTTPS with a throw-away authority unless asked otherwise. Neighbours: `kube_certs` issues
the certificates; `aws_http` defines `Request` and `Reply` and reads requests.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.support.aws_http import Reply, Request, read_request, send
from tests.support.kube_certs import CertificateAuthority, write_private
from tests.support.listening import Listening

__all__ = [
    "FAULTS",
    "Answer",
    "Reply",
    "Request",
    "Stream",
    "WebServer",
    "fault",
    "json_reply",
    "web_server",
]

#: Writes an answer by hand, to show what a broken server does.
Stream = Callable[[socket.socket, threading.Event], None]
Answer = Reply | Stream
Handler = Callable[[Request], Answer]

LOOPBACK = ("127.0.0.1", "localhost")


class WebServer:
    """Serves `handler` on a free loopback port, a thread per connection.

    Args:
        handler: may be replaced at any time.
        authority: signs the server's certificate; None serves plain HTTP.
        clients: whose certificates clients must show.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        authority: CertificateAuthority | None = None,
        clients: CertificateAuthority | None = None,
    ) -> None:
        self.handler = handler
        self.requests: list[Request] = []
        self.ca_pem = authority.pem if authority else b""
        self._context = _server_context(authority, clients) if authority else None
        self._listening = Listening(self._serve, name="web-accept")
        self.port = self._listening.port
        self.url = f"http{'s' if authority else ''}://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Stop listening, cut connections, wait for the threads."""
        self._listening.close()

    def _serve(self, raw: socket.socket) -> None:
        if self._context is None:
            self._answer(raw)
            return
        # A handshake that fails is the client's affair: OSError, as everything else here.
        with self._context.wrap_socket(raw.dup(), server_side=True) as connection:
            self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            while (request := read_request(stream)) is not None:
                self.requests.append(request)
                answer = self.handler(request)
                if not isinstance(answer, Reply):
                    answer(connection, self._listening.closing)
                    return
                if not send(connection, answer):
                    return


def json_reply(text: str, status: int = 200, **headers: str) -> Reply:
    """Return a JSON answer."""
    return Reply(status, {"Content-Type": "application/json", **headers}, text.encode())


@contextlib.contextmanager
def web_server(handler: Handler, *, tls: bool = True) -> Iterator[WebServer]:
    """Serve for a while."""
    server = WebServer(handler, authority=CertificateAuthority() if tls else None)
    try:
        yield server
    finally:
        server.close()


def _server_context(
    authority: CertificateAuthority, clients: CertificateAuthority | None
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate, key = authority.issue_server(LOOPBACK)
    with tempfile.TemporaryDirectory() as folder:
        path = write_private(Path(folder) / "server.pem", certificate + key)
        context.load_cert_chain(path)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=clients.pem.decode())
    return context


def _huge(connection: socket.socket, closing: threading.Event) -> None:
    """Answer 100 MB, as long as somebody reads them."""
    size = 100 * 1024 * 1024
    connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
    for _ in range(size // 65536):
        connection.sendall(b"x" * 65536)


def _endless(connection: socket.socket, closing: threading.Event) -> None:
    """Answer in chunks without end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not closing.is_set():
        connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def _drip(before: bytes, drop: bytes) -> Stream:
    """Answer a little, then `drop` every twentieth of a second: never silent for long."""

    def write(connection: socket.socket, closing: threading.Event) -> None:
        connection.sendall(before)
        while not closing.wait(0.05):
            connection.sendall(drop)

    return write


def _text(content: bytes) -> Stream:
    def write(connection: socket.socket, closing: threading.Event) -> None:
        connection.sendall(content)

    return write


_FAULTS: Mapping[str, Answer] = {
    "html": Reply(200, {"Content-Type": "text/html"}, b"<html><body>Sign in</body></html>"),
    "empty": Reply(200, {}, b""),
    "server-error": Reply(500, {}, b"internal: canary-9f1c-must-not-show"),
    "redirect": Reply(302, {"Location": "https://other.example/secret"}),
    "huge": _huge,
    "endless": _endless,
    "slow-head": _drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
    "slow-headers": _drip(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
    "slow-body": _drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "slow-chunks": _drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "silent": _drip(b"", b""),
    "half-body": _text(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"),
    "half-chunk": _text(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{"),
    "half-head": _text(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "no-http": _text(b"\x15\x03\x01\x00\x02\x02\x28 hello"),
    "nothing": Reply(drop=True),
    "gzip": Reply(200, {"Content-Encoding": "gzip"}, b"\x1f\x8b"),
}


def fault(name: str) -> Answer:
    """Return an answer that is wrong in the named way; see the table above."""
    return _FAULTS[name]


FAULTS = tuple(_FAULTS)
