"""A second real API server, for what reaches from one cluster into another.

One a process, started when the first test needs it and stopped with the process.
Neighbour: `kube` is the server; `KubeFront` stands before it and goes wrong on demand.
"""

from __future__ import annotations

import atexit
import functools
import http.client
import json
import shutil
import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.support.kube import KubeServer
from tests.support.kube_certs import CertificateAuthority
from tests.support.web import Answer, Reply, Request, WebServer

__all__ = ["KubeFront", "second_server", "status_reply"]


@functools.cache
def second_server() -> KubeServer:
    """Return the running server."""
    folder = Path(tempfile.mkdtemp(prefix="second-kube-"))
    server = KubeServer(folder)
    server.start()

    def stop() -> None:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    return server


def status_reply(code: int, reason: str, **headers: str) -> Reply:
    """Return an error in the shape of an API server."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason}
    return Reply(code, {"Content-Type": "application/json", **headers}, json.dumps(body).encode())


class KubeFront:
    """Passes requests on to an API server, bearer tokens included, until told otherwise."""

    def __init__(self, server: KubeServer) -> None:
        self._upstream = server.url.removeprefix("https://")
        self._context = ssl.create_default_context(cafile=str(server.ca))
        self._web = WebServer(self._answer, authority=CertificateAuthority())
        self.url = self._web.url
        self.ca_pem = self._web.ca_pem
        self.denied: set[str] = set()
        #: Given what makes the true reply; None passes it on.
        self.fault: Callable[[Callable[[], Reply]], Answer] | None = None

    def calls(self) -> int:
        """Return how many requests arrived."""
        return len(self._web.requests)

    @property
    def requests(self) -> list[Request]:
        """What arrived."""
        return self._web.requests

    def close(self) -> None:
        """Stop."""
        self._web.close()

    def _answer(self, request: Request) -> Answer:
        if self.fault is not None:
            return self.fault(lambda: self._passed_on(request))
        if request.path.rsplit("/", 1)[-1] in self.denied:
            return status_reply(403, "Forbidden")
        return self._passed_on(request)

    def _passed_on(self, request: Request) -> Reply:
        upstream = http.client.HTTPSConnection(self._upstream, context=self._context, timeout=30)
        kept = ("authorization", "content-type", "accept")
        headers = {name: text for name, text in request.headers.items() if name in kept}
        try:
            upstream.request(request.method, request.path, body=request.body, headers=headers)
            answer = upstream.getresponse()
            content_type = answer.headers.get("Content-Type", "application/json")
            return Reply(answer.status, {"Content-Type": content_type}, answer.read())
        finally:
            upstream.close()
