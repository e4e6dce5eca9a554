"""How a store's auth block becomes an identity, as STS and the service see it."""

from __future__ import annotations

import pytest

from providers.aws import open_provider
from providers.aws.config import AwsAuth, AwsConfig, AwsJwtAuth, AwsSecretRef
from providers.base import (
    AuthFailed,
    Credentials,
    InvalidRef,
    SecretBytes,
    SecretRef,
    SecretValue,
)
from tests.support.aws import REGION
from tests.support.aws_auth import ID, JWT, KEY, STATIC, TOKEN, static, sts_error, web
from tests.support.aws_faults import server_error

REF = SecretRef("app/db")


def test_without_auth_the_default_chain_is_used(front, role, open_aws):
    assert isinstance(open_aws().fetch([REF])[REF], SecretValue)
    assert [(call.operation, call.access_key) for call in front.calls] == [
        ("GetSecretValue", "AKIADEFAULTCHAIN")
    ]


def test_default_chain_without_credentials_is_auth_failed(front, role, open_aws, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert isinstance(open_aws().fetch([REF])[REF], AuthFailed)
    assert isinstance(open_aws(role=role("reader")).fetch([REF])[REF], AuthFailed)
    assert front.calls == []


def test_secret_ref_keys_sign_the_calls(front, role, open_aws):
    auth = AwsAuth(secret_ref=AwsSecretRef(ID, KEY, TOKEN))
    credentials = static()
    credentials = Credentials({**credentials.secrets, TOKEN: SecretBytes(b"session-token\n")})
    provider = open_aws(credentials, auth=auth)
    assert isinstance(provider.fetch([REF])[REF], SecretValue)
    call = front.calls[0]
    assert call.access_key == "AKIASTATIC"
    assert call.request.headers["x-amz-security-token"] == "session-token"


@pytest.mark.parametrize(
    ("ref", "field"),
    [
        pytest.param(AwsSecretRef(ID, None), "secretAccessKeySecretRef", id="no-secret-key"),
        pytest.param(AwsSecretRef(None, KEY), "accessKeyIDSecretRef", id="no-key-id"),
        pytest.param(AwsSecretRef(), "accessKeyIDSecretRef", id="neither"),
    ],
)
def test_incomplete_secret_ref_names_the_missing_field(front, open_aws, ref, field):
    with pytest.raises(InvalidRef, match=field):
        open_aws(static(), auth=AwsAuth(secret_ref=ref))


@pytest.mark.parametrize("held", [b"", b" \n", b"caf\xc3\xa9"], ids=["empty", "blank", "no-ascii"])
def test_unusable_key_names_the_field_and_the_secret(front, open_aws, held):
    credentials = Credentials({ID: SecretBytes(b"AKIASTATIC"), KEY: SecretBytes(held)})
    with pytest.raises(AuthFailed, match='secretAccessKeySecretRef: Secret "aws"'):
        open_aws(credentials, auth=STATIC)


def test_key_that_nobody_resolved_names_the_field(front, open_aws):
    with pytest.raises(AuthFailed, match="accessKeyIDSecretRef"):
        open_aws(Credentials(), auth=STATIC)


def test_rejected_keys_are_auth_failed_everywhere(front, role, open_aws):
    front.rejected_keys.add("AKIASTATIC")
    provider = open_aws(static(), auth=STATIC)
    assert isinstance(provider.fetch([REF])[REF], AuthFailed)
    with pytest.raises(AuthFailed):
        provider.check([])
    with pytest.raises(AuthFailed):
        provider.changes(None, {REF: "v"})


def test_jwt_exchanges_the_token_for_the_annotated_role(front, role, open_aws, observed):
    provider = open_aws(web(role("irsa")), auth=JWT)
    assert isinstance(provider.fetch([REF])[REF], SecretValue)
    exchange, read = front.calls
    assert exchange.operation == "AssumeRoleWithWebIdentity"
    assert exchange.access_key == ""
    assert exchange.params == {
        "RoleArn": role("irsa"),
        "RoleSessionName": "secretsync-shop-aws-store",
        "WebIdentityToken": "canary-web-token",
    }
    assert read.access_key.startswith("ASIA")
    assert observed == [("AssumeRoleWithWebIdentity", "success"), ("GetSecretValue", "success")]


def test_jwt_wins_over_secret_ref(front, role, open_aws):
    both = AwsAuth(secret_ref=STATIC.secret_ref, jwt=JWT.jwt)
    assert isinstance(open_aws(web(role("irsa")), auth=both).fetch([REF])[REF], SecretValue)
    assert front.count("AssumeRoleWithWebIdentity") == 1


@pytest.mark.parametrize(
    ("jwt", "credentials", "error", "match"),
    [
        pytest.param(AwsJwtAuth(), web("r"), InvalidRef, "serviceAccountRef", id="no-ref"),
        pytest.param(JWT.jwt, Credentials(), AuthFailed, 'no token for .* "app"', id="no-token"),
        pytest.param(JWT.jwt, web(None), AuthFailed, "role-arn", id="no-annotation"),
    ],
)
def test_unusable_jwt_says_what_is_missing(*, front, open_aws, jwt, credentials, error, match):
    with pytest.raises(error, match=match) as caught:
        open_aws(credentials, auth=AwsAuth(jwt=jwt))
    assert caught.value.remedy


def test_expired_web_token_is_auth_failed_and_asked_once(front, role, open_aws):
    expired = sts_error("ExpiredTokenException")
    front.inject(expired, operation="AssumeRoleWithWebIdentity")
    provider = open_aws(web(role("irsa")), auth=JWT)
    errors = [provider.fetch([REF])[REF] for _ in range(3)]
    assert {type(error) for error in errors} == {AuthFailed}
    assert "irsa" in errors[0].message
    assert front.counts() == {"AssumeRoleWithWebIdentity": 1}


def test_sdk_endpoint_variable_works_and_esos_wins(front, role, open_aws, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert isinstance(open_aws().fetch([REF])[REF], SecretValue)
    monkeypatch.delenv("AWS_SECRETSMANAGER_ENDPOINT")
    monkeypatch.setenv("AWS_ENDPOINT_URL", front.url)
    assert isinstance(open_aws().fetch([REF])[REF], SecretValue)


def test_unknown_profile_is_refused_as_auth_failed(front, open_aws, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    with pytest.raises(AuthFailed, match="ProfileNotFound"):
        open_aws()


def test_certificate_manager_is_refused_by_name():
    config = AwsConfig(service="CertificateManager", region=REGION)
    with pytest.raises(InvalidRef, match='"CertificateManager" is not supported: certificates'):
        open_provider(config, Credentials(), observe=lambda *_: None)


def test_no_credential_is_shown_or_logged(front, role, open_aws, caplog):
    caplog.set_level("DEBUG")
    front.inject(server_error(), operation="GetSecretValue", times=1)
    provider = open_aws(web(role("irsa")), auth=JWT)
    shown = [repr(provider.fetch([REF])[REF]) for _ in range(2)]
    shown.append(repr(open_aws(static(), auth=STATIC, role=role("r")).fetch([REF])))
    assert "canary" not in caplog.text + "".join(shown)
