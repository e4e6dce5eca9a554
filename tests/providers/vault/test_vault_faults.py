"""What goes wrong at the server or on the way: classes, clear words, no values."""

from __future__ import annotations

import base64

import pytest

from providers.base import (
    AccessDenied,
    InvalidRef,
    ProviderError,
    RateLimited,
    SecretNotFound,
    SecretValue,
    Unavailable,
)
from providers.vault import reaching
from tests.providers.vault.conftest import only
from tests.support.kube_certs import CertificateAuthority
from tests.support.openbao_front import vault_error
from tests.support.web import FAULTS, Reply, fault

CANARY = "canary-9f1c-must-not-show"


@pytest.fixture
def provider(bao, reader, put, open_vault):
    put("app/db", a=CANARY)
    return open_vault(bao.token(reader))


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        pytest.param(vault_error(400, CANARY), InvalidRef, "as invalid", id="400"),
        pytest.param(
            vault_error(400, "Upgrading from non-versioned to versioned data."),
            Unavailable,
            "being upgraded",
            id="400-upgrading",
        ),
        pytest.param(vault_error(405, "unsupported operation"), InvalidRef, "405", id="405"),
        pytest.param(vault_error(412), Unavailable, "not seen the last write", id="412"),
        pytest.param(vault_error(429, "quota"), RateLimited, "429", id="429"),
        pytest.param(vault_error(472), Unavailable, "standby", id="472"),
        pytest.param(vault_error(473), Unavailable, "standby", id="473"),
        pytest.param(vault_error(500, CANARY), Unavailable, "500", id="500"),
        pytest.param(vault_error(502, CANARY), Unavailable, "502", id="502"),
        pytest.param(vault_error(503, "Vault is sealed"), Unavailable, "sealed", id="503-sealed"),
        pytest.param(Reply(403, {}, b"<html>denied"), Unavailable, "own words", id="403-proxy"),
        pytest.param(Reply(401, {}, b""), Unavailable, "own words", id="401-proxy"),
        pytest.param(Reply(404, {}, b"<html>"), Unavailable, "own words", id="404-proxy"),
        pytest.param(Reply(404, {}, b""), Unavailable, "own words", id="404-empty"),
        pytest.param(Reply(204, {}, b""), ProviderError, "holds no data", id="204"),
    ],
)
def test_an_error_status_says_what_to_do(front, provider, reply, kind, words):
    front.answer_all(reply)
    got = only(provider, "app/db")
    assert isinstance(got, kind), repr(got)
    assert not isinstance(got, SecretNotFound)
    assert words in got.message
    assert CANARY not in f"{got!r}{got.remedy}"


def test_a_denial_whose_token_cannot_be_checked_stays_a_denial(front, provider):
    front.spoil = lambda request: (
        vault_error(403, "permission denied")
        if "/data/" in request.path
        else vault_error(500, "internal error")
    )
    assert isinstance(only(provider, "app/db"), AccessDenied)


def test_many_denials_ask_about_the_token_once(front, provider):
    front.spoil = lambda request: (
        vault_error(403, "permission denied") if "/data/" in request.path else None
    )
    for number in range(5):
        assert isinstance(only(provider, f"app/{number}"), AccessDenied)
    assert front.calls().count("GET /v1/auth/token/lookup-self") == 1


@pytest.mark.parametrize("name", FAULTS)
def test_a_server_that_breaks_is_no_absence_and_shows_nothing(
    front, provider, name, monkeypatch, open_vault, bao, reader
):
    monkeypatch.setattr(reaching, "DEADLINE_S", 0.5)
    front.answer_all(fault(name))
    got = only(open_vault(bao.token(reader)), "app/db")
    assert not isinstance(got, SecretValue | SecretNotFound), repr(got)
    assert CANARY not in f"{got!r}{got.remedy}"
    front.heal()
    assert isinstance(only(provider, "app/db"), SecretValue)


def test_a_certificate_of_another_authority_is_refused_with_a_remedy(
    front, bao, reader, open_vault
):
    other = base64.b64encode(CertificateAuthority().pem).decode()
    got = only(open_vault(bao.token(reader), ca_bundle=other), "app/db")
    assert isinstance(got, Unavailable)
    assert "TLS" in got.message
    assert "certificates" in got.remedy
    assert front.seen == []


def test_the_metadata_service_of_a_cloud_is_never_asked(open_vault):
    got = only(open_vault("t", server="http://169.254.169.254/latest"), "app/db")
    assert isinstance(got, InvalidRef)


@pytest.mark.parametrize("bundle", ["not base64!", base64.b64encode(b"no pem").decode()])
def test_a_bundle_that_is_no_certificate_is_refused_at_once(open_vault, bundle):
    with pytest.raises(InvalidRef):
        open_vault("t", ca_bundle=bundle)


def test_a_call_after_the_end_is_transient_and_sends_nothing(front, provider):
    provider.close()
    assert isinstance(only(provider, "app/db"), Unavailable)
    assert front.seen == []
