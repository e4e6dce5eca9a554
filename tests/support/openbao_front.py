"""Stands before OpenBao: counts requests, and answers some of them wrongly.

Neighbours: `openbao` is behind it; `web` serves and has the table of faults.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator

from tests.support.openbao import Bao, shared_bao
from tests.support.web import Answer, Reply, Request, WebServer, fault, json_reply, web_server

__all__ = ["BaoFront", "bao_front", "vault_error"]

_HOP = ("transfer-encoding", "content-length", "connection")


class BaoFront:
    """A proxy of the test's own.

    Attributes:
        spoil: gives the answer for a request, or None for the true one.
        seen: each request that arrived.
    """

    def __init__(self, server: WebServer, bao: Bao) -> None:
        self._server = server
        self._bao = bao
        self.spoil: Callable[[Request], Answer | None] = lambda request: None
        server.handler = self._answer

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def ca_pem(self) -> bytes:
        return self._server.ca_pem

    @property
    def seen(self) -> list[Request]:
        return self._server.requests

    def calls(self) -> list[str]:
        """Return method and path of each request, without its query."""
        return [f"{one.method} {one.path.partition('?')[0]}" for one in self.seen]

    def answer_all(self, answer: Answer) -> None:
        """Answer everything with this."""
        self.spoil = lambda request: answer

    def heal(self) -> None:
        """Answer the truth again."""
        self.spoil = lambda request: None

    def _answer(self, request: Request) -> Answer:
        wrong = self.spoil(request)
        if wrong is not None:
            return wrong
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.startswith("x-vault") or name == "content-type"
        }
        status, got, body = self._bao.raw(request.method, request.path, headers, request.body)
        kept = {name: value for name, value in got.items() if name.lower() not in _HOP}
        return Reply(status, kept, body)


def vault_error(status: int, *errors: str, **headers: str) -> Reply:
    """Return an error as the server words it."""
    return json_reply(json.dumps({"errors": errors}), status, **headers)


@contextlib.contextmanager
def bao_front() -> Iterator[BaoFront]:
    """Stand before the shared server for a while."""
    with web_server(lambda request: fault("server-error")) as server:
        yield BaoFront(server, shared_bao())
