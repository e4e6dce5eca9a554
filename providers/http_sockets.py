"""Connections that end at a deadline and go to an address that was judged.

urllib3's limits hold for each wait by itself, and a server that sends one byte a second
outlasts them all. Here every wait of a request, headers and TLS included, gets only what
is left until `deadline`. Neighbour: `http` makes requests over these.
"""

from __future__ import annotations

import contextlib
import http.client
import logging
import socket
import ssl
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from providers.addresses import Reach, resolve

__all__ = ["TlsSocket", "deadline", "pool_manager"]

#: When the request of this thread ends, in time.monotonic() seconds.
_ENDS_AT_S: ContextVar[float] = ContextVar("ends_at_s")
#: Of the whole deadline; a host with several addresses gets to the next one.
_CONNECT_SHARE_S = 5.0


def _is_warning(record: logging.LogRecord) -> bool:
    """Return whether a record is no mere trace; those show URLs, which may hold secrets."""
    return record.levelno >= logging.WARNING


logging.getLogger("urllib3.connectionpool").addFilter(_is_warning)


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """End what connections of this module do in this thread after so many seconds.

    The name service is the exception: it has the limits of the system's resolver.
    """
    token = _ENDS_AT_S.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ENDS_AT_S.reset(token)


def _left_s() -> float:
    left = _ENDS_AT_S.get() - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline of the request has passed")
    return left


class _Socket(socket.socket):
    """A socket whose every wait ends at the deadline."""

    def recv_into(self, *args: Any, **options: Any) -> int:
        self.settimeout(_left_s())
        return super().recv_into(*args, **options)

    def sendall(self, *args: Any) -> None:
        self.settimeout(_left_s())
        super().sendall(*args)


class TlsSocket(ssl.SSLSocket):
    """The same over TLS."""

    def do_handshake(self, *args: Any) -> None:
        """Agree on keys within what is left."""
        self.settimeout(_left_s())
        super().do_handshake(*args)

    def recv_into(self, *args: Any, **options: Any) -> int:
        """Read within what is left."""
        self.settimeout(_left_s())
        return super().recv_into(*args, **options)

    def send(self, *args: Any) -> int:
        """Write within what is left."""
        self.settimeout(_left_s())
        return super().send(*args)


class _Strict(http.client.HTTPResponse):
    """An answer whose headers are headers: urllib3 takes others, and logs the URL."""

    def begin(self) -> None:
        super().begin()
        if self.msg.defects:
            raise http.client.HTTPException("the headers are not whole")


class _Judged:
    """Connects to an address that `reach` allows, whatever the name says a moment later."""

    reach: Reach
    host: str
    port: int

    def _new_conn(self: Any) -> socket.socket:
        problem: OSError | None = None
        for family, address in resolve(self.host, self.port, self.reach):
            try:
                return _connected(family, address, self.port)
            except OSError as exc:
                problem = exc
        if isinstance(problem, TimeoutError):
            raise ConnectTimeoutError(self, "no connection in time") from problem
        raise NewConnectionError(self, "no connection") from problem


def _connected(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    sock = _Socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(min(_left_s(), _CONNECT_SHARE_S))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect((address, port))
    except BaseException:
        sock.close()
        raise
    return sock


def pool_manager(context: ssl.SSLContext, reach: Reach, *, connections: int) -> PoolManager:
    """Return pools of such connections.

    Args:
        context: of `http_tls.client_context`.
        reach: which addresses are allowed.
        connections: to keep to one server.
    """

    class Plain(_Judged, HTTPConnection):
        response_class = _Strict

    class Tls(_Judged, HTTPSConnection):
        response_class = _Strict

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    Plain.reach = Tls.reach = reach
    manager = PoolManager(num_pools=8, maxsize=connections, ssl_context=context)
    # An attribute of the instance: urllib3 documents it as the way to pools of one's own.
    manager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}
    return manager
