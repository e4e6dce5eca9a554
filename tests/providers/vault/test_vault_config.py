"""The `vault` and `openBao` blocks: every published field is read, or refused by name."""

from __future__ import annotations

import pytest

from providers.base import CaProvider, SecretKeySelector, ServiceAccountSelector
from providers.vault import audiences
from providers.vault.config import CertificateSelector, KeySelector, TokenSelector
from secretsync.resources.secret_store import parse_secret_store
from tests.resources.builders import loaded

HEAD = """
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {{name: kv}}
spec:
  provider:
    {key}:
"""


def parsed(block, key="vault"):
    (source,) = loaded(HEAD.format(key=key) + block)
    return parse_secret_store(source, default_namespace="default")


@pytest.mark.parametrize("key", ["vault", "openBao"])
def test_the_whole_block_is_read(key):
    got = parsed(
        """
      server: https://vault.example
      path: secret
      version: v1
      namespace: team
      caBundle: Zm9v
      caProvider: {type: ConfigMap, name: ca, key: ca.crt, namespace: infra}
      tls:
        certSecretRef: {name: web, namespace: infra}
        keySecretRef: {name: web, namespace: infra}
      readYourWrites: true
      forwardInconsistent: true
      headers: {X-Team: red}
      checkAndSet: {required: true}
      auth:
        namespace: admin
        tokenSecretRef: {name: vault, key: token, namespace: infra}
        appRole:
          path: approle
          roleId: one
          roleRef: {name: vault, key: role, namespace: infra}
          secretRef: {name: vault, key: secret, namespace: infra}
        kubernetes:
          mountPath: kubernetes
          role: app
          serviceAccountRef: {name: web, namespace: infra}
          secretRef: {name: web, namespace: infra}
        ldap:
          path: ldap
          username: ann
          secretRef: {name: vault, key: pw, namespace: infra}
        jwt:
          path: jwt
          role: app
          secretRef: {name: vault, key: jwt, namespace: infra}
          kubernetesServiceAccountToken:
            serviceAccountRef: {name: jwt, namespace: infra}
            audiences: [vault.example]
        cert:
          path: cert
          vaultRole: web
          clientCert: {name: vault, key: crt, namespace: infra}
          secretRef: {name: vault, key: key, namespace: infra}
        userPass:
          path: userpass
          username: ann
          secretRef: {name: vault, key: pw, namespace: infra}
        iam:
          path: aws
          region: eu-west-1
          role: arn
          vaultRole: app
          externalID: one
          vaultAwsIamServerID: vault.example
          secretRef:
            accessKeyIDSecretRef: {name: aws, key: id, namespace: infra}
            secretAccessKeySecretRef: {name: aws, key: key, namespace: infra}
            sessionTokenSecretRef: {name: aws, key: token, namespace: infra}
          jwt: {serviceAccountRef: {name: irsa, namespace: infra}}
        gcp:
          path: gcp
          role: app
          projectID: web
          location: europe-west3
          secretRef:
            secretAccessKeySecretRef: {name: gcp, key: key.json, namespace: infra}
          workloadIdentity:
            serviceAccountRef: {name: gke, namespace: infra}
            clusterLocation: europe-west3
            clusterName: one
            clusterProjectID: clusters
""",
        key,
    )
    assert got.problems == ()
    config = got.value.config
    assert config.ca_provider == CaProvider("ConfigMap", "ca", "ca.crt", "infra")
    assert config.tls.cert_secret_ref == CertificateSelector("web", "tls.crt", "infra")
    assert config.tls.key_secret_ref == KeySelector("web", "tls.key", "infra")
    assert config.auth.kubernetes.secret_ref == TokenSelector("web", "token", "infra")
    assert config.auth.token_secret_ref == SecretKeySelector("vault", "token", "infra")
    assert config.headers == (("X-Team", "red"),)
    assert (config.read_your_writes, config.forward_inconsistent) == (True, True)

    def asked(name):
        return audiences(config, ServiceAccountSelector(name, "infra"), {})

    assert asked("jwt") == ("vault.example",)
    assert asked("irsa") == ("sts.amazonaws.com",)
    assert asked("gke") == ("clusters.svc.id.goog",)
    assert asked("web") == ()


def test_defaults_are_those_of_eso():
    config = parsed("""
      server: https://vault.example
      auth:
        appRole: {secretRef: {name: a, key: b, namespace: c}, roleId: one}
        kubernetes: {role: app}
        jwt: {kubernetesServiceAccountToken: {serviceAccountRef: {name: web, namespace: c}}}
        userPass: {username: ann}
        ldap: {username: ann}
        cert: {}
        iam: {vaultRole: app}
        gcp: {role: app}
""").value.config
    auth = config.auth
    assert config.version == "v2"
    assert auth.app_role.path == "approle"
    assert auth.kubernetes.mount_path == "kubernetes"
    assert (auth.jwt.path, auth.ldap.path, auth.user_pass.path) == ("jwt", "ldap", "userpass")
    assert (auth.cert.path, auth.iam.path, auth.gcp.path) == ("cert", "aws", "gcp")
    assert audiences(config, ServiceAccountSelector("web", "c"), {}) == ("vault",)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("      path: secret\n", "server is required"),
        ("      server: https://v\n      version: v3\n", "version"),
        (
            "      server: v\n      auth: {gcp: {role: a, serviceAccountRef: {name: a}}}\n",
            "workloadIdentity",
        ),
    ],
)
def test_what_is_not_served_is_refused_by_name(block, said):
    problems = parsed(block).problems
    assert any(said in f"{one}" for one in problems), problems
