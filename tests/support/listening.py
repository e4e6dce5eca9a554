"""A loopback port with a thread per connection, for the servers of tests."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

__all__ = ["Listening"]

BACKLOG = 256
JOIN_S = 5.0


class Listening:
    """Hands each connection to `serve`, in a thread of its own.

    Args:
        serve: closes nothing; what it wraps, such as for TLS, it wraps a duplicate of, so
            that the connection can be cut. Its OSErrors are how connections end.
        name: of the thread that accepts.
    """

    def __init__(self, serve: Callable[[socket.socket], None], *, name: str) -> None:
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self.port: int = self._listener.getsockname()[1]
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._acceptor = threading.Thread(target=self._accept, name=name, daemon=True)
        self._acceptor.start()

    def connections(self) -> list[socket.socket]:
        """Return the connections that are open."""
        with self._lock:
            return list(self._open)

    def cut(self) -> list[threading.Thread]:
        """End the connections that are open; return their threads."""
        with self._lock:
            connections = dict(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        return list(connections.values())

    def close(self) -> None:
        """Stop listening, cut connections, wait for the threads."""
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join(timeout=JOIN_S)
        for thread in self.cut():
            thread.join(timeout=JOIN_S)

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._run, args=(connection,), daemon=True)
            with self._lock:
                self._open[connection] = thread
            thread.start()

    def _run(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            self._serve(connection)
        with self._lock:
            self._open.pop(connection, None)
