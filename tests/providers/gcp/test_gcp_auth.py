"""Keys, the identity of the process, and the services that exchange them for tokens."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from providers.base import (
    AuthFailed,
    Credentials,
    InvalidRef,
    RateLimited,
    SecretBytes,
    SecretValue,
    Unavailable,
)
from providers.gcp.config import (
    GcpAuth,
)
from providers.gcp.login import KeyLogin
from providers.gcp.tokens import TokenSource
from tests.providers.gcp.identities import read, text_of
from tests.support.gcp import KEY
from tests.support.gcp_certificates import roots_file
from tests.support.gcp_tokens import key_file


def test_a_key_is_exchanged_once_for_many_reads(server, open_gcp, secret):
    provider = open_gcp()
    for _ in range(3):
        assert isinstance(read(provider), SecretValue)
    assert [host for host, _ in server.tokens.requests] == ["oauth2.googleapis.com"]


def test_eight_threads_log_in_once(server, open_gcp, secret):
    provider, start = open_gcp(), threading.Barrier(8)
    answers = []

    def work():
        start.wait()
        answers.append(read(provider))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(isinstance(answer, SecretValue) for answer in answers)
    assert server.tokens.count() == 1


def test_a_short_lived_token_is_used_to_its_end(server, open_gcp, secret):
    # The SDK takes a token for stale in its last minutes.
    server.tokens.lifetime_s = 60
    provider = open_gcp()
    for _ in range(3):
        assert isinstance(read(provider), SecretValue)
    assert server.tokens.count() == 1


@pytest.mark.parametrize("failing", [False, True])
def test_a_token_near_its_end_is_renewed_once_and_kept_where_that_fails(
    server, environment, failing
):
    with closing(TokenSource(KeyLogin(json.loads(key_file())), observe=lambda *_: None)) as source:
        first = source.token()
        source._credentials.expiry = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=60)
        if failing:
            server.tokens.fault = lambda: (503, b"")
        assert (source.token() == source.token() == first) == failing
        assert server.tokens.count() == 2
        source._credentials.expiry = datetime.now(UTC).replace(tzinfo=None)
        server.tokens.fault = None
        assert source.token() != first
        assert server.tokens.count() == 3


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"not json canary", id="text"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(key_file(type="authorized_user"), id="user"),
        pytest.param(key_file(type="external_account"), id="external"),
        pytest.param(key_file(private_key=""), id="no-key"),
        pytest.param(key_file(private_key="canary"), id="bad-key"),
        pytest.param(key_file(client_email=None), id="no-email"),
        pytest.param(key_file(universe_domain="example.com"), id="universe"),
        pytest.param(key_file(token_uri="https://evil.example.com/token"), id="host"),
        pytest.param(key_file(token_uri="http://oauth2.googleapis.com/token"), id="plain"),
        pytest.param(key_file(token_uri="https://a@oauth2.googleapis.com/token"), id="user-part"),
        pytest.param(key_file(token_uri="https://oauth2.googleapis.com:1/token"), id="port"),
        pytest.param(key_file(token_uri="http://169.254.169.254/"), id="metadata"),
        pytest.param(key_file(token_uri="https://[::1"), id="no-url"),
    ],
)
def test_a_key_file_that_cannot_be_used_is_refused_and_sent_nowhere(
    server, open_gcp, secret, content
):
    try:
        answer = read(open_gcp(Credentials({KEY: SecretBytes(content)})))
    except AuthFailed as exc:
        answer = exc
    assert isinstance(answer, AuthFailed)
    assert "canary" not in text_of(answer) + answer.remedy
    assert server.tokens.requests == []


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": "invalid_grant", "error_description": "canary"}, AuthFailed),
        (401, {"error": "unauthorized_client", "error_description": "canary"}, AuthFailed),
        (400, {"error": "internal_failure", "error_description": "canary"}, Unavailable),
        (403, b"<html>canary</html>", Unavailable),
        (200, b"<html>canary</html>", Unavailable),
        (200, {"canary": 1}, Unavailable),
        (200, b'{"access_token": "can', Unavailable),
        (200, b'"' + b"x" * 300_000 + b'"', Unavailable),
        (200, {"access_token": "canary\r\nx: y"}, Unavailable),
        (500, {"error": "canary"}, Unavailable),
        (503, b"canary", Unavailable),
        (302, {"location": "canary"}, Unavailable),
        (429, {"error": "canary"}, RateLimited),
    ],
)
def test_every_answer_of_a_token_service_says_what_to_do(
    server, open_gcp, secret, status, body, kind
):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    server.tokens.fault = lambda: (status, text)
    answer = read(open_gcp())
    assert type(answer) is kind or (len(text) > 256 * 1024 and not isinstance(answer, SecretValue))
    assert "canary" not in text_of(answer) + answer.remedy
    assert server.tokens.count() == 1
    assert server.calls == []


def test_refused_credentials_are_not_tried_again(server, open_gcp, secret):
    server.tokens.fault = lambda: (400, b'{"error": "invalid_grant"}')
    provider = open_gcp()
    assert isinstance(read(provider), AuthFailed)
    server.tokens.fault = None
    assert isinstance(read(provider), AuthFailed)
    assert "invalid_grant" in read(provider).message
    assert server.tokens.count() == 1
    with pytest.raises(AuthFailed):
        provider.check([])


def test_a_token_service_that_recovers_is_asked_again(server, open_gcp, secret):
    server.tokens.fault = lambda: (503, b"")
    provider = open_gcp()
    assert isinstance(read(provider), Unavailable)
    server.tokens.fault = None
    assert isinstance(read(provider), SecretValue)


def test_without_a_block_the_process_own_identity_is_used(
    server, open_gcp, secret, environment, tmp_path
):
    path = tmp_path / "key.json"
    path.write_bytes(key_file(token_uri=f"{server.tokens.url}/oauth2.googleapis.com/token"))
    environment.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    environment.setenv("REQUESTS_CA_BUNDLE", roots_file())
    assert isinstance(read(open_gcp(auth=GcpAuth())), SecretValue)


def test_without_any_identity_it_is_said_so(server, open_gcp, secret, environment, tmp_path):
    environment.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    answer = read(open_gcp(auth=GcpAuth()))
    assert isinstance(answer, AuthFailed)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GCP_SECRETMANAGER_ENDPOINT", "http://example.com:80"),
        ("GCP_SECRETMANAGER_ENDPOINT", "http://127.0.0.1.example.com:80"),
        ("GCP_SECRETMANAGER_ENDPOINT", "example.com:443"),
        ("GCP_SECRETMANAGER_ENDPOINT", "https://[::1"),
        ("GCP_AUTH_ENDPOINT", "https://example.com"),
        ("GCP_AUTH_ENDPOINT", "http://127.0.0.1:1"),
        ("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "/nowhere/roots.pem"),
    ],
)
def test_an_endpoint_that_would_weaken_is_refused(open_gcp, environment, variable, value):
    environment.setenv(variable, value)
    with pytest.raises(InvalidRef) as caught:
        open_gcp()
    assert variable in caught.value.message


def test_a_server_with_another_authority_gets_nothing(server, open_gcp, secret, environment):
    provider_before = open_gcp()
    assert isinstance(read(provider_before), SecretValue)
    environment.delenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH")
    before = server.count(), server.tokens.count()
    assert isinstance(read(open_gcp()), Unavailable)
    assert (server.count(), server.tokens.count()) == before
