"""What may lie on the way to Google: a line that drips, a portal that speaks HTTP/2 only.

Neighbours: `gcp_server` is at the end of the way, `gcp_certificates` makes the portal
trusted, as that of a company's own proxy is. Faults of Google itself are `gcp_server`'s.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.support.gcp_certificates import server_certificate
from tests.support.kube_certs import write_private
from tests.support.listening import Listening

__all__ = ["ELSEWHERE", "PORTALS", "GcpWay", "gcp_way"]

#: Where a redirect leads; nobody may ever ask there.
ELSEWHERE = "https://other.example/secret"
_PREFACE_BYTES = 24
_HEAD_BYTES = 9
_DATA, _HEADERS, _SETTINGS, _PING = 0, 1, 4, 6
_ACK = _END_STREAM = 1
_END_HEADERS = 4
_DRIP_S = 0.05


class _Page(NamedTuple):
    """A header block of HTTP/2 and a body."""

    headers: bytes
    body: bytes


def _field(index: bytes, value: str) -> bytes:
    """Return a header whose name is in HPACK's static table, its value as it is."""
    return index + bytes([len(value)]) + value.encode()


#: HPACK's static table: `:status` 8, `content-type` 31, `location` 46 (the last two as 15 + n).
_STATUS, _CONTENT_TYPE, _LOCATION = b"\x08", b"\x0f\x10", b"\x0f\x1f"

PORTALS: Mapping[str, _Page] = {
    "portal": _Page(
        _field(_STATUS, "200") + _field(_CONTENT_TYPE, "text/html"),
        b"<html><body>Sign in: canary-9f1c-must-not-show</body></html>",
    ),
    "redirect": _Page(_field(_STATUS, "302") + _field(_LOCATION, ELSEWHERE), b""),
}


class GcpWay:
    """A way to one port of this machine, a thread per connection.

    Args:
        port: where the way leads while nothing is wrong with it.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._portal: _Page | None = None
        self._drips = threading.Event()
        self._context = _portal_context()
        self._listening = Listening(self._lead, name="way-accept")
        self.url = f"https://127.0.0.1:{self._listening.port}"

    def close(self) -> None:
        """Stop listening, cut connections, wait for the threads."""
        self._listening.close()

    def divert(self, name: str) -> None:
        """Lead everybody to a portal; see `PORTALS`."""
        self._portal = PORTALS[name]
        self._listening.cut()

    def drip(self) -> None:
        """Let answers through byte by byte: never silent for long, never done."""
        self._drips.set()

    def heal(self) -> None:
        """Lead to the port again."""
        self._portal = None
        self._drips.clear()
        self._listening.cut()

    def _lead(self, raw: socket.socket) -> None:
        page = self._portal
        if page is None:
            self._relay(raw)
            return
        with self._context.wrap_socket(raw.dup(), server_side=True) as connection:
            _serve(connection, page)

    def _relay(self, near: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self._port)) as far:
            back = threading.Thread(target=self._give_back, args=(far, near), daemon=True)
            back.start()
            with contextlib.suppress(OSError):
                while chunk := near.recv(1 << 16):
                    far.sendall(chunk)
            with contextlib.suppress(OSError):
                far.shutdown(socket.SHUT_RDWR)
            back.join(timeout=5)

    def _give_back(self, far: socket.socket, near: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := far.recv(1 << 16):
                while self._drips.is_set() and chunk:
                    near.sendall(chunk[:1])
                    chunk = chunk[1:]
                    self._listening.closing.wait(_DRIP_S)
                near.sendall(chunk)
        with contextlib.suppress(OSError):
            near.shutdown(socket.SHUT_RDWR)


def _serve(connection: ssl.SSLSocket, page: _Page) -> None:
    """Answer every request with the page.

    Source: RFC 9113, sections 4.1, 6.1, 6.2, 6.5 and 6.7.
    """
    _read(connection, _PREFACE_BYTES)
    connection.sendall(_frame(_SETTINGS, 0, 0))
    while True:
        head = _read(connection, _HEAD_BYTES)
        kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
        payload = _read(connection, int.from_bytes(head[:3], "big"))
        if kind == _SETTINGS and not flags & _ACK:
            connection.sendall(_frame(_SETTINGS, _ACK, 0))
        elif kind == _PING and not flags & _ACK:
            connection.sendall(_frame(_PING, _ACK, 0, payload))
        elif kind == _HEADERS:
            last = 0 if page.body else _END_STREAM
            connection.sendall(_frame(_HEADERS, _END_HEADERS | last, stream, page.headers))
            if page.body:
                connection.sendall(_frame(_DATA, _END_STREAM, stream, page.body))


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


def _read(connection: ssl.SSLSocket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        chunk = connection.recv(size - len(got))
        if not chunk:
            raise OSError("the client is gone")
        got += chunk
    return got


def _portal_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2"])
    with tempfile.TemporaryDirectory() as folder:
        path = write_private(Path(folder) / "portal.pem", b"".join(server_certificate()))
        context.load_cert_chain(path)
    return context


@contextlib.contextmanager
def gcp_way(port: int) -> Iterator[GcpWay]:
    """Lie before a port for a while."""
    way = GcpWay(port)
    try:
        yield way
    finally:
        way.close()
