"""GithubAccessToken and QuayAccessToken, against servers on this machine."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from providers import github, quay, tokens_over_http
from providers.base import (
    AccessDenied,
    AuthFailed,
    Credentials,
    InvalidRef,
    MalformedSecret,
    ProviderError,
    RateLimited,
    SecretBytes,
    SecretKeySelector,
    ServiceAccountSelector,
    ServiceAccountToken,
    Unavailable,
)
from providers.github import GithubAccessTokenSpec, GithubAuth, GithubPrivateKey
from providers.quay import QuayAccessTokenSpec
from tests.support.showing import shown
from tests.support.web import FAULTS, Reply, Request, WebServer, fault, json_reply, web_server

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CANARY = "canary-9f1c-must-not-show"
LOOPBACK = {"webhook_networks": "127.0.0.0/8"}
PEM = SecretKeySelector("app", "pem")
ACCOUNT = ServiceAccountSelector("robot", audiences=("quay",))
KEY = rsa.generate_private_key(65537, 2048)


def pem(key: Any = KEY, style: Any = serialization.PrivateFormat.TraditionalOpenSSL) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, style, serialization.NoEncryption())


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server(lambda request: json_reply("{}")) as made:
        yield made


@pytest.fixture
def trusted(server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WebServer:
    """The server, whose authority is the system's for this test."""
    authority = tmp_path / "ca.pem"
    authority.write_bytes(server.ca_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    monkeypatch.setattr(tokens_over_http, "DEADLINE_S", 60.0)
    return server


def app(server: WebServer, **more: Any) -> GithubAccessTokenSpec:
    auth = GithubAuth(GithubPrivateKey(PEM))
    given = {"app_id": "12345", "install_id": "678", "auth": auth, "url": server.url, **more}
    return GithubAccessTokenSpec(**given)


def robot(server: WebServer, **more: Any) -> QuayAccessTokenSpec:
    given = {"robot_account": "org+bot", "service_account_ref": ACCOUNT, "url": server.url, **more}
    return QuayAccessTokenSpec(**given)


def make(
    module: Any,
    config: Any,
    *,
    key: bytes | None = None,
    context: dict[str, str] | None = None,
    calls: list[tuple[str, str]] | None = None,
) -> dict[str, bytes]:
    credentials = Credentials(
        secrets={PEM: SecretBytes(pem() if key is None else key)},
        tokens={ACCOUNT: ServiceAccountToken(SecretBytes(CANARY.encode()), {})},
        context=LOOPBACK if context is None else context,
    )
    observe = (lambda *call: calls.append(call)) if calls is not None else (lambda *call: None)
    return module.generate(config, credentials, observe=observe, entropy=bytes, now=NOW)


def jwt(**claims: Any) -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + ".x"


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_github_gives_the_token_of_the_installation(trusted: WebServer) -> None:
    trusted.handler = lambda request: json_reply(
        json.dumps({"token": "ghs_made", "expires_at": "2026-01-02T04:04:05Z"}), 201
    )
    calls: list[tuple[str, str]] = []
    assert make(github, app(trusted), calls=calls) == {"token": b"ghs_made"}
    (request,) = trusted.requests
    assert (request.method, request.path) == ("POST", "/app/installations/678/access_tokens")
    assert json.loads(request.body) == {}
    assert calls == [("CreateInstallationAccessToken", "success")]


def test_github_is_asked_for_less_where_the_spec_says_so(trusted: WebServer) -> None:
    trusted.handler = lambda request: json_reply('{"token": "t"}', 201)
    permissions = (("contents", "read"),)
    make(github, app(trusted, repositories=("a", "b"), permissions=permissions))
    (request,) = trusted.requests
    assert json.loads(request.body) == {
        "repositories": ["a", "b"],
        "permissions": {"contents": "read"},
    }


def test_app_proves_itself_by_a_short_token_that_its_key_signed(trusted: WebServer) -> None:
    trusted.handler = lambda request: json_reply('{"token": "t"}', 201)
    make(github, app(trusted))
    (request,) = trusted.requests
    scheme, _, token = request.headers["authorization"].partition(" ")
    head, claims, signature = token.split(".")
    assert scheme == "Bearer"
    assert json.loads(decoded(head)) == {"alg": "RS256", "typ": "JWT"}
    now = int(NOW.timestamp())
    assert json.loads(decoded(claims)) == {"iat": now - 60, "exp": now + 300, "iss": "12345"}
    signed = f"{head}.{claims}".encode()
    KEY.public_key().verify(decoded(signature), signed, padding.PKCS1v15(), SHA256())
    with pytest.raises(InvalidSignature):
        KEY.public_key().verify(decoded(signature), signed + b"x", padding.PKCS1v15(), SHA256())


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"no key",
        pem()[:200],
        pem(ec.generate_private_key(ec.SECP256R1())),
        KEY.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        ),
    ],
    ids=["empty", "text", "cut", "elliptic", "passphrase"],
)
def test_key_that_cannot_sign_is_refused_before_anything_is_sent(
    trusted: WebServer, key: bytes
) -> None:
    with pytest.raises(AuthFailed) as caught:
        make(github, app(trusted), key=key)
    assert "no RSA key in PEM" in caught.value.message
    assert trusted.requests == []


def test_key_in_either_form_of_pem_signs(trusted: WebServer) -> None:
    trusted.handler = lambda request: json_reply('{"token": "t"}', 201)
    key = pem(style=serialization.PrivateFormat.PKCS8)
    assert make(github, app(trusted), key=key) == {"token": b"t"}


@pytest.mark.parametrize("install", ["../../user", "1/2", "1%2f2", "..", "1?x=y", "1\n", "x" * 200])
def test_installation_never_reaches_another_path(trusted: WebServer, install: str) -> None:
    with pytest.raises(InvalidRef):
        make(github, app(trusted, install_id=install))
    assert trusted.requests == []


def test_quay_exchanges_the_token_of_the_account(trusted: WebServer) -> None:
    token = jwt(exp=int(NOW.timestamp()))
    trusted.handler = lambda request: json_reply(json.dumps({"token": token}))
    host = trusted.url.removeprefix("https://")
    calls: list[tuple[str, str]] = []
    assert make(quay, robot(trusted), calls=calls) == {
        "registry": host.encode(),
        "auth": base64.b64encode(f"org+bot:{token}".encode()),
        "expiry": b"2026-01-02T03:04:05Z",
    }
    (request,) = trusted.requests
    assert (request.method, request.path) == ("GET", "/oauth2/federation/robot/token")
    pair = base64.b64encode(f"org+bot:{CANARY}".encode()).decode()
    assert request.headers["authorization"] == f"Basic {pair}"
    assert calls == [("GetRobotToken", "success")]
    assert make(quay, robot(trusted, url=host))["registry"] == host.encode()


def test_account_of_quay_is_issued_for_the_audiences_of_its_selector() -> None:
    assert quay.audiences(None, ACCOUNT, {}) == ("quay",)  # type: ignore[arg-type] # not looked at


@pytest.mark.parametrize("url", ["quay.io/path", "user@quay.io", "http://quay.io", "a b", "q:x"])
def test_registry_is_a_host_and_nothing_else(trusted: WebServer, url: str) -> None:
    with pytest.raises(InvalidRef):
        make(quay, robot(trusted, url=url))


@pytest.mark.parametrize("token", ["one-part", "a.b.c", jwt(), jwt(exp="soon"), jwt(exp=1e30)])
def test_token_of_quay_that_does_not_say_when_it_ends_is_refused(
    trusted: WebServer, token: str
) -> None:
    trusted.handler = lambda request: json_reply(json.dumps({"token": token}))
    with pytest.raises(MalformedSecret) as caught:
        make(quay, robot(trusted))
    assert token not in shown(caught.value)


BOTH = pytest.mark.parametrize(("module", "spec"), [(github, app), (quay, robot)], ids=["gh", "q"])


@BOTH
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, InvalidRef),
        (401, AuthFailed),
        (403, AccessDenied),
        (404, AuthFailed),
        (422, InvalidRef),
        (429, RateLimited),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_status_says_what_to_do_and_shows_nothing_of_the_answer(
    trusted: WebServer, module: Any, spec: Any, status: int, error: type[ProviderError]
) -> None:
    trusted.handler = lambda request: Reply(status, {}, f'{{"message": "{CANARY}"}}'.encode())
    calls: list[tuple[str, str]] = []
    with pytest.raises(ProviderError) as caught:
        make(module, spec(trusted), calls=calls)
    assert type(caught.value) is error
    assert CANARY not in shown(caught.value)
    assert [state for _, state in calls] == ["error"]


@BOTH
@pytest.mark.parametrize("name", FAULTS)
def test_server_that_goes_wrong_is_an_error_without_a_value(
    trusted: WebServer, monkeypatch: pytest.MonkeyPatch, module: Any, spec: Any, name: str
) -> None:
    monkeypatch.setattr(tokens_over_http, "DEADLINE_S", 0.7)

    def answer(request: Request) -> Any:
        return fault(name)

    trusted.handler = answer
    with pytest.raises((Unavailable, MalformedSecret)) as caught:
        make(module, spec(trusted))
    assert CANARY not in shown(caught.value)


@BOTH
@pytest.mark.parametrize("body", ["[]", "null", "{}", '{"token": ""}', '{"token": 5}', "x"])
def test_answer_without_a_token_is_refused(
    trusted: WebServer, module: Any, spec: Any, body: str
) -> None:
    trusted.handler = lambda request: json_reply(body)
    with pytest.raises(MalformedSecret):
        make(module, spec(trusted))


@BOTH
def test_private_address_is_asked_only_where_the_process_allows_it(
    trusted: WebServer, module: Any, spec: Any
) -> None:
    with pytest.raises(InvalidRef):
        make(module, spec(trusted), context={})
    assert trusted.requests == []


@BOTH
def test_server_whose_authority_is_not_known_gets_nothing(
    server: WebServer, module: Any, spec: Any
) -> None:
    with pytest.raises(Unavailable, match="TLS"):
        make(module, spec(server))
    assert server.requests == []


def test_plain_http_gets_no_proof_of_identity(trusted: WebServer) -> None:
    with pytest.raises(InvalidRef, match="https"):
        make(github, app(trusted, url=trusted.url.replace("https", "http")))
