"""Logins to Vault as a role of AWS: the role is assumed at AWS, and its signature is sent."""

from __future__ import annotations

import base64
import contextlib
import json

from providers.base import SecretRef
from providers.registry import load
from providers.vault.config import VaultAuth, VaultConfig
from providers.vault.config_clouds import VaultIamAuth, VaultIamJwt
from tests.support.aws_auth import web
from tests.support.web import json_reply, web_server

LOGIN = json.dumps({"auth": {"client_token": "made-up", "lease_duration": 60}})


def test_account_of_the_cluster_becomes_the_role_that_vault_is_shown(front, role):
    account = web(role("irsa"))
    (selector,) = account.tokens
    auth = VaultIamAuth(
        region="eu-west-1",
        role=role("reader"),
        external_id="our-id",
        vault_role="app",
        jwt=VaultIamJwt(selector),
    )
    with web_server(lambda request: json_reply(LOGIN)) as server:
        config = VaultConfig(
            server=server.url,
            path="kv",
            ca_bundle=base64.b64encode(server.ca_pem).decode(),
            auth=VaultAuth(iam=auth),
        )
        store = load("vault").open_provider(config, account, observe=lambda *_: None)
        with contextlib.closing(store):
            store.fetch([SecretRef("app")])
        body = json.loads(server.requests[0].body)
    exchange, assumed = front.calls
    assert exchange.operation == "AssumeRoleWithWebIdentity"
    assert assumed.params["RoleArn"] == role("reader")
    assert assumed.params["ExternalId"] == "our-id"
    headers = json.loads(base64.b64decode(body["iam_request_headers"]))
    assert "ASIA" in str(headers), "signed with the keys of the role"
