"""A webhook under the contract suite: a loopback HTTPS server with a store of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from providers.base import CaProvider, Credentials
from providers.registry import load
from providers.webhook.config import WebhookConfig, WebhookResult
from secretsync.refresh.rendering import rendering
from tests.contract.provider_cases import Ability
from tests.support.web import Answer, Reply, Request, WebServer, fault, json_reply, web_server

__all__ = ["opened_webhook_case"]

CA = CaProvider("Secret", "webhook", "ca.crt")


class WebhookCase:
    abilities = Ability(0)
    batch_size = 1
    batch_calls = 1
    #: What templates make of nothing, nobody knows.
    probes = False

    def __init__(self, server: WebServer) -> None:
        self._server = server
        server.handler = self._answer
        self._values: dict[str, str] = {}
        self._denied: set[str] = set()
        self._fault: Answer | None = None
        self.observed: list[tuple[str, str]] = []

    def open(self) -> Any:
        config = WebhookConfig(
            f"{self._server.url}/get?key={{{{ .remoteRef.key }}}}",
            result=WebhookResult("$.value"),
            ca_provider=CA,
        )
        credentials = Credentials(
            authorities={CA: self._server.ca_pem},
            context={"webhook_networks": "127.0.0.1"},
            rendering=rendering,
        )
        return load("webhook").open_provider(config, credentials, observe=self._observe)

    def _observe(self, operation: str, outcome: str) -> None:
        self.observed.append((operation, outcome))

    def _answer(self, request: Request) -> Answer:
        if self._fault is not None:
            return self._fault
        [key] = parse_qs(urlsplit(request.path).query)["key"]
        if key in self._denied:
            return json_reply('{"error": "forbidden"}', 403)
        if key not in self._values:
            return json_reply('{"error": "not found"}', 404)
        return json_reply(f'{{"value": "{self._values[key]}"}}')

    def put(self, key: str, value: str) -> None:
        self._values[key] = value

    def payload(self, value: str) -> bytes:
        return value.encode()

    def found_name(self, key: str) -> str:
        return key

    def tag(self, key: str, tags: Mapping[str, str]) -> None:
        raise NotImplementedError

    def delete(self, key: str) -> None:
        del self._values[key]

    def deny(self, key: str) -> None:
        self._denied.add(key)

    def throttle(self, retry_after_s: int) -> None:
        self._fault = Reply(429, {"Retry-After": str(retry_after_s)})

    def fail(self) -> None:
        self._fault = fault("server-error")

    def garble(self) -> None:
        self._fault = fault("html")

    def cut_off(self) -> None:
        self._fault = fault("half-body")

    def heal(self) -> None:
        self._fault = None

    def delay_lists(self, seconds: int) -> None:
        """There are no lists."""

    def pass_time(self, seconds: int) -> None:
        """No time plays a part."""

    def calls(self) -> int:
        return len(self._server.requests)


@contextlib.contextmanager
def opened_webhook_case() -> Iterator[WebhookCase]:
    """A server of its own."""
    with web_server(lambda request: json_reply("{}")) as server:
        yield WebhookCase(server)
