"""The HTTP side of the sealing part by itself: keys that tests know, a clock that stands."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sealing import KeyRing, Scope, load_key_ring, seal_secret
from secretsync.controller.addresses import Address
from secretsync.controller.bounded_http import BoundedServer
from secretsync.controller.rate_limits import RateLimiter
from secretsync.controller.sealing_desk import SealingDesk
from secretsync.controller.sealing_http import sealing_route
from secretsync.refresh.clock import Clock
from tests.sealing.kit import NOW, certificate, key_object, vector_key

__all__ = ["Front", "Reply", "StandingClock", "sealed", "serving_front"]

SECRET = "CaNaRyOfTheDesk"


class StandingClock(Clock):
    """A clock that moves when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.at_s = 1000.0

    def now(self) -> datetime:
        """Return the time of the kit's certificates."""
        return NOW

    def monotonic_s(self) -> float:
        """Return seconds."""
        return self.at_s


@dataclass
class Front:
    """A running server, and what it uses.

    Attributes:
        ring: the keys; a test may put others.
        requests: path, method and status of each request that was counted.
        key_uses: how often a private key was used.
    """

    ring: KeyRing
    clock: StandingClock = field(default_factory=StandingClock)
    ready: bool = True
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    key_uses: int = 0
    port: int = 0

    def http_request(self, path: str, method: str, status: int, seconds: float) -> None:
        """Note a request, as the metrics do."""
        assert seconds >= 0
        self.requests.append((path, method, status))

    def use(self) -> None:
        """Count a use of a private key."""
        self.key_uses += 1

    def ask(
        self,
        path: str,
        body: bytes | dict[str, Any] | None = None,
        *,
        method: str = "",
        headers: Mapping[str, str] | None = None,
        waits: bool = True,
    ) -> Reply:
        """Ask once, on a connection of its own; `waits` so that no limit is met."""
        if waits:
            self.clock.at_s += 100
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            verb = method or ("GET" if content is None else "POST")
            connection.request(verb, path, content, headers=dict(headers or {}))
            answer = connection.getresponse()
            return Reply(answer.status, answer.read(), dict(answer.headers.items()))
        finally:
            connection.close()

    def raw(self, sent: bytes, *, half_close: bool = True) -> bytes:
        """Send bytes and return all that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as peer:
            # Who is turned away may be cut off while it still sends; the answer is there.
            with contextlib.suppress(OSError):
                peer.sendall(sent)
                if half_close:
                    peer.shutdown(socket.SHUT_WR)
            received = b""
            with contextlib.suppress(ConnectionResetError):
                while chunk := peer.recv(65536):
                    received += chunk
            return received


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def type(self) -> str:
        """The content type."""
        return self.headers["Content-Type"]


def sealed(
    values: Mapping[str, str] | None = None,
    *,
    scope: Scope = Scope.STRICT,
    name: str = "db",
    **template: Any,
) -> dict[str, Any]:
    """Return a SealedSecret for the vectors' key; its one value is SECRET."""
    given = {"password": SECRET} if values is None else dict(values)
    secret = {"metadata": {"name": name, "namespace": "web"}, "stringData": given}
    made = seal_secret(secret, certificate(), now=NOW, scope=scope)
    made["spec"]["template"].update(template)
    return made


@contextlib.contextmanager
def serving_front(*keys: dict[str, Any]) -> Iterator[Front]:
    """Serve with these key Secrets, or with the vectors' one."""
    front = Front(load_key_ring(keys or [key_object("first", vector_key())]))
    desk = SealingDesk(front, front.clock)
    route = sealing_route(
        desk, RateLimiter(2, 2), front.clock, ready=lambda: front.ready, observer=front
    )
    server = BoundedServer(Address("127.0.0.1", 0), route)
    front.port = server.port
    server.start()
    try:
        yield front
    finally:
        server.stop()
