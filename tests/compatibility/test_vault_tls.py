"""What a Vault store shows and trusts at the door: its certificate, its authority."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator

import pytest

from providers.base import (
    CaProvider,
    Credentials,
    SecretBytes,
    SecretKeySelector,
    SecretRef,
    SecretValue,
)
from providers.registry import load
from providers.vault.config import VaultAuth, VaultConfig, VaultTls
from tests.support.kube_certs import CertificateAuthority
from tests.support.web import WebServer, json_reply

TOKEN, CERT, KEY = (SecretKeySelector("vault", name) for name in ("token", "tls.crt", "tls.key"))
CA = CaProvider("ConfigMap", "authority", "ca.crt")
CLIENTS = CertificateAuthority()


@pytest.fixture
def server() -> Iterator[WebServer]:
    reply = '{"data": {"data": {"user": "alice"}, "metadata": {"version": 1}}}'
    opened = WebServer(
        lambda request: json_reply(reply), authority=CertificateAuthority(), clients=CLIENTS
    )
    with contextlib.closing(opened):
        yield opened


def read(
    server: WebServer, issuer: CertificateAuthority | None, *, ca: CaProvider | None = None
) -> object:
    """Read one key with the certificate of an issuer."""
    held = {TOKEN: SecretBytes(b"made-up")}
    tls = VaultTls()
    if issuer is not None:
        chain, key = issuer.issue_client("web", [])
        held |= {CERT: SecretBytes(chain), KEY: SecretBytes(key)}
        tls = VaultTls(CERT, KEY)
    config = VaultConfig(
        server=server.url,
        path="kv",
        ca_bundle="" if ca else base64.b64encode(server.ca_pem).decode(),
        ca_provider=ca,
        tls=tls,
        auth=VaultAuth(token_secret_ref=TOKEN),
    )
    credentials = Credentials(held, authorities={CA: server.ca_pem})
    store = load("vault").open_provider(config, credentials, observe=lambda *_: None)
    with contextlib.closing(store):
        ref = SecretRef("app")
        return store.fetch([ref])[ref]


def test_client_certificate_of_the_store_is_shown(server: WebServer) -> None:
    assert isinstance(read(server, CLIENTS), SecretValue)
    assert not isinstance(read(server, None), SecretValue)
    assert not isinstance(read(server, CertificateAuthority()), SecretValue)


def test_authority_of_a_ca_provider_is_trusted(server: WebServer) -> None:
    assert isinstance(read(server, CLIENTS, ca=CA), SecretValue)
