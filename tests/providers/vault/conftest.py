"""Vault for the tests of its adapter: the shared OpenBao, an engine of the test's own."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from providers.base import Credentials, SecretBytes, SecretKeySelector, SecretRef
from providers.registry import load
from providers.vault.config import VaultAuth, VaultConfig
from providers.vault.kv import VaultKv
from tests.support.openbao import Bao, shared_bao
from tests.support.openbao_front import BaoFront, bao_front

Open = Callable[..., VaultKv]

TOKEN = SecretKeySelector("vault", "token")


@pytest.fixture
def bao() -> Bao:
    return shared_bao()


@pytest.fixture
def front() -> Iterator[BaoFront]:
    with bao_front() as made:
        yield made


@pytest.fixture
def observed() -> list[tuple[str, str]]:
    """What the provider reported of its requests."""
    return []


@pytest.fixture
def mount(bao: Bao) -> str:
    """An engine of version 2."""
    return bao.engine()


@pytest.fixture
def reader(bao: Bao, mount: str) -> str:
    """A policy that reads, lists and scans the engine."""
    return bao.policy({f"{mount}/*": ["read", "list", "scan"]})


@pytest.fixture
def open_vault(front: BaoFront, observed: list, mount: str) -> Iterator[Open]:
    """Open a session through the front.

    `token` is what the store is given, `auth` another block; `secrets` and `tokens` resolve
    its selectors; the rest are fields of the store's block.
    """
    opened: list[VaultKv] = []

    def open_one(
        token: str = "",
        *,
        auth: VaultAuth | None = None,
        secrets: dict | None = None,
        tokens: dict | None = None,
        **config: Any,
    ) -> VaultKv:
        held = {
            selector: SecretBytes(value.encode()) for selector, value in (secrets or {}).items()
        }
        if token:
            held[TOKEN] = SecretBytes(token.encode())
        block = {
            "server": front.url,
            "ca_bundle": base64.b64encode(front.ca_pem).decode(),
            "path": mount,
            "auth": auth or VaultAuth(token_secret_ref=TOKEN),
            **config,
        }
        provider = load("vault").open_provider(
            VaultConfig(**block),
            Credentials(held, tokens or {}),
            observe=lambda *call: observed.append(call),
        )
        opened.append(provider)
        return provider

    yield open_one
    for provider in opened:
        provider.close()


@pytest.fixture
def put(bao: Bao, mount: str) -> Callable[..., None]:
    """Write a map to the engine as its owner."""

    def put_one(key: str, **values: Any) -> None:
        bao.ask("POST", f"{mount}/data/{key}", {"data": values})

    return put_one


def only(provider: VaultKv, key: str, **options: Any) -> Any:
    """Read one ref; return the value or the error."""
    ref = SecretRef(key, **options)
    return provider.fetch([ref])[ref]
