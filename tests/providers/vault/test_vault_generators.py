"""VaultDynamicSecret against a real OpenBao: any path, any method, three kinds of result."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest

from providers.base import AccessDenied, Credentials, InvalidRef, SecretBytes, Unavailable
from providers.vault.config import VaultAppRole, VaultAuth, VaultConfig
from providers.vault.generators import CONFIG, generate
from secretsync.generators.registry import load
from tests.providers.vault.conftest import TOKEN
from tests.providers.vault.test_vault_auth import ONE, TWO


@pytest.fixture
def ask(bao):
    """Generate with an AppRole that may do everything; returns the values."""
    path = bao.method("approle")
    policy = bao.policy({"*": ["create", "read", "update", "list"]})
    bao.ask("POST", f"auth/{path}/role/app", {"token_policies": [policy], "token_ttl": "1h"})
    role_id = bao.ask("GET", f"auth/{path}/role/app/role-id")["data"]["role_id"]
    secret_id = bao.ask("POST", f"auth/{path}/role/app/secret-id")["data"]["secret_id"]
    given = {ONE: role_id, TWO: secret_id, TOKEN: "made-up"}
    secrets = {selector: SecretBytes(text.encode()) for selector, text in given.items()}
    app_role = VaultAuth(app_role=VaultAppRole(path=path, role_ref=ONE, secret_ref=TWO))

    def generated(path, *, auth=app_role, **spec):
        config = VaultConfig(
            server=bao.url, ca_bundle=base64.b64encode(bao.ca_pem).decode(), auth=auth
        )
        return generate(
            CONFIG(path=path, provider=config, **spec),
            Credentials(secrets),
            observe=lambda *call: None,
            entropy=bytes,
            now=datetime.now(UTC),
        )

    return generated


def test_the_kind_is_registered():
    assert load("VaultDynamicSecret").CONFIG is CONFIG


def test_data_is_what_the_engine_gives_by_key(bao, ask):
    mount = bao.engine(1)
    held = {"text": "a<b", "n": 12, "t": True, "x": None, "o": {"b": 1}}
    bao.ask("POST", f"{mount}/db", held)
    assert ask(f"/{mount}/db") == {
        "text": b"a<b",
        "n": b"12",
        "t": b"true",
        "x": b"",
        "o": b'{"b":1}',
    }


def test_parameters_are_sent_and_the_token_of_the_login_lives_on(bao, ask):
    got = ask("auth/token/create", method="POST", parameters={"ttl": "5m"}, result_type="Auth")
    assert bao.lives(got["client_token"].decode()), "a child ends with its parent"
    assert got["lease_duration"] == b"300"
    assert json.loads(got["policies"])


def test_raw_is_the_whole_answer(bao, ask):
    mount = bao.engine(1)
    bao.ask("POST", f"{mount}/db", {"a": "b"})
    got = ask(f"{mount}/db", result_type="Raw")
    assert got["data"] == b'{"a":"b"}'
    assert got["request_id"]


def test_lists_and_queries(bao, mount, put, ask):
    put("app/db", a="one")
    put("app/db", a="two")
    assert json.loads(ask(f"{mount}/metadata/app", method="LIST")["keys"]) == ["db"]
    got = ask(f"{mount}/data/app/db", get_parameters={"version": ["1"]})
    assert got["data"] == b'{"a":"one"}'


def test_an_answer_without_content_is_an_error_unless_it_is_allowed(bao, ask):
    mount = bao.engine(1)
    spec = {"method": "POST", "parameters": {"a": "b"}}
    with pytest.raises(Unavailable, match="no data"):
        ask(f"{mount}/db", **spec)
    assert ask(f"{mount}/db", **spec, allow_empty_response=True) == {}


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ({"path": "../sys/seal"}, InvalidRef),
        ({"path": ""}, InvalidRef),
        ({"path": "a/b", "parameters": [1]}, InvalidRef),
        ({"path": "a/b", "get_parameters": {"a": "b"}}, InvalidRef),
        ({"path": "a/b", "auth": VaultAuth(token_secret_ref=TOKEN)}, Exception),
    ],
)
def test_what_cannot_be_asked_is_refused(ask, spec, error):
    with pytest.raises(error):
        ask(**spec)


def test_a_denial_names_the_path_and_no_parameter(ask):
    with pytest.raises(AccessDenied) as caught:
        ask("sys/policies/acl/x", method="DELETE", parameters={"a": "canary"})
    assert "sys/policies/acl/x" in caught.value.message
    assert "canary" not in repr(caught.value)
