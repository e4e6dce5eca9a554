"""What a Vault store shows and trusts at the door: certificate, authority, a token in a Secret."""

from __future__ import annotations

import base64
import contextlib
import json
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
from providers.vault.config import (
    CertificateSelector,
    KeySelector,
    TokenSelector,
    VaultAuth,
    VaultConfig,
    VaultKubernetesAuth,
    VaultTls,
)
from tests.support.kube_certs import CertificateAuthority
from tests.support.web import WebServer, json_reply

TOKEN, JWT = SecretKeySelector("vault", "token"), TokenSelector("vault", "jwt")
CERT, KEY = CertificateSelector("vault"), KeySelector("vault")
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
    held: dict[SecretKeySelector, SecretBytes] = {TOKEN: SecretBytes(b"made-up")}
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


def test_token_of_a_secret_logs_in_to_kubernetes_auth(server: WebServer) -> None:
    login = {"auth": {"client_token": "made-up", "lease_duration": 60}}
    server.handler = lambda request: json_reply(json.dumps(login))
    chain, key = CLIENTS.issue_client("web", [])
    held: dict[SecretKeySelector, SecretBytes] = {
        CERT: SecretBytes(chain),
        KEY: SecretBytes(key),
        JWT: SecretBytes(b"token-of-a-secret"),
    }
    config = VaultConfig(
        server=server.url,
        path="kv",
        ca_bundle=base64.b64encode(server.ca_pem).decode(),
        tls=VaultTls(CERT, KEY),
        auth=VaultAuth(kubernetes=VaultKubernetesAuth(role="app", secret_ref=JWT)),
    )
    store = load("vault").open_provider(config, Credentials(held), observe=lambda *_: None)
    with contextlib.closing(store):
        store.fetch([SecretRef("app")])
    assert server.requests[0].path == "/v1/auth/kubernetes/login"
    assert json.loads(server.requests[0].body) == {"role": "app", "jwt": "token-of-a-secret"}
