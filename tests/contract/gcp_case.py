"""Google Cloud Secret Manager under the contract suite: our gRPC server, over TLS."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from providers.gcp.config import GcpConfig
from providers.registry import load
from tests.contract.provider_cases import Ability
from tests.contract.respelled import Respelled, respelled
from tests.support.gcp import key_auth, key_credentials, led_to
from tests.support.gcp_account import PROJECT
from tests.support.gcp_server import GcpServer, gcp_server

__all__ = ["opened_gcp_case"]


class GcpCase:
    abilities = ~Ability(0)
    batch_size = 1
    #: The number of a version, then the version.
    batch_calls = 2

    def __init__(self, server: GcpServer) -> None:
        self._server = server
        self.observed: list[tuple[str, str]] = []

    def open(self) -> Any:
        config = GcpConfig(project_id=PROJECT, auth=key_auth())
        module = load("gcpsm")
        return Respelled(module.open_provider(config, key_credentials(), observe=self._observe))

    def _observe(self, operation: str, outcome: str) -> None:
        if operation != "ExchangeKey":
            self.observed.append((operation, outcome))

    def put(self, key: str, value: str) -> None:
        self._server.account.put(respelled(key), value)

    def payload(self, value: str) -> bytes:
        return value.encode()

    def found_name(self, key: str) -> str:
        return respelled(key)

    def tag(self, key: str, tags: Mapping[str, str]) -> None:
        stored = self._server.account.secret(self._name(key))
        stored.resource.labels = dict(tags)
        stored.touch()

    def delete(self, key: str) -> None:
        self._server.account.delete(self._name(key))

    def deny(self, key: str) -> None:
        self._server.account.denied.add(respelled(key))

    def throttle(self, retry_after_s: int) -> None:
        self._server.throttle(retry_after_s)

    def fail(self) -> None:
        self._server.fail()

    def garble(self) -> None:
        self._server.garble()

    def cut_off(self) -> None:
        self._server.cut_off()

    def heal(self) -> None:
        self._server.heal()

    def delay_lists(self, seconds: int) -> None:
        self._server.account.latest_lag_s = seconds

    def pass_time(self, seconds: int) -> None:
        self._server.pass_time(seconds)

    def calls(self) -> int:
        return self._server.count()

    @staticmethod
    def _name(key: str) -> str:
        return f"projects/{PROJECT}/secrets/{respelled(key)}"


@contextlib.contextmanager
def opened_gcp_case() -> Iterator[GcpCase]:
    """Serve one project, with the environment that leads to it."""
    with gcp_server() as server, led_to(server):
        yield GcpCase(server)
