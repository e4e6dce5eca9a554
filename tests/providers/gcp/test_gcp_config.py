"""The `gcpsm` block of a store: every published field is read, or refused by name."""

from __future__ import annotations

from providers.base import (
    ConfigMapKeySelector,
    SecretKeySelector,
    ServiceAccountSelector,
    WholeSecretSelector,
)
from providers.gcp.config import (
    AwsSecurityCredentials,
    GcpAuth,
    GcpConfig,
    GcpSecretRef,
    GcpWorkloadIdentity,
    GcpWorkloadIdentityFederation,
)
from secretsync.resources.secret_store import parse_secret_store
from tests.resources.builders import loaded

HEAD = """
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: gcp}
spec:
  provider:
    gcpsm:
"""


def parsed(block):
    (source,) = loaded(HEAD + block)
    return parse_secret_store(source, default_namespace="default")


def test_the_whole_block_is_read():
    got = parsed("""
      projectID: web
      location: europe-west3
      secretVersionSelectionPolicy: LatestOrFetch
      auth:
        secretRef:
          secretAccessKeySecretRef: {name: gcp, key: key.json, namespace: infra}
        workloadIdentity:
          serviceAccountRef: {name: reader, namespace: infra, audiences: [more]}
          clusterLocation: europe-west3
          clusterName: one
          clusterProjectID: clusters
        workloadIdentityFederation:
          credConfig: {name: federation, key: config.json, namespace: infra}
          serviceAccountRef: {name: reader, namespace: infra}
          awsSecurityCredentials:
            region: eu-west-1
            awsCredentialsSecretRef: {name: aws, namespace: infra}
          audience: //iam.googleapis.com/x
          gcpServiceAccountEmail: reader@web.iam.gserviceaccount.com
""")
    assert got.problems == ()
    assert got.value.config == GcpConfig(
        project_id="web",
        location="europe-west3",
        secret_version_selection_policy="LatestOrFetch",
        auth=GcpAuth(
            secret_ref=GcpSecretRef(SecretKeySelector("gcp", "key.json", "infra")),
            workload_identity=GcpWorkloadIdentity(
                ServiceAccountSelector("reader", "infra", ("more",)),
                "europe-west3",
                "one",
                "clusters",
            ),
            workload_identity_federation=GcpWorkloadIdentityFederation(
                cred_config=ConfigMapKeySelector("federation", "config.json", "infra"),
                service_account_ref=ServiceAccountSelector("reader", "infra"),
                aws_security_credentials=AwsSecurityCredentials(
                    "eu-west-1", WholeSecretSelector("aws", "infra")
                ),
                audience="//iam.googleapis.com/x",
                gcp_service_account_email="reader@web.iam.gserviceaccount.com",
            ),
        ),
    )


def test_the_smallest_block_has_the_defaults():
    assert parsed("      projectID: web").value.config == GcpConfig(project_id="web")


def test_a_block_without_project_is_refused():
    got = parsed("      location: europe-west3")
    assert got.value is None
    assert "projectID is required" in str(got.problems)


def test_tokens_from_urls_are_refused_by_name():
    got = parsed("""
      projectID: web
      auth: {workloadIdentityFederation: {externalTokenEndpoint: "http://169.254.169.254/"}}
""")
    assert got.value is None
    assert "externalTokenEndpoint" in str(got.problems)
