"""HTTP for strangers: bounded threads, bodies, headers and times.

Neighbours: `sealing_http` and `pages` give the routes. Anybody who may reach the service
through the API server's proxy gets here, so nothing a peer sends may cost more than a fixed
amount of memory and time, and no input ends the server or goes without an answer.
"""

from __future__ import annotations

import contextlib
import io
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from secretsync.controller.addresses import Address
from secretsync.errors import ConfigError

__all__ = ["MAX_BODY_BYTES", "Answer", "BadBodyError", "BoundedServer", "Request", "Route"]

log = logging.getLogger(__name__)

#: What an API server takes as one request.
MAX_BODY_BYTES = 3 * 1024 * 1024
MAX_HEADER_BYTES = 64 * 1024
#: Connections at once; one more is turned away, because each holds a thread.
MAX_CONNECTIONS = 32
HEADERS_WITHIN_S = 10.0
BODY_WITHIN_S = 30.0
WRITE_WITHIN_S = 30.0
#: How long the rest of a request is thrown away after its answer: closing a connection
#: with unread input would take the answer back.
LINGER_S = 1.0
LINGER_BYTES = 2 * MAX_BODY_BYTES
CHUNK_BYTES = 1 << 16
#: A stop takes this long to be noticed.
STOP_POLL_S = 0.1
PLAIN = "text/plain; charset=utf-8"

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: int = 200
    body: bytes = b""
    content_type: str = PLAIN
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked.

    Args:
        peer: the address that the connection came from.
        body: reads the body, once; raises BadBodyError.
    """

    method: str
    path: str
    peer: str
    body: Callable[[], bytes]


Route = Callable[[Request], Answer]


class BadBodyError(Exception):
    """The body is too large or is not what its headers say.

    Args:
        status: HTTP status to answer with.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class BoundedServer:
    """Serves one route function on an address; each connection carries one request."""

    def __init__(self, address: Address, route: Route) -> None:
        try:
            self._server = _Server((address.host, address.port), _handler(route))
        except OSError as exc:
            raise ConfigError(
                f"cannot listen on {address.host}:{address.port}: {exc.strerror}",
                remedy="choose another address, or 0 for none",
            ) from exc
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(STOP_POLL_S,), name="http", daemon=True
        )

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and release the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=2)


class _Server(HTTPServer):
    """A thread for each connection, up to MAX_CONNECTIONS."""

    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Hand a connection to a thread of its own, or turn it away."""
        if not self._free.acquire(blocking=False):
            with contextlib.suppress(OSError):
                request.settimeout(0)
                request.sendall(_BUSY)
            self.shutdown_request(request)
            return
        threading.Thread(
            target=self._process, args=(request, client_address), name="http", daemon=True
        ).start()

    def _process(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except Exception as exc:  # noqa: BLE001 - peers may go away at any time
            log.debug("connection ended early", extra={"cause": type(exc).__name__})
        finally:
            self.shutdown_request(request)
            self._free.release()


class _TimedReader(io.RawIOBase):
    """A socket's bytes, until an allowance of bytes or seconds is used up."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._left_bytes = 0
        self._until_s = 0.0

    def allow(self, size_bytes: int, within_s: float) -> None:
        self._left_bytes = size_bytes
        self._until_s = time.monotonic() + within_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left_s = self._until_s - time.monotonic()
        if left_s <= 0 or self._left_bytes <= 0:
            raise TimeoutError("the request is too slow or too large")
        self._connection.settimeout(left_s)
        read = self._connection.recv_into(buffer)
        self._left_bytes -= read
        return read


def _handler(route: Route) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "secretsync"
        sys_version = ""

        def setup(self) -> None:
            self.connection = self.request
            self._reader = _TimedReader(self.connection)
            self._reader.allow(MAX_HEADER_BYTES, HEADERS_WITHIN_S)
            self.rfile = io.BufferedReader(self._reader)
            self.wfile = self.connection.makefile("wb")

        def finish(self) -> None:
            with contextlib.suppress(OSError):
                super().finish()
                _linger(self.connection)

        def serve(self) -> None:
            path = self.path.partition("?")[0]
            self._send(self._answer(Request(self.command, path, self.client_address[0], self.body)))

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = serve  # noqa: N815 - inherited

        def _answer(self, request: Request) -> Answer:
            try:
                return route(request)
            except BadBodyError as exc:
                return Answer(exc.status, f"{exc.message}\n".encode())
            except TimeoutError:
                return Answer(408, b"request is too slow\n")
            except Exception as exc:  # noqa: BLE001 - no input may end a connection unanswered
                # Only its type: the text of an error may quote what was sent.
                cause = type(exc).__name__
                log.warning("request failed", extra={"path": _shown(request.path), "cause": cause})
                return Answer(500)

        def body(self) -> bytes:
            self._reader.allow(MAX_BODY_BYTES + MAX_HEADER_BYTES, BODY_WITHIN_S)
            return _read_body(self.rfile, self.headers)

        def _send(self, answer: Answer) -> None:
            self.close_connection = True
            self.connection.settimeout(WRITE_WITHIN_S)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            self.send_header("X-Content-Type-Options", "nosniff")
            # A proxy that kept idle connections open would hold all the threads.
            self.send_header("Connection", "close")
            for name, text in answer.headers.items():
                self.send_header(name, text)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)
            self.wfile.flush()

        def send_error(
            self, code: int, message: str | None = None, explain: str | None = None
        ) -> None:
            """Answer what is no HTTP; in plain text, without quoting it."""
            self.command = getattr(self, "command", None) or "GET"
            self._send(Answer(int(code), b"bad request\n"))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
            log.debug("http request", extra={"peer": self.client_address[0]})

    return Handler


def _shown(path: str) -> str:
    """A path for the log: printable and short."""
    return "".join(char for char in path[:80] if char.isprintable())


def _read_body(source: io.BufferedIOBase, headers: Any) -> bytes:
    """Read the body that the headers announce.

    Raises:
        BadBodyError: it is larger than MAX_BODY_BYTES, shorter than announced, or the
            headers contradict themselves.
    """
    length, coding = headers.get_all("Content-Length"), headers.get("Transfer-Encoding")
    if coding is not None:
        if length or coding.strip().lower() != "chunked":
            raise BadBodyError(400, "bad transfer encoding")
        return _read_chunks(source)
    if not length:
        return b""
    text = length[0].strip()
    if len(set(length)) > 1 or not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise BadBodyError(400, "bad content length")
    if int(text) > MAX_BODY_BYTES:
        raise BadBodyError(413, "request body is too large")
    return _exactly(source, int(text))


def _read_chunks(source: io.BufferedIOBase) -> bytes:
    """Read a chunked body (RFC 9112 §7.1)."""
    parts: list[bytes] = []
    total = 0
    while True:
        size = _chunk_size(source)
        total += size
        if total > MAX_BODY_BYTES:
            raise BadBodyError(413, "request body is too large")
        if size == 0:
            break
        parts.append(_exactly(source, size))
        if source.readline(3) != b"\r\n":
            raise BadBodyError(400, "bad chunk")
    while source.readline(MAX_HEADER_BYTES) not in (b"\r\n", b"\n", b""):
        pass  # Trailers say nothing here.
    return b"".join(parts)


def _chunk_size(source: io.BufferedIOBase) -> int:
    text = source.readline(1024).partition(b";")[0].strip()
    if not text or len(text) > 8 or text.strip(b"0123456789abcdefABCDEF"):
        raise BadBodyError(400, "bad chunk")
    return int(text, 16)


def _exactly(source: io.BufferedIOBase, size: int) -> bytes:
    content = source.read(size)
    if len(content) != size:
        raise BadBodyError(400, "request body ends early")
    return content


def _linger(connection: socket.socket) -> None:
    """Let the peer read the answer before the connection goes."""
    until_s, left_bytes = time.monotonic() + LINGER_S, LINGER_BYTES
    connection.shutdown(socket.SHUT_WR)
    while left_bytes > 0 and (left_s := until_s - time.monotonic()) > 0:
        connection.settimeout(left_s)
        chunk = connection.recv(CHUNK_BYTES)
        if not chunk:
            return
        left_bytes -= len(chunk)
