"""ECRAuthorizationToken and STSSessionToken: ESO's keys, by every kind of login."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from providers.aws import ecr_generator, sts_generator
from providers.aws.config import AwsAuth, AwsSecretRef
from providers.base import (
    AccessDenied,
    AuthFailed,
    Credentials,
    InvalidRef,
    MalformedSecret,
    Unavailable,
)
from tests.support.aws import REGION
from tests.support.aws_auth import ID, JWT, SELECTOR, STATIC, static, web
from tests.support.aws_faults import not_json, rewriting, server_error

ECR, STS = "GetAuthorizationToken", "GetSessionToken"


def made(module, credentials=None, *, observed=None, **spec):
    observed = [] if observed is None else observed
    return module.generate(
        module.CONFIG(region=REGION, **spec),
        credentials or Credentials(),
        observe=lambda *call: observed.append(call),
        entropy=bytes,
        now=datetime.now(UTC),
    )


def test_private_token_comes_with_its_endpoint_and_its_end(front, observed):
    values = made(ecr_generator, static(), auth=STATIC, observed=observed)
    assert values.keys() == {"username", "password", "proxy_endpoint", "expires_at"}
    assert values["username"] == b"AWS"
    assert values["password"] == b"canary-registry-password"
    assert values["proxy_endpoint"].endswith(f".dkr.ecr.{REGION}.amazonaws.com".encode())
    assert 12 * 3600 - 60 < int(values["expires_at"]) - time.time() <= 12 * 3600
    assert observed == [(ECR, "success")]
    assert front.calls[0].access_key == "AKIASTATIC"


def test_public_token_has_no_endpoint(front):
    values = made(ecr_generator, scope="public")
    assert values.keys() == {"username", "password", "expires_at"}


def test_role_and_service_account_log_in_as_for_a_store(front, role):
    made(ecr_generator, web(role("irsa")), auth=JWT, role=role("registry"))
    assert list(front.counts()) == ["AssumeRoleWithWebIdentity", "AssumeRole", ECR]
    assert ecr_generator.audiences(ecr_generator.CONFIG(REGION), SELECTOR, {}) == (
        "sts.amazonaws.com",
    )


def test_session_token_has_the_keys_of_the_reference(front):
    parameters = sts_generator.STSRequestParameters(900, "GAHT12345678", "123456")
    values = made(sts_generator, static(), auth=STATIC, request_parameters=parameters)
    assert values.keys() == {"access_key_id", "secret_access_key", "session_token", "expiration"}
    assert int(values["expiration"]) > time.time()
    (call,) = front.of(STS)
    assert call.params["DurationSeconds"] == "900"
    assert call.params["SerialNumber"] == "GAHT12345678"
    assert call.params["TokenCode"] == "123456"


def test_session_token_by_a_service_account_is_refused_without_a_call(front):
    with pytest.raises(InvalidRef, match=r"spec\.auth\.jwt"):
        made(sts_generator, web("arn:aws:iam::000000000000:role/r"), auth=JWT)
    assert front.count() == 0


@pytest.mark.parametrize("module", [ecr_generator, sts_generator])
def test_refusal_speaks_of_the_generators_own_fields(front, module):
    with pytest.raises(InvalidRef) as caught:
        made(module, static(), auth=AwsAuth(secret_ref=AwsSecretRef(ID)))
    assert str(caught.value).startswith("spec.auth.secretRef.")


@pytest.mark.parametrize("module", [ecr_generator, sts_generator])
@pytest.mark.parametrize("fault", [server_error(), not_json()])
def test_broken_service_gives_no_values(front, module, fault):
    front.inject(fault)
    with pytest.raises((Unavailable, MalformedSecret)) as caught:
        made(module)
    assert "canary" not in repr(caught.value)


@pytest.mark.parametrize(
    "data", [[], {}, [{"authorizationToken": "!", "expiresAt": 1}], [{"expiresAt": 1}]]
)
def test_answer_without_a_token_is_malformed(front, data):
    front.inject(rewriting(lambda _: {"authorizationData": data}), operation=ECR)
    with pytest.raises(MalformedSecret):
        made(ecr_generator)


def test_denied_and_unknown_identities_are_told_apart(front):
    front.denied_operations.add(ECR)
    with pytest.raises(AccessDenied) as caught:
        made(ecr_generator)
    assert caught.value.remedy == "allow ecr:GetAuthorizationToken for this identity"
    front.rejected_keys.add("AKIADEFAULTCHAIN")
    with pytest.raises(AuthFailed):
        made(ecr_generator)
