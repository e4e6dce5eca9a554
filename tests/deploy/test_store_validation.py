"""Which stores of either kind the API server accepts and refuses, in both versions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.api import Api
from tests.deploy.cases import cluster_secret_store
from tests.deploy.checks import assert_holds, dry_run

pytestmark = [pytest.mark.built, pytest.mark.parametrize("version", ["v1", "v1beta1"])]

AWS = {"service": "SecretsManager", "region": "eu-central-1"}


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"provider": {"aws": AWS}}, id="aws"),
        pytest.param(
            {
                "controller": "default",
                "refreshInterval": 300,
                "retrySettings": {"maxRetries": 3, "retryInterval": "10s"},
                "conditions": [
                    {
                        "namespaces": ["apps"],
                        "namespaceRegexes": ["^team-"],
                        "namespaceSelector": {
                            "matchLabels": {"a": "b"},
                            "matchExpressions": [{"key": "c", "operator": "In", "values": ["d"]}],
                        },
                    }
                ],
                "provider": {
                    "aws": {
                        **AWS,
                        "externalID": "x",
                        "sessionTags": [{"key": "a", "value": "b"}],
                        "secretsManager": {"recoveryWindowInDays": 7},
                        "auth": {
                            "secretRef": {
                                "accessKeyIDSecretRef": {
                                    "name": "keys",
                                    "key": "id",
                                    "namespace": "apps",
                                }
                            },
                            "jwt": {"serviceAccountRef": {"name": "reader", "audiences": ["a"]}},
                        },
                    }
                },
            },
            id="aws-in-full",
        ),
        pytest.param({"provider": {"aws": AWS}, "refreshInterval": "5m"}, id="duration"),
        pytest.param(
            {"provider": {"vault": {"server": "https://v", "auth": {"appRole": {"path": "a"}}}}},
            id="other-provider-is-kept",
        ),
        pytest.param({"provider": {"onepasswordSDK": {"vault": "a"}}}, id="mixed-case-provider"),
    ],
)
def test_store_is_accepted_and_nothing_is_lost(
    crd_api: Api,
    kube_namespace: str,
    version: str,
    spec: dict[str, Any],
) -> None:
    obj = cluster_secret_store("good", version, **spec)
    for kind in ("ClusterSecretStore", "SecretStore"):
        answer = dry_run(crd_api, kube_namespace, {**obj, "kind": kind})
        assert answer.status == 201, answer.message
        assert_holds(answer.body["spec"], obj["spec"])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param({}, "spec.provider", id="no-provider"),
        pytest.param({"provider": {}}, "spec.provider", id="empty-provider"),
        pytest.param({"provider": {"aws": AWS, "fake": {}}}, "spec.provider", id="two-providers"),
        pytest.param({"provider": {"awss": AWS}}, "spec.provider.awss", id="unknown-provider"),
        pytest.param(
            {"provider": {"aws": {**AWS, "service": "S3"}}}, "provider.aws.service", id="service"
        ),
        pytest.param(
            {"provider": {"aws": {"service": "SecretsManager"}}}, "provider.aws.region", id="region"
        ),
        pytest.param(
            {"provider": {"aws": {**AWS, "secretsManager": {"recoveryWindowInDays": 3}}}},
            "recoveryWindowInDays",
            id="recovery-window",
        ),
        pytest.param(
            {"provider": {"aws": {**AWS, "auth": {"jwt": {"serviceAccountRef": {}}}}}},
            "serviceAccountRef.name",
            id="account-without-name",
        ),
        pytest.param(
            {"provider": {"aws": AWS}, "conditions": [{"namespaces": ["Apps"]}]},
            "spec.conditions[0].namespaces[0]",
            id="namespace-name",
        ),
        pytest.param(
            {"provider": {"aws": AWS}, "refreshInterval": "often"},
            "spec.refreshInterval",
            id="refresh-interval",
        ),
    ],
)
def test_store_is_refused_with_its_reason(
    crd_api: Api,
    kube_namespace: str,
    version: str,
    spec: dict[str, Any],
    message: str,
) -> None:
    obj = cluster_secret_store("bad", version, **spec)
    for kind in ("ClusterSecretStore", "SecretStore"):
        answer = dry_run(crd_api, kube_namespace, {**obj, "kind": kind})
        assert answer.status in (400, 422, 500), answer.body
        assert message in answer.message
