"""The service's own pages: `/metrics`, and the probes `/healthz` and `/readyz`.

Neighbours: `service` says what is alive and ready, `bounded_http` serves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from secretsync.controller.addresses import Address
from secretsync.controller.bounded_http import Answer, BoundedServer, Request, Route
from secretsync.controller.metrics import Metrics
from secretsync.controller.reflector import Reflector

__all__ = ["ServicePages"]

EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
NOT_FOUND = Answer(404, b"not found\n")
READ_ONLY = Answer(405, b"method not allowed\n", headers={"Allow": "GET, HEAD"})


class ServicePages:
    """The servers of both addresses.

    Args:
        metrics_at: where `/metrics` is served; None serves none.
        live_at: where the probes are served; None serves none.
        reflectors: the watches, whose threads must live.
        ready: whether work has begun.
        begun: whether every watch had its initial state once.
    """

    def __init__(
        self,
        metrics_at: Address | None,
        live_at: Address | None,
        *,
        metrics: Metrics,
        reflectors: Sequence[Reflector],
        ready: Callable[[], bool],
        begun: Callable[[], bool],
    ) -> None:
        self._reflectors = reflectors
        self._ready = ready
        self._begun = begun
        self._metrics = self._live = None
        if metrics_at is not None:
            pages = {"/metrics": lambda: Answer(200, metrics.render(), EXPOSITION)}
            self._metrics = BoundedServer(metrics_at, _route(pages))
        if live_at is not None:
            probes = {"/healthz": self._healthz, "/readyz": self._readyz}
            self._live = BoundedServer(live_at, _route(probes))

    @property
    def metrics_port(self) -> int:
        """The port of the metrics, 0 where none are served."""
        return self._metrics.port if self._metrics else 0

    @property
    def live_port(self) -> int:
        """The port of the probes, 0 where none are served."""
        return self._live.port if self._live else 0

    def start(self) -> None:
        """Begin to serve."""
        for server in (self._metrics, self._live):
            if server is not None:
                server.start()

    def stop(self) -> None:
        """Stop serving and release the ports."""
        for server in (self._metrics, self._live):
            if server is not None:
                server.stop()

    def _healthz(self) -> Answer:
        dead = [each.name for each in self._reflectors if self._begun() and not each.alive]
        if dead:
            return Answer(500, f"not running: {', '.join(dead)}\n".encode())
        return Answer(200, b"ok\n")

    def _readyz(self) -> Answer:
        if self._ready():
            return Answer(200, b"ok\n")
        waiting = ", ".join(each.name for each in self._reflectors if not each.synced)
        return Answer(503, f"waiting for: {waiting or 'the first look'}\n".encode())


def _route(pages: Mapping[str, Callable[[], Answer]]) -> Route:
    """Serve fixed paths to readers."""

    def route(request: Request) -> Answer:
        page = pages.get(request.path)
        if page is None:
            return NOT_FOUND
        return page() if request.method in ("GET", "HEAD") else READ_ONLY

    return route
