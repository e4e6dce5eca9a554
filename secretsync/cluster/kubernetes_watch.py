"""Watches: one streamed answer of an API server as WatchEvents.

kubernetes.py decides what to ask for; here is how a stream is read, how it is
ended from outside, and what its error events mean. A reader blocks in the socket,
so StopGuard ends it by closing the connection's reading half.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, ReadTimeoutError

from secretsync.cluster.base import WatchEvent, WatchEventType
from secretsync.cluster.kubernetes_errors import Status
from secretsync.errors import ClusterUnavailable

__all__ = ["StopGuard", "WatchRefusedError", "read_events", "without_managed_fields"]

#: A stopped watch ends after about this long.
STOP_POLL_S = 0.2
CHUNK_BYTES = 1 << 16
INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class WatchRefusedError(Exception):
    """The stream ended with an ERROR event.

    Args:
        status: the Status in it.
    """

    def __init__(self, status: Status) -> None:
        super().__init__(status.reason)
        self.status = status


class _Line(msgspec.Struct):
    type: str
    object: msgspec.Raw


_LINE = msgspec.json.Decoder(_Line)
_OBJECT = msgspec.json.Decoder(dict[str, Any])
_ERROR = msgspec.json.Decoder(Status)


class StopGuard:
    """Ends blocked reads of watches whose `stop` is set; one thread for all of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reads: dict[int, tuple[threading.Event, BaseHTTPResponse]] = {}
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def is_set(self, stop: threading.Event) -> bool:
        """Whether a watch has to end: its own `stop`, or close()."""
        return stop.is_set() or self._closed.is_set()

    def close(self) -> None:
        """End every watch."""
        self._closed.set()

    @contextlib.contextmanager
    def guarding(self, stop: threading.Event, response: BaseHTTPResponse) -> Iterator[None]:
        """Watch over a read while the block runs, then close its connection."""
        with self._lock:
            self._reads[id(response)] = (stop, response)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="kubernetes-watch-stop", daemon=True
                )
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                del self._reads[id(response)]
            response.close()
            # The closed connection goes back to its pool, which would otherwise
            # hold one less for every watch that ended.
            response.release_conn()

    def _run(self) -> None:
        while True:
            self._closed.wait(STOP_POLL_S)
            with self._lock:
                if not self._reads:
                    self._thread = None
                    return
                for stop, response in self._reads.values():
                    if self.is_set(stop):
                        # A response that just ended by itself has nothing to shut down.
                        with contextlib.suppress(OSError, ValueError, RuntimeError):
                            response.shutdown()


def read_events(
    response: BaseHTTPResponse, stop: threading.Event, guard: StopGuard
) -> Iterator[WatchEvent]:
    """Yield the events of a watch until it ends, goes silent, or is stopped.

    Raises:
        WatchRefusedError: the server sent an ERROR event.
        ClusterUnavailable: the stream broke off or is no watch.
    """
    with guard.guarding(stop, response):
        lines = _lines(response, stop, guard)
        for line in lines:
            if guard.is_set(stop):
                return
            if line:
                yield _event(line)


def without_managed_fields(obj: dict[str, Any]) -> dict[str, Any]:
    """Drop what is often half of an object and nobody reads in lists."""
    metadata = obj.get("metadata")
    if isinstance(metadata, dict):
        metadata.pop("managedFields", None)
    return obj


def _lines(response: BaseHTTPResponse, stop: threading.Event, guard: StopGuard) -> Iterator[bytes]:
    rest = b""
    try:
        for chunk in response.stream(CHUNK_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
    except ReadTimeoutError:
        # No bookmark for so long: half open, or a server without bookmarks. The
        # caller resumes from the last version either way, and meets the error then.
        return
    except (HTTPError, OSError, ValueError, AttributeError) as exc:
        # ValueError and AttributeError: the guard took the TLS layer away mid-read.
        if guard.is_set(stop):
            return
        raise ClusterUnavailable(
            "the API server broke off a watch", remedy="it is resumed by itself"
        ) from exc


def _event(line: bytes) -> WatchEvent:
    try:
        decoded = _LINE.decode(line)
        if decoded.type == "ERROR":
            raise WatchRefusedError(_ERROR.decode(decoded.object))
        obj = _OBJECT.decode(decoded.object)
        kind = WatchEventType(decoded.type)
    except (msgspec.DecodeError, ValueError) as exc:
        raise ClusterUnavailable(
            "the API server sent a watch event that is none",
            remedy="check what stands between this client and the API server",
        ) from exc
    metadata = obj.get("metadata") or {}
    version = str(metadata.get("resourceVersion") or "")
    if kind is not WatchEventType.BOOKMARK:
        return WatchEvent(kind, without_managed_fields(obj), version)
    if (metadata.get("annotations") or {}).get(INITIAL_EVENTS_END) == "true":
        kind = WatchEventType.SYNCED
    return WatchEvent(kind, {"metadata": {"resourceVersion": version}}, version)
