"""A small threaded HTTP/1.1 server and client, for doubles that stand before others.

Neighbour: `aws_front` answers through it. The standard library's server parses each
request as an e-mail, which would be most of what a benchmark measures.
"""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from tests.support.listening import Listening

__all__ = ["Handler", "HttpServer", "Reply", "Request", "Upstream", "read_request", "send"]


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply.

    Args:
        sent_bytes: cut the body after so many, though its full length is announced.
        drop: close the connection without an answer.
        by_hand: writes what a broken server sends, instead of all the rest; the connection
            is closed afterwards.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    sent_bytes: int | None = None
    drop: bool = False
    by_hand: Callable[[socket.socket], None] | None = None


Handler = Callable[[Request], Reply]


class HttpServer:
    """Serves one handler on a free loopback port, a thread per connection."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._listening = Listening(self._serve, name="double-accept")
        self.url = f"http://127.0.0.1:{self._listening.port}"

    def connections(self) -> list[socket.socket]:
        """Return the connections that are open."""
        return self._listening.connections()

    def close(self) -> None:
        """Stop listening, cut connections, wait for the threads."""
        self._listening.close()

    def _serve(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            while (request := read_request(stream)) is not None:
                if not send(connection, self._handler(request)):
                    return


def read_request(stream: BinaryIO) -> Request | None:
    """Return the next request of a connection; None at its end."""
    line = stream.readline()
    if not line.strip():
        return None
    method, path, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := stream.readline()) not in (b"\r\n", b"\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", 0)))
    return Request(method, path, headers, body)


def send(connection: socket.socket, reply: Reply) -> bool:
    """Send a reply; return whether the connection stays open."""
    if reply.drop:
        return False
    if reply.by_hand is not None:
        reply.by_hand(connection)
        return False
    lines = [f"HTTP/1.1 {reply.status} {http.client.responses.get(reply.status, '')}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    lines.append(f"Content-Length: {len(reply.body)}")
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    connection.sendall(head + reply.body[: reply.sent_bytes])
    return reply.sent_bytes is None


class Upstream:
    """Forwards to the server behind, over one kept connection per thread."""

    def __init__(self, url: str) -> None:
        self._host = url.removeprefix("http://")
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        self._closed = False

    def send(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """POST and return the whole reply."""
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        connection = connection or http.client.HTTPConnection(self._host, timeout=60)
        try:
            connection.request("POST", path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            reply = Reply(answer.status, dict(answer.getheaders()), answer.read())
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        with self._lock:
            kept = not self._closed
            if kept:
                self._idle.append(connection)
        if not kept:
            connection.close()
        return reply

    def close(self) -> None:
        """Close the kept connections; one in use is closed when its reply is there."""
        with self._lock:
            self._closed = True
            for connection in self._idle:
                connection.close()
            self._idle.clear()
