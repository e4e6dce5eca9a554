"""HTTP to one API server: the connection pool, time limits, one renewed login.

Knows nothing of kinds or objects; kubernetes.py and kubernetes_watch.py do. Nothing
is retried here but three cases in which the server cannot have done anything: a
pooled connection that turned out closed under a read, HTTP 401, and, for whoever has
nobody that tries again, HTTP 429 with a time to come back.

Source: RFC 6585 §4 and Kubernetes' API priority and fairness, whose clients do so too.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError
from urllib3.util import Timeout

from secretsync import __version__
from secretsync.cluster.kubernetes_config import Endpoint, load_endpoint
from secretsync.errors import ClusterUnavailable, ConfigError

__all__ = ["Timeouts", "Transport", "retry_after_s"]

JSON = "application/json"
OK = 200
UNAUTHORIZED = 401
TOO_MANY_REQUESTS = 429
#: Wrong credentials do not get better by being read in every thread.
RELOAD_PAUSE_S = 10.0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Time limits, all in seconds.

    Args:
        connect_s: to connect, TLS included.
        read_s: until an answer, and between two parts of it.
        watch_s: after which the server ends a watch by itself.
        watch_idle_s: without a byte on a watch; bookmarks come about every minute,
            so a silent connection is a dead one.
        busy_s: a request that a busy server turns away is sent again for so long. 0 for
            the service, which has its own queues.
    """

    connect_s: float = 5.0
    read_s: float = 30.0
    watch_s: int = 290
    watch_idle_s: float = 100.0
    busy_s: float = 0.0


class Transport:
    """Requests to one API server, from any thread."""

    def __init__(self, context: str, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self._context = context
        self._lock = threading.Lock()
        self._endpoint = load_endpoint(context)
        self._reload_at = 0.0

    @property
    def endpoint(self) -> Endpoint:
        """The server and identity in use."""
        return self._endpoint

    def request(
        self,
        method: str,
        target: str,
        *,
        body: bytes | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        read_s: float | None = None,
    ) -> BaseHTTPResponse:
        """Send a request and read the whole answer, whatever its status.

        Args:
            method: HTTP method.
            target: path and query.
            body: what to send.
            content_type: of `body`.
            accept: forms of the answer that are wanted, as in RFC 9110 §12.5.1.
            read_s: seconds to wait for the answer; None is the usual limit.

        Raises:
            ClusterUnavailable: there is no answer.
        """
        used = self._endpoint
        send = functools.partial(
            self._send,
            method,
            target,
            body=body,
            content_type=content_type,
            accept=accept,
            read_s=read_s,
        )
        response = self._admitted(send, used)
        if response.status == UNAUTHORIZED and self._renew_login(used):
            response = self._admitted(send, self._endpoint)
        return response

    def _admitted(
        self, send: Callable[[Endpoint], BaseHTTPResponse], endpoint: Endpoint
    ) -> BaseHTTPResponse:
        """Send, and again when a busy server says so."""
        until_s = time.monotonic() + self.timeouts.busy_s
        while True:
            response = send(endpoint)
            pause_s = _pause_s(response)
            if pause_s is None or time.monotonic() + pause_s >= until_s:
                return response
            time.sleep(pause_s)

    def stream(self, target: str, *, accept: str = JSON) -> BaseHTTPResponse:
        """Send a GET and return the answer, its body unread where it is a 200.

        The caller closes it then.

        Args:
            target: path and query.
            accept: as in request().
        """
        used = self._endpoint
        response = self._send("GET", target, used, accept=accept, streamed=True)
        if response.status == UNAUTHORIZED and self._renew_login(used):
            response = self._send("GET", target, self._endpoint, accept=accept, streamed=True)
        # Silence on a watch is normal for longer than between request and answer.
        sock = getattr(response.connection, "sock", None)
        if sock is not None:
            sock.settimeout(self.timeouts.watch_idle_s)
        return response

    def close(self) -> None:
        """Close pooled connections."""
        self._endpoint.pool.close()

    def _send(
        self,
        method: str,
        target: str,
        endpoint: Endpoint,
        *,
        body: bytes | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        read_s: float | None = None,
        streamed: bool = False,
    ) -> BaseHTTPResponse:
        headers = self._headers(endpoint, content_type, accept)
        timeout = Timeout(connect=self.timeouts.connect_s, read=read_s or self.timeouts.read_s)
        attempts = 2 if method == "GET" else 1
        while True:
            attempts -= 1
            try:
                response = endpoint.pool.urlopen(
                    method,
                    endpoint.base_path + target,
                    body=body,
                    headers=headers,
                    retries=False,
                    redirect=False,
                    timeout=timeout,
                    preload_content=not streamed,
                )
                if streamed and response.status != OK:
                    # Read here, a refusal is as complete as any other answer.
                    _ = response.data
            except HTTPError as exc:
                broken = isinstance(exc, ProtocolError) and not isinstance(exc, ReadTimeoutError)
                if not (broken and attempts):
                    raise self._unavailable(method, exc) from exc
            else:
                return response

    def _headers(self, endpoint: Endpoint, content_type: str, accept: str) -> dict[str, str]:
        headers = {
            "Accept": accept,
            "Content-Type": content_type,
            "User-Agent": f"secretsync/{__version__}",
        }
        try:
            authorization = endpoint.authorization()
        except ConfigError as exc:
            raise ClusterUnavailable(
                f"kube:{endpoint.context}: {exc.message}", remedy=exc.remedy
            ) from exc
        if authorization:
            headers["Authorization"] = authorization
        return headers

    def _renew_login(self, used: Endpoint) -> bool:
        """Read the credentials again; return whether there are other ones to try."""
        with self._lock:
            if self._endpoint is used and time.monotonic() >= self._reload_at:
                self._reload_at = time.monotonic() + RELOAD_PAUSE_S
                # The old pool goes with its last user; closing it would break
                # requests of other threads that the server did accept. Where
                # nothing can be read, the 401 is the better message.
                with contextlib.suppress(ConfigError):
                    self._endpoint = load_endpoint(self._context)
            return self._endpoint is not used

    def _unavailable(self, method: str, exc: Exception) -> ClusterUnavailable:
        name = f"kube:{self._endpoint.context}"
        remedy = "check the server address of this context and the network"
        if type(exc).__name__ == "SSLError":
            remedy = "check certificate-authority and tls-server-name of this context"
        doubt = "" if method == "GET" else "; whether it did what was asked is unknown"
        return ClusterUnavailable(f"{name} {_what_happened(exc)}{doubt}", remedy=remedy)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return Retry-After in seconds; the API server never sends its date form."""
    text = headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None


def _pause_s(response: BaseHTTPResponse) -> float | None:
    """Return after how long a request that was turned away is welcome; None if it was not."""
    if response.status != TOO_MANY_REQUESTS:
        return None
    asked_s = retry_after_s(response.headers)
    return None if asked_s is None else max(1.0, asked_s)


def _what_happened(exc: Exception) -> str:
    """One sentence for an exception of urllib3; its own text shows object addresses."""
    name = type(exc).__name__
    if name in ("ConnectTimeoutError", "ReadTimeoutError"):
        return "does not answer in time"
    if name == "NameResolutionError":
        return "has a host name that does not resolve"
    if name == "SSLError":
        cause = exc.args[0] if exc.args else None
        reason = getattr(cause, "verify_message", "") or getattr(cause, "reason", "")
        return f"fails the TLS handshake: {reason or 'unknown reason'}"
    causes = [exc.__cause__, *exc.args]
    strerror = next((c.strerror for c in causes if isinstance(c, OSError) and c.strerror), "")
    verb = "cannot be reached" if name == "NewConnectionError" else "broke off the connection"
    return f"{verb}: {strerror}" if strerror else verb
