"""Google for tests of its adapter: the environment that leads to the test server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from providers.base import Credentials, SecretBytes, SecretKeySelector
from providers.gcp import open_provider
from providers.gcp.config import GcpAuth, GcpConfig, GcpSecretRef
from providers.gcp.secret_manager import GcpSecretManager
from tests.support.gcp_account import PROJECT
from tests.support.gcp_certificates import roots_file
from tests.support.gcp_server import GcpServer
from tests.support.gcp_tokens import key_file

__all__ = ["KEY", "key_auth", "key_credentials", "led_to", "opening"]

KEY = SecretKeySelector("gcp", "key.json")


def key_auth() -> GcpAuth:
    return GcpAuth(secret_ref=GcpSecretRef(KEY))


def key_credentials(**changes: Any) -> Credentials:
    """Return the key of the test account, with fields of its file changed."""
    return Credentials({KEY: SecretBytes(key_file(**changes))})


@contextmanager
def led_to(server: GcpServer) -> Iterator[pytest.MonkeyPatch]:
    """Point the adapter to a server, and nothing else."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith(("GOOGLE_", "GCE_", "GCP_"))]:
            environment.delenv(name)
        environment.setenv("GCP_SECRETMANAGER_ENDPOINT", server.url)
        environment.setenv("GCP_AUTH_ENDPOINT", server.tokens.url)
        environment.setenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", roots_file())
        yield environment


@contextmanager
def opening(observed: list[tuple[str, str]]) -> Iterator[Callable[..., GcpSecretManager]]:
    """Give a function that opens sessions, and close them at the end."""
    opened: list[Any] = []

    def open_one(credentials: Credentials | None = None, **config: Any) -> Any:
        config = {"project_id": PROJECT, "auth": key_auth(), **config}
        provider = open_provider(
            GcpConfig(**config),
            credentials or key_credentials(),
            observe=lambda *call: observed.append(call),
        )
        opened.append(provider)
        return provider

    yield open_one
    for provider in opened:
        provider.close()
