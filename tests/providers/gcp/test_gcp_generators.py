"""GCRAccessToken: the three keys of ESO, by every kind of login."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from providers.base import AuthFailed, Credentials, InvalidRef, SecretBytes, ServiceAccountSelector
from providers.gcp.config import GcpAuth, GcpSecretRef
from providers.gcp.generators import GCRAccessTokenSpec, audiences, generate
from tests.support.gcp import KEY, key_auth, key_credentials
from tests.support.gcp_account import PROJECT


def made(auth, credentials, observed=None):
    observed = [] if observed is None else observed
    return generate(
        GCRAccessTokenSpec(PROJECT, auth),
        credentials,
        observe=lambda *call: observed.append(call),
        entropy=bytes,
        now=datetime.now(UTC),
    )


def test_a_token_comes_with_its_user_name_and_its_end(server, environment, observed):
    values = made(key_auth(), key_credentials(), observed)
    assert values.keys() == {"username", "password", "expiry"}
    assert values["username"] == b"oauth2accesstoken"
    assert server.tokens.knows(values["password"].decode())
    assert 3500 < int(values["expiry"]) - time.time() <= 3601
    assert observed == [("ExchangeKey", "success")]


def test_a_refusal_speaks_of_the_generators_own_fields(server, environment):
    with pytest.raises(InvalidRef) as caught:
        made(GcpAuth(secret_ref=GcpSecretRef()), Credentials())
    assert caught.value.message.startswith("spec.auth.secretRef.")
    with pytest.raises(AuthFailed) as refused:
        made(key_auth(), Credentials({KEY: SecretBytes(b"{}")}))
    assert str(refused.value).startswith("spec.auth.secretRef.")


def test_a_refused_key_gives_no_values(server, environment):
    server.tokens.fault = lambda: (400, b'{"error": "invalid_grant"}')
    with pytest.raises(AuthFailed):
        made(key_auth(), key_credentials())


def test_audiences_are_those_of_a_store():
    spec = GCRAccessTokenSpec(PROJECT, GcpAuth())
    assert audiences(spec, ServiceAccountSelector("reader", audiences=("x",)), {}) == ("x",)
