"""Workload identity and federation: whose tokens go where, and what refusals look like."""

from __future__ import annotations

import json

import pytest

from providers.base import (
    AuthFailed,
    Credentials,
    InvalidRef,
    SecretBytes,
    SecretValue,
    Unavailable,
)
from providers.gcp import audiences
from providers.gcp.config import (
    AwsSecurityCredentials,
    GcpAuth,
    GcpConfig,
    GcpSecretRef,
    GcpWorkloadIdentity,
)
from tests.providers.gcp.identities import (
    AWS,
    CRED_CONFIG,
    IMPERSONATION,
    OWN_TOKEN_FILE,
    POD,
    POOL,
    description,
    federation,
    metadata_server,
    pod,
    read,
    workload,
)
from tests.support.gcp import KEY, key_credentials
from tests.support.gcp_account import PROJECT
from tests.support.gcp_tokens import ACCOUNT


def test_workload_identity_exchanges_the_pods_token_and_impersonates(
    server, open_gcp, secret, observed
):
    provider = open_gcp(pod(ACCOUNT), auth=workload())
    assert isinstance(read(provider), SecretValue)
    (sts, form), (iam, body) = server.tokens.requests
    assert (sts, iam) == ("sts.googleapis.com", "iamcredentials.googleapis.com")
    assert form["audience"] == (
        f"identitynamespace:{PROJECT}.svc.id.goog:https://container.googleapis.com/v1/"
        f"projects/{PROJECT}/locations/europe-west3/clusters/one"
    )
    assert form["subject_token"] == "pod-token"
    assert body["scope"] == ["https://www.googleapis.com/auth/cloud-platform"]
    assert observed[:2] == [
        ("GenerateIDBindToken", "success"),
        ("GenerateAccessToken", "success"),
    ]


def test_workload_identity_without_annotation_uses_the_pools_token(server, open_gcp, secret):
    provider = open_gcp(pod(), auth=workload(cluster_project_id="clusters"))
    assert isinstance(read(provider), SecretValue)
    [(_, form)] = server.tokens.requests
    assert form["audience"].startswith("identitynamespace:clusters.svc.id.goog:")


def test_an_account_that_may_not_be_impersonated_is_refused(server, open_gcp, secret):
    answer = read(open_gcp(pod(f"x{ACCOUNT}"), auth=workload()))
    assert isinstance(answer, AuthFailed)
    assert "PERMISSION_DENIED" in answer.message


def test_the_metadata_server_tells_where_the_cluster_is(server, open_gcp, secret, environment):
    with metadata_server({"cluster-name": "two", "cluster-location": "us-east1"}) as host:
        environment.setenv("GCE_METADATA_HOST", host)
        provider = open_gcp(pod(), auth=workload(cluster_location="", cluster_name=""))
        assert isinstance(read(provider), SecretValue)
    assert "/locations/us-east1/clusters/two" in server.tokens.requests[0][1]["audience"]


@pytest.mark.parametrize("told", [{}, {"cluster-name": "a/../b", "cluster-location": "x"}])
def test_a_metadata_server_that_does_not_tell_is_unavailable(
    server, open_gcp, secret, environment, told
):
    with metadata_server(told) as host:
        environment.setenv("GCE_METADATA_HOST", host)
        answer = read(open_gcp(pod(), auth=workload(cluster_location="", cluster_name="")))
    assert isinstance(answer, Unavailable)
    assert server.tokens.requests == []


def test_federation_exchanges_a_service_accounts_token(server, open_gcp, secret):
    auth = federation(service_account_ref=POD, audience=POOL, gcp_service_account_email=ACCOUNT)
    assert isinstance(read(open_gcp(pod(), auth=auth)), SecretValue)
    assert server.tokens.requests[0][1]["audience"] == POOL
    assert server.tokens.count("iamcredentials.googleapis.com") == 1


def test_federation_takes_audience_and_account_of_a_description(server, open_gcp, secret):
    info = {
        "type": "external_account",
        "audience": POOL,
        "token_url": "https://sts.googleapis.com/v1/token",
        "service_account_impersonation_url": IMPERSONATION,
        "credential_source": {"file": OWN_TOKEN_FILE},
    }
    aws = Credentials(
        whole_secrets={
            AWS: {
                "aws_access_key_id": SecretBytes(b"AKIAPOOL\n"),
                "aws_secret_access_key": SecretBytes(b"made-up"),
                "aws_session_token": SecretBytes(b"session"),
            }
        },
        config_maps={CRED_CONFIG: json.dumps(info)},
    )
    keys = AwsSecurityCredentials("eu-west-1", AWS)
    auth = federation(cred_config=CRED_CONFIG, aws_security_credentials=keys)
    assert isinstance(read(open_gcp(aws, auth=auth)), SecretValue)
    assert server.tokens.count("iamcredentials.googleapis.com") == 1
    assert b"made-up" not in json.dumps(server.tokens.requests).encode()


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"type": "service_account"}, id="type"),
        pytest.param({"token_url": "https://evil.example.com/v1/token"}, id="token-url"),
        pytest.param({"token_url": "https://sts.googleapis.com.evil.example.com/"}, id="suffix"),
        pytest.param({"token_url": "http://169.254.169.254/"}, id="metadata"),
        pytest.param(
            {"service_account_impersonation_url": "https://evil.example.com/"}, id="impersonation"
        ),
        pytest.param(
            {"service_account_impersonation_url": IMPERSONATION.replace(ACCOUNT, "a/../b")},
            id="impersonation-path",
        ),
        pytest.param(
            {"service_account_impersonation_url": IMPERSONATION.replace(ACCOUNT, "me@evil.com")},
            id="impersonation-account",
        ),
        pytest.param({"universe_domain": "evil.example.com"}, id="universe"),
        pytest.param({"credential_source": {"file": "/etc/passwd"}}, id="file"),
        pytest.param({"credential_source": {"url": "http://169.254.169.254/"}}, id="url"),
        pytest.param(
            {"credential_source": {"executable": {"command": "/bin/sh -c id"}}}, id="executable"
        ),
        pytest.param({"credential_source": {"certificate": {}}}, id="certificate"),
    ],
)
def test_a_description_that_leads_elsewhere_is_refused_and_nothing_is_sent(
    server, open_gcp, secret, changes
):
    auth = federation(cred_config=CRED_CONFIG, service_account_ref=POD, audience=POOL)
    with pytest.raises(InvalidRef):
        open_gcp(description(**changes), auth=auth)
    assert server.tokens.requests == []


@pytest.mark.parametrize(
    "auth",
    [
        pytest.param(federation(), id="nothing"),
        pytest.param(federation(cred_config=CRED_CONFIG), id="no-subject"),
        pytest.param(federation(service_account_ref=POD), id="no-audience"),
        pytest.param(federation(service_account_ref=POD, audience="x y"), id="bad-audience"),
        pytest.param(
            federation(
                service_account_ref=POD,
                audience=POOL,
                aws_security_credentials=AwsSecurityCredentials("eu-west-1", AWS),
            ),
            id="two-subjects",
        ),
        pytest.param(
            federation(
                service_account_ref=POD, audience=POOL, gcp_service_account_email="me@evil.com"
            ),
            id="account",
        ),
        pytest.param(
            federation(
                audience=POOL, aws_security_credentials=AwsSecurityCredentials("evil.com/", AWS)
            ),
            id="region",
        ),
        pytest.param(workload(service_account_ref=None), id="no-service-account"),
        pytest.param(workload(cluster_name="a/b"), id="cluster"),
        pytest.param(GcpAuth(secret_ref=GcpSecretRef()), id="no-selector"),
        pytest.param(
            GcpAuth(secret_ref=GcpSecretRef(KEY), workload_identity=GcpWorkloadIdentity(POD)),
            id="two-identities",
        ),
    ],
)
def test_a_block_that_cannot_work_is_refused(server, open_gcp, auth):
    credentials = Credentials(
        secrets=key_credentials().secrets,
        tokens=pod().tokens,
        config_maps=description(credential_source={"file": OWN_TOKEN_FILE}).config_maps,
    )
    with pytest.raises(InvalidRef):
        open_gcp(credentials, auth=auth)
    assert server.tokens.requests == []


@pytest.mark.parametrize(
    "source",
    [
        pytest.param({}, id="none"),
        pytest.param(
            {"file": "/var/run/secrets/kubernetes.io/serviceaccount/token"}, id="own-token"
        ),
        pytest.param(
            {"environment_id": "aws1", "url": "http://169.254.169.254/latest/meta-data/"}, id="aws"
        ),
    ],
)
def test_description_alone_lends_nobody_the_identity_of_this_machine(server, open_gcp, source):
    given = description(credential_source=source, service_account_impersonation_url=IMPERSONATION)
    with pytest.raises(InvalidRef, match="names nobody whose token is exchanged") as caught:
        open_gcp(given, auth=federation(cred_config=CRED_CONFIG))
    assert caught.value.remedy == "give serviceAccountRef or awsSecurityCredentials"
    assert server.tokens.requests == []


def test_a_hostile_annotation_is_refused(open_gcp):
    with pytest.raises(InvalidRef):
        open_gcp(pod("../../evil:generateAccessToken?x="), auth=workload())


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        (workload(), (f"{PROJECT}.svc.id.goog", "extra")),
        (workload(cluster_project_id="clusters"), ("clusters.svc.id.goog", "extra")),
        (federation(service_account_ref=POD, audience=POOL), (POOL, "extra")),
    ],
)
def test_a_pods_token_is_asked_for_the_pool_that_takes_it(auth, expected):
    assert audiences(GcpConfig(project_id=PROJECT, auth=auth), POD, {}) == expected
