"""The paths of a Sealed Secrets controller, as kubeseal calls them behind the API server.

Neighbours: `bounded_http` bounds what a request may cost, `rate_limits` how often it may
come, `sealing_desk` answers. Metrics are not served here: they name every namespace, and
everybody who may use the cluster reaches this port.

Source: sealed-secrets 0.40 cmd/controller (paths, status codes, bodies).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from secretsync.controller.bounded_http import Answer, BadBodyError, Request, Route
from secretsync.controller.rate_limits import RateLimiter
from secretsync.controller.sealing_desk import SealingDesk
from secretsync.refresh.clock import Clock

__all__ = ["HttpObserver", "sealing_route"]

NOT_FOUND = Answer(404, b"404 page not found\n")
TOO_MANY = b"limit exceeded\n"
CERTIFICATE, VERIFY, ROTATE = "/v1/cert.pem", "/v1/verify", "/v1/rotate"


class HttpObserver(Protocol):
    """Who counts requests."""

    def http_request(self, path: str, method: str, status: int, seconds: float) -> None:
        """Count one request of a known path."""
        ...


def sealing_route(
    desk: SealingDesk,
    limiter: RateLimiter,
    clock: Clock,
    *,
    ready: Callable[[], bool],
    observer: HttpObserver,
) -> Route:
    """Return the route function of the port that kubeseal reaches.

    Args:
        limiter: of the two paths that use private keys.
        ready: whether work has begun.
    """

    def limited(request: Request, work: Callable[[bytes], Answer]) -> Answer:
        # Before the body is read: what is refused should cost nothing.
        verdict = limiter.ask(request.peer, request.path, now_s=clock.monotonic_s())
        answer = work(request.body()) if verdict.allowed else Answer(429, TOO_MANY)
        headers = {**verdict.headers, **answer.headers}
        return Answer(answer.status, answer.body, answer.content_type, headers)

    pages: dict[str, Callable[[Request], Answer]] = {
        "/healthz": lambda _: Answer(200, b"ok\n"),
        "/readyz": lambda _: Answer(200, b"ok\n") if ready() else Answer(503, b"not ready\n"),
    }
    measured: dict[str, Callable[[Request], Answer]] = {
        CERTIFICATE: lambda _: desk.certificate(),
        VERIFY: lambda request: limited(request, desk.verify),
        ROTATE: lambda request: limited(request, desk.rotate),
    }

    def route(request: Request) -> Answer:
        if request.path not in measured:
            page = pages.get(request.path)
            return page(request) if page is not None else NOT_FOUND
        began_s, status = time.perf_counter(), 500
        try:
            answer = measured[request.path](request)
            status = answer.status
        except BadBodyError as exc:
            status = exc.status
            raise
        finally:
            seconds = time.perf_counter() - began_s
            observer.http_request(request.path, request.method, status, seconds)
        return answer

    return route
