"""The blocks of fake, directory, kubernetes and webhook stores as manifests write them."""

from __future__ import annotations

import pytest

from providers.base import CaProvider, SecretKeySelector, ServiceAccountSelector
from providers.directory import DirectoryConfig
from providers.fake.config import FakeConfig, FakeData
from providers.kubernetes.config import (
    KubernetesAuth,
    KubernetesCert,
    KubernetesConfig,
    KubernetesServer,
    KubernetesToken,
)
from providers.webhook.config import (
    WebhookAuth,
    WebhookConfig,
    WebhookResult,
    WebhookSecret,
    WebhookSecretSelector,
)
from secretsync.resources.secret_store import parse_secret_store
from tests.resources.builders import SECRET_STORE, changed, document, found

SELECTOR = {"name": "remote", "key": "token"}
HOOK = {"url": "https://hook.example/{{ .remoteRef.key }}", "result": {}}


def parse(provider, **more):
    store = changed(SECRET_STORE, {"spec.provider": provider, **more})
    return parse_secret_store(document(store), default_namespace="web")


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
@pytest.mark.parametrize(
    ("provider", "config"),
    [
        pytest.param(
            {
                "fake": {
                    "data": [{"key": "a", "value": "b", "version": "v1"}],
                    "validationResult": 1,
                }
            },
            FakeConfig((FakeData("a", "b", "v1"),), 1),
            id="fake",
        ),
        pytest.param(
            {"directory": {"path": "/mnt/secrets"}}, DirectoryConfig("/mnt/secrets"), id="directory"
        ),
        pytest.param(
            {"kubernetes": {"auth": {"serviceAccount": {"name": "reader", "audiences": ["x"]}}}},
            KubernetesConfig(
                auth=KubernetesAuth(service_account=ServiceAccountSelector("reader", "", ("x",)))
            ),
            id="kubernetes-service-account",
        ),
        pytest.param(
            {
                "kubernetes": {
                    "server": {
                        "url": "https://api.example",
                        "caProvider": {"type": "ConfigMap", "name": "ca", "key": "ca.crt"},
                    },
                    "auth": {"token": {"bearerToken": SELECTOR}},
                    "remoteNamespace": "team-a",
                }
            },
            KubernetesConfig(
                KubernetesServer(
                    "https://api.example", "", CaProvider("ConfigMap", "ca", "ca.crt")
                ),
                KubernetesAuth(token=KubernetesToken(SecretKeySelector("remote", "token"))),
                remote_namespace="team-a",
            ),
            id="kubernetes-token",
        ),
        pytest.param(
            {
                "kubernetes": {
                    "server": {"caBundle": "UEVN"},
                    "auth": {"cert": {"clientCert": SELECTOR, "clientKey": SELECTOR}},
                }
            },
            KubernetesConfig(
                KubernetesServer(ca_bundle="UEVN"),
                KubernetesAuth(
                    KubernetesCert(
                        SecretKeySelector("remote", "token"), SecretKeySelector("remote", "token")
                    )
                ),
            ),
            id="kubernetes-cert",
        ),
        pytest.param(
            {"kubernetes": {"authRef": SELECTOR}},
            KubernetesConfig(auth_ref=SecretKeySelector("remote", "token")),
            id="kubernetes-kubeconfig",
        ),
        pytest.param(
            {
                "webhook": {
                    **HOOK,
                    "method": "POST",
                    "headers": {"X-A": "b"},
                    "body": "{}",
                    "timeout": "1m30s",
                    "result": {"jsonPath": "$.a"},
                    "secrets": [{"name": "auth", "secretRef": {"name": "hook", "key": "unused"}}],
                    "caBundle": "UEVN",
                    "caProvider": {"type": "Secret", "name": "ca", "key": "ca.crt"},
                }
            },
            WebhookConfig(
                HOOK["url"],
                "POST",
                (("X-A", "b"),),
                "{}",
                "1m30s",
                WebhookResult("$.a"),
                (WebhookSecret("auth", WebhookSecretSelector("hook", "", "unused")),),
                None,
                "UEVN",
                CaProvider("Secret", "ca", "ca.crt"),
            ),
            id="webhook",
        ),
        pytest.param(
            {"webhook": {**HOOK, "auth": {}}},
            WebhookConfig(HOOK["url"], auth=WebhookAuth()),
            id="webhook-empty-auth",
        ),
    ],
)
def test_block_is_read(provider, config, version):
    parsed = parse(provider, apiVersion=f"external-secrets.io/{version}")
    assert parsed.value is not None, parsed.problems
    assert parsed.value.config == config
    assert [item for item in parsed.problems if item.severity == "error"] == []


def hook(**fields):
    return {"webhook": {**HOOK, **fields}}


def kube(**fields):
    return {"kubernetes": {"auth": {"token": {"bearerToken": SELECTOR}}, **fields}}


FOREIGN = "a SecretStore cannot use credentials of another namespace"


@pytest.mark.parametrize(
    ("provider", "path", "message"),
    [
        pytest.param(
            {"fake": {"data": [{"value": "b"}]}}, "fake.data[0].key", "key is required", id="key"
        ),
        pytest.param(
            {"fake": {"validationResult": 3}},
            "fake.validationResult",
            "must be at most 2",
            id="result",
        ),
        pytest.param({"directory": {}}, "directory.path", "path is required", id="no-path"),
        pytest.param(
            {"directory": {"path": "secrets"}},
            "directory.path",
            "the value is not valid",
            id="relative",
        ),
        pytest.param({"webhook": {}}, "webhook.url", "url is required", id="no-url"),
        pytest.param(
            hook(timeout="soon"), "webhook.timeout", "the value is not valid", id="timeout"
        ),
        pytest.param(
            hook(method="GET /x"), "webhook.method", "the value is not valid", id="method"
        ),
        pytest.param(
            hook(auth={"ntlm": {"usernameSecret": SELECTOR}}),
            "webhook.auth.ntlm",
            "auth.ntlm is not supported: NTLM needs MD4 and a connection of its own",
            id="ntlm",
        ),
        pytest.param(
            hook(secrets=[{"name": "a", "secretRef": {"name": ""}}]),
            "webhook.secrets[0].secretRef.name",
            "name is required",
            id="secret-name",
        ),
        pytest.param(
            hook(secrets=[{"name": "a", "secretRef": {"name": "b", "namespace": "other"}}]),
            "webhook.secrets[0].secretRef.namespace",
            FOREIGN,
            id="secret-namespace",
        ),
        pytest.param(
            hook(caProvider={"type": "File", "name": "ca", "key": "ca.crt"}),
            "webhook.caProvider.type",
            "must be one of Secret, ConfigMap",
            id="ca-type",
        ),
        pytest.param(
            hook(caProvider={"type": "Secret", "name": "ca"}),
            "webhook.caProvider.key",
            "key is required",
            id="ca-key",
        ),
        pytest.param(
            kube(
                server={
                    "caProvider": {
                        "type": "ConfigMap",
                        "name": "a",
                        "key": "b",
                        "namespace": "other",
                    }
                }
            ),
            "kubernetes.server.caProvider.namespace",
            FOREIGN,
            id="ca-namespace",
        ),
        pytest.param(
            kube(remoteNamespace="a/b"),
            "kubernetes.remoteNamespace",
            "the value is not valid",
            id="ns",
        ),
        pytest.param(
            {"kubernetes": {"authRef": {**SELECTOR, "namespace": "other"}}},
            "kubernetes.authRef.namespace",
            FOREIGN,
            id="auth-ref",
        ),
        pytest.param(
            {"kubernetes": {"auth": {"serviceAccount": {"name": "a", "namespace": "other"}}}},
            "kubernetes.auth.serviceAccount.namespace",
            FOREIGN,
            id="service-account",
        ),
    ],
)
def test_fault_of_a_block_is_an_error_at_its_field(provider, path, message):
    parsed = parse(provider)
    assert parsed.value is None
    assert found(parsed.problems) == [("error", f"spec.provider.{path}", message)]


def test_cluster_store_may_name_namespaces():
    selector = {**SELECTOR, "namespace": "vault"}
    cluster = {"kind": "ClusterSecretStore", "metadata.namespace": None}
    assert parse({"kubernetes": {"authRef": selector}}, **cluster).value is not None
