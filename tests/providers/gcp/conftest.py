"""Google for the tests of its adapter: a gRPC server of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.gcp import led_to, opening
from tests.support.gcp_server import GcpServer, gcp_server


@pytest.fixture
def server() -> Iterator[GcpServer]:
    with gcp_server() as made:
        yield made


@pytest.fixture
def secret(server: GcpServer) -> None:
    """A secret `app`, of one version."""
    server.account.put("app", "value")


@pytest.fixture
def environment(server: GcpServer) -> Iterator[pytest.MonkeyPatch]:
    """The environment that leads to the server; a test may change it."""
    with led_to(server) as made:
        yield made


@pytest.fixture
def observed() -> list[tuple[str, str]]:
    """What the provider reported of its requests."""
    return []


@pytest.fixture
def open_gcp(environment: Any, observed: list[tuple[str, str]]) -> Iterator[Callable[..., Any]]:
    """A function that opens sessions: with the key of the test account, unless told."""
    with opening(observed) as open_one:
        yield open_one
