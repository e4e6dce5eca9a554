"""Logins with identities of AWS and Google: what is sent, as no such cloud is here."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt

from providers.base import (
    AuthFailed,
    InvalidRef,
    SecretBytes,
    SecretKeySelector,
    ServiceAccountSelector,
    ServiceAccountToken,
)
from providers.vault.config import VaultAuth
from providers.vault.config_clouds import (
    VaultGcpAuth,
    VaultGcpSecretRef,
    VaultGcpWorkloadIdentity,
    VaultIamAuth,
    VaultIamSecretRef,
)
from tests.providers.vault.conftest import only
from tests.support.gcp import led_to
from tests.support.gcp_server import gcp_server
from tests.support.gcp_tokens import ACCOUNT, public_key_pem
from tests.support.web import json_reply

ID = SecretKeySelector("aws", "id")
KEY = SecretKeySelector("aws", "key")
FILE = SecretKeySelector("gcp", "key.json")


@pytest.fixture
def sent(front):
    """Accept every login; returns the path and body of the last one."""
    answer = {"auth": {"client_token": "made-up", "lease_duration": 60, "renewable": True}}
    front.answer_all(json_reply(json.dumps(answer)))
    return lambda: (front.seen[-1].path, json.loads(front.seen[-1].body))


def decoded(text):
    return base64.b64decode(text).decode()


def test_iam_sends_a_signed_request_that_names_the_server(sent, open_vault, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    auth = VaultIamAuth(
        path="aws-eu",
        region="eu-west-1",
        vault_role="app",
        vault_aws_iam_server_id="vault.example",
        secret_ref=VaultIamSecretRef(ID, KEY),
    )
    provider = open_vault(auth=VaultAuth(iam=auth), secrets={ID: "AKIAMADEUP", KEY: "made-up-key"})
    assert provider.renew() == 40
    path, body = sent()
    assert path == "/v1/auth/aws-eu/login"
    assert (body["role"], body["iam_http_request_method"]) == ("app", "POST")
    assert decoded(body["iam_request_url"]) == "https://sts.eu-west-1.amazonaws.com/"
    assert decoded(body["iam_request_body"]) == "Action=GetCallerIdentity&Version=2011-06-15"
    headers = {
        name.lower(): value
        for name, value in json.loads(decoded(body["iam_request_headers"])).items()
    }
    assert headers["x-vault-aws-iam-server-id"] == ["vault.example"]
    [signature] = headers["authorization"]
    assert "AKIAMADEUP" in signature
    assert "x-vault-aws-iam-server-id" in signature, "the header is signed"
    assert "made-up-key" not in json.dumps(body)


def test_gcp_sends_a_token_that_the_key_signed(sent, open_vault):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    info = {
        "type": "service_account",
        "client_email": "app@project.iam.gserviceaccount.com",
        "private_key": private.decode(),
        "private_key_id": "one",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    auth = VaultAuth(gcp=VaultGcpAuth(role="app", secret_ref=VaultGcpSecretRef(FILE)))
    assert open_vault(auth=auth, secrets={FILE: json.dumps(info)}).renew() == 40
    path, body = sent()
    assert path == "/v1/auth/gcp/login"
    assert body["role"] == "app"
    claims = jwt.decode(body["jwt"], certs=public, audience="vault/app")
    assert claims["sub"] == info["client_email"]
    assert 0 < claims["exp"] - claims["iat"] <= 900


@pytest.fixture
def google():
    """Google's token services, where the process is led to."""
    with gcp_server() as server, led_to(server):
        yield server


@pytest.mark.parametrize(
    ("fields", "location", "project"),
    [
        ({"cluster_location": "europe-west3"}, "", "fleet"),
        ({}, "europe-west3", "fleet"),
        ({"cluster_project_id": "clusters"}, "europe-west3", "clusters"),
    ],
    ids=["its own location", "the block's location", "its own project"],
)
def test_gcp_workload_identity_has_google_sign_for_the_pods_account(
    sent, open_vault, google, fields, location, project
):
    pod = ServiceAccountSelector("reader")
    identity = VaultGcpWorkloadIdentity(pod, cluster_name="one", **fields)
    gcp = VaultGcpAuth(
        role="app", project_id="fleet", location=location, workload_identity=identity
    )
    token = ServiceAccountToken(
        SecretBytes(b"pod-token"), {"iam.gke.io/gcp-service-account": ACCOUNT}
    )
    assert open_vault(auth=VaultAuth(gcp=gcp), tokens={pod: token}).renew() == 40
    path, body = sent()
    assert (path, body["role"]) == ("/v1/auth/gcp/login", "app")
    claims = jwt.decode(body["jwt"], certs=public_key_pem(), audience="vault/app")
    assert claims["sub"] == ACCOUNT
    (_, form), *_ = google.tokens.requests
    assert form["audience"] == (
        f"identitynamespace:{project}.svc.id.goog:https://container.googleapis.com/v1/"
        f"projects/{project}/locations/europe-west3/clusters/one"
    )


def test_gcp_account_that_google_does_not_sign_for_is_refused(sent, open_vault, google):
    pod = ServiceAccountSelector("reader")
    identity = VaultGcpWorkloadIdentity(pod, "europe-west3", "one")
    gcp = VaultGcpAuth(role="app", project_id="fleet", workload_identity=identity)
    other = {"iam.gke.io/gcp-service-account": f"x{ACCOUNT}"}
    token = ServiceAccountToken(SecretBytes(b"pod-token"), other)
    answer = only(open_vault(auth=VaultAuth(gcp=gcp), tokens={pod: token}), "app/db")
    assert isinstance(answer, AuthFailed)
    assert "pod-token" not in answer.message


@pytest.mark.parametrize(
    ("auth", "secrets", "error"),
    [
        pytest.param(VaultAuth(gcp=VaultGcpAuth(role="a")), {}, InvalidRef, id="gcp-ambient"),
        pytest.param(
            VaultAuth(gcp=VaultGcpAuth(role="a", secret_ref=VaultGcpSecretRef(FILE))),
            {FILE: "no json"},
            AuthFailed,
            id="gcp-key",
        ),
        pytest.param(
            VaultAuth(iam=VaultIamAuth(vault_role="a", secret_ref=VaultIamSecretRef(ID))),
            {ID: "AKIA"},
            InvalidRef,
            id="iam-half",
        ),
    ],
)
def test_an_identity_that_cannot_sign_is_reported(sent, open_vault, auth, secrets, error):
    assert isinstance(only(open_vault(auth=auth, secrets=secrets), "app/db"), error)
