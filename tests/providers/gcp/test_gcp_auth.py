"""Identities at Google: which are taken, where tokens go, and what refusals look like."""

from __future__ import annotations

import json
import threading
import traceback
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from providers.base import (
    AuthFailed,
    ConfigMapKeySelector,
    Credentials,
    InvalidRef,
    RateLimited,
    SecretBytes,
    SecretRef,
    SecretValue,
    ServiceAccountSelector,
    ServiceAccountToken,
    Unavailable,
    WholeSecretSelector,
)
from providers.gcp import audiences
from providers.gcp.config import (
    AwsSecurityCredentials,
    GcpAuth,
    GcpConfig,
    GcpSecretRef,
    GcpWorkloadIdentity,
    GcpWorkloadIdentityFederation,
)
from providers.gcp.login import KeyLogin
from providers.gcp.tokens import TokenSource
from tests.support.gcp import KEY, key_credentials
from tests.support.gcp_account import PROJECT
from tests.support.gcp_certificates import roots_file
from tests.support.gcp_tokens import ACCOUNT, key_file

POOL = (
    "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/clusters/providers/one"
)
POD = ServiceAccountSelector("reader", audiences=("extra",))
AWS = WholeSecretSelector("aws")
CRED_CONFIG = ConfigMapKeySelector("federation", "config.json")
IMPERSONATION = (
    "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
    f"{ACCOUNT}:generateAccessToken"
)
OWN_TOKEN_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/token"


def read(provider):
    [answer] = provider.fetch([SecretRef("app")]).values()
    return answer


def pod(annotation=""):
    annotations = {"iam.gke.io/gcp-service-account": annotation} if annotation else {}
    return Credentials(tokens={POD: ServiceAccountToken(SecretBytes(b"pod-token"), annotations)})


def workload(**fields):
    block = GcpWorkloadIdentity(POD, cluster_location="europe-west3", cluster_name="one")
    return GcpAuth(workload_identity=replace(block, **fields))


def federation(**fields):
    return GcpAuth(workload_identity_federation=GcpWorkloadIdentityFederation(**fields))


@pytest.fixture
def secret(server):
    server.account.put("app", "value")


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


def description(**changes):
    info = {"type": "external_account", "audience": POOL, **changes}
    return Credentials(
        tokens=pod().tokens,
        config_maps={CRED_CONFIG: json.dumps(info)},
    )


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


def text_of(error):
    """Return the traceback with every cause and context."""
    return "".join(traceback.format_exception(error)) + repr(error)


class metadata_server:  # noqa: N801 - used as a context
    """The metadata server of a machine, with some attributes of its instance."""

    def __init__(self, attributes):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.rpartition("/")[2]
                good = name in attributes and self.headers["Metadata-Flavor"] == "Google"
                body = attributes.get(name, "").encode()
                self.send_response(200 if good else 404)
                self.send_header("Metadata-Flavor", "Google")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self):
        self._thread.start()
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *args):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
