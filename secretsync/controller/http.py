"""`/metrics`, `/healthz` and `/readyz`: read-only, small, on loopback unless asked."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from secretsync.controller.settings import Address
from secretsync.errors import ConfigError

__all__ = ["Page", "PageServer"]

log = logging.getLogger(__name__)

#: Answers a path: status code, content type, body.
Page = Callable[[], tuple[int, str, bytes]]


class PageServer:
    """Serves fixed paths by GET; everything else is 404."""

    def __init__(self, address: Address, pages: Mapping[str, Page]) -> None:
        try:
            self._server = ThreadingHTTPServer((address.host, address.port), _handler(pages))
        except OSError as exc:
            raise ConfigError(
                f"cannot listen on {address.host}:{address.port}: {exc.strerror}",
                remedy="choose another address, or 0 for none",
            ) from exc
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)

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


def _handler(pages: Mapping[str, Page]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "secretsync"
        sys_version = ""
        timeout = 10

        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            code, kind, body = page() if page else (404, "text/plain", b"not found\n")
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
            log.debug("http request", extra={"path": self.path})

    return Handler
