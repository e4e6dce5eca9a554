"""A service of one's own that secrets are asked of by HTTP, as webhook stores do."""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["EmbeddedWebhook", "embedded_webhook"]


class EmbeddedWebhook:
    """Answers `/secrets?key=K` with `{"value": {…}}`, and `&property=P` with that one alone.

    Attributes:
        token: whoever asks must bring it.
    """

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(24)
        self._secrets: dict[str, dict[str, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def put(self, key: str, properties: Mapping[str, str]) -> None:
        """Keep a secret, in the place of what was there."""
        self._secrets[key] = dict(properties)

    def start(self) -> None:
        """Serve."""
        self._thread.start()

    def stop(self) -> None:
        """End it and wait for that."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path: str, authorization: str) -> tuple[int, object]:
        """Return status and body for a request."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        found: object = self._secrets.get(asked.get("key", ""))
        if not secrets.compare_digest(authorization, f"Bearer {self.token}"):
            return 401, {}
        if isinstance(found, dict) and "property" in asked:
            found = found.get(asked["property"])
        return (404, {}) if found is None else (200, {"value": found})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, value = owner.answer(self.path, self.headers.get("Authorization", ""))
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler


@contextlib.contextmanager
def embedded_webhook() -> Iterator[EmbeddedWebhook]:
    """Serve until the block ends."""
    server = EmbeddedWebhook()
    server.start()
    try:
        yield server
    finally:
        server.stop()
