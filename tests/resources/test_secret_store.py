"""Stores of both kinds: what they are read as, and how they are refused."""

from __future__ import annotations

import pytest

from providers.aws.config import AwsAuth, AwsConfig, AwsJwtAuth, AwsSecretRef, Tag
from providers.base import SecretKeySelector, ServiceAccountSelector
from providers.registry import PROVIDERS
from secretsync.resources.meta import ObjectMeta, ObjectRef
from secretsync.resources.secret_store import (
    LabelSelector,
    NamespaceCondition,
    RetrySettings,
    SecretStore,
    parse_secret_store,
)
from secretsync.resources.secret_store_spec import PUBLISHED_PROVIDERS
from tests.resources.builders import SECRET_STORE, changed, document, found, loaded

CLUSTER = {"kind": "ClusterSecretStore", "metadata.namespace": None}
AWS = "spec.provider.aws"


def parse(changes):
    source = document(changed(SECRET_STORE, changes))
    return parse_secret_store(source, default_namespace="default")


def good(changes):
    parsed = parse(changes)
    assert parsed.value is not None, parsed.problems
    assert parsed.problems == ()
    return parsed.value


def test_smallest_store_has_the_defaults():
    assert good({"metadata.namespace": None}) == SecretStore(
        meta=ObjectMeta("aws-secrets-manager", "default"),
        api_version="external-secrets.io/v1",
        kind="SecretStore",
        controller="",
        provider="aws",
        config=AwsConfig("SecretsManager", "eu-central-1"),
    )


def test_everything_of_a_cluster_store_is_read():
    (source,) = loaded("""
apiVersion: external-secrets.io/v1beta1
kind: ClusterSecretStore
metadata: {name: aws, uid: 7c1e}
spec:
  controller: mine
  refreshInterval: 300
  retrySettings: {maxRetries: 5, retryInterval: 2s}
  conditions:
  - namespaces: [web, api]
  - namespaceRegexes: ["^team-.*$"]
  - namespaceSelector:
      matchLabels: {team: a}
      matchExpressions:
      - {key: env, operator: In, values: [dev, test]}
      - {key: locked, operator: DoesNotExist}
  provider:
    aws:
      service: SecretsManager
      region: eu-central-1
      role: arn:aws:iam::123456789012:role/reader
      additionalRoles: [a, b]
      externalID: ext
      sessionTags: [{key: k, value: v}]
      customSessionTags: {x: z}
      prefix: production/
      auth:
        secretRef:
          accessKeyIDSecretRef: {name: keys, key: id, namespace: vault}
          secretAccessKeySecretRef: {name: keys, key: secret}
        jwt:
          serviceAccountRef: {name: reader, audiences: [sts.amazonaws.com]}
""")
    parsed = parse_secret_store(source, default_namespace="default")
    assert parsed.problems == ()
    assert parsed.value == SecretStore(
        meta=ObjectMeta("aws", "", uid="7c1e"),
        api_version="external-secrets.io/v1beta1",
        kind="ClusterSecretStore",
        controller="mine",
        provider="aws",
        config=AwsConfig(
            service="SecretsManager",
            region="eu-central-1",
            role="arn:aws:iam::123456789012:role/reader",
            additional_roles=("a", "b"),
            external_id="ext",
            session_tags=(Tag("k", "v"),),
            custom_session_tags=(("x", "z"),),
            prefix="production/",
            auth=AwsAuth(
                AwsSecretRef(
                    SecretKeySelector("keys", "id", "vault"), SecretKeySelector("keys", "secret")
                ),
                AwsJwtAuth(ServiceAccountSelector("reader", "", ("sts.amazonaws.com",))),
            ),
        ),
        retry=RetrySettings(5, 2.0),
        refresh_interval_s=300.0,
        conditions=(
            NamespaceCondition(namespaces=("web", "api")),
            NamespaceCondition(namespace_regexes=("^team-.*$",)),
            NamespaceCondition(
                namespace_selector=LabelSelector(
                    (("team", "a"),),
                    (("env", "In", ("dev", "test")), ("locked", "DoesNotExist", ())),
                )
            ),
        ),
        live=True,
    )
    assert parsed.value.ref == ObjectRef("ClusterSecretStore", "", "aws")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [(0, None), ("", None), ("0", None), (300, 300), ("5m", 300), ("1.5s", 1.5), (None, None)],
)
def test_refresh_interval_is_seconds_or_a_duration(written, seconds):
    assert good({"spec.refreshInterval": written}).refresh_interval_s == seconds


def test_retry_settings_have_defaults_where_the_block_is_present():
    assert good({"spec.retrySettings": {}}).retry == RetrySettings(3, 10.0)


def test_secret_store_may_name_its_own_namespace():
    reference = {"name": "a", "key": "b", "namespace": "web"}
    auth = {"secretRef": {"secretAccessKeySecretRef": reference}}
    config = good({f"{AWS}.auth": auth}).config
    assert config.auth.secret_ref.secret_access_key_secret_ref.namespace == "web"


def selector(**reference):
    return {f"{AWS}.auth": {"secretRef": {"secretAccessKeySecretRef": reference}}}


def condition(**fields):
    return {**CLUSTER, "spec.conditions": [fields]}


def expression(**fields):
    return condition(namespaceSelector={"matchExpressions": [fields]})


SECRET_REF = f"{AWS}.auth.secretRef.secretAccessKeySecretRef"
EXPRESSION = "spec.conditions[0].namespaceSelector.matchExpressions[0]"
CASES = {
    "kind": ({"kind": "Store"}, "kind", "kind must be SecretStore or ClusterSecretStore"),
    "v1alpha1": (
        {"apiVersion": "external-secrets.io/v1alpha1"},
        "apiVersion",
        "SecretStore v1alpha1 is no longer served",
    ),
    "no-spec": ({"spec": None}, "spec", "spec is missing"),
    "no-provider": ({"spec.provider": None}, "spec.provider", "provider is required"),
    "provider-type": (
        {"spec.provider": "aws"},
        "spec.provider",
        "provider is a string, not an object",
    ),
    "empty-provider": ({"spec.provider": {}}, "spec.provider", "provider names no provider"),
    "two-providers": (
        {"spec.provider.vault": {}},
        "spec.provider",
        "provider names more than one provider",
    ),
    "unknown-provider": (
        {"spec.provider": {"asw": {}}},
        "spec.provider.asw",
        'unknown provider "asw"',
    ),
    "no-service": ({f"{AWS}.service": None}, f"{AWS}.service", "service is required"),
    "service": (
        {f"{AWS}.service": "S3"},
        f"{AWS}.service",
        "must be one of SecretsManager, ParameterStore, CertificateManager",
    ),
    "certificate-manager": (
        {f"{AWS}.service": "CertificateManager"},
        f"{AWS}.service",
        "service CertificateManager is not supported yet",
    ),
    "region": ({f"{AWS}.region": ""}, f"{AWS}.region", "region must not be empty"),
    "recovery-window": (
        {f"{AWS}.secretsManager": {"recoveryWindowInDays": 3}},
        f"{AWS}.secretsManager.recoveryWindowInDays",
        "must be at least 7",
    ),
    "foreign-namespace": (
        selector(name="a", key="b", namespace="other"),
        f"{SECRET_REF}.namespace",
        "a SecretStore cannot use credentials of another namespace",
    ),
    "foreign-account": (
        {f"{AWS}.auth": {"jwt": {"serviceAccountRef": {"name": "a", "namespace": "other"}}}},
        f"{AWS}.auth.jwt.serviceAccountRef.namespace",
        "a SecretStore cannot use credentials of another namespace",
    ),
    "selector-name": (selector(key="b"), f"{SECRET_REF}.name", "name is required"),
    "selector-key": (selector(name="a"), f"{SECRET_REF}.key", "key is required"),
    "selector-namespace": (
        {**CLUSTER, **selector(name="a", key="b", namespace="a.b")},
        f"{SECRET_REF}.namespace",
        "the namespace is not valid",
    ),
    "interval": ({"spec.refreshInterval": "often"}, "spec.refreshInterval", "not a duration"),
    "negative-interval": ({"spec.refreshInterval": -1}, "spec.refreshInterval", "not a duration"),
    "retries": (
        {"spec.retrySettings": {"maxRetries": -1}},
        "spec.retrySettings.maxRetries",
        "must be at least 0",
    ),
    "retry-interval": (
        {"spec.retrySettings": {"retryInterval": "10"}},
        "spec.retrySettings.retryInterval",
        "not a duration",
    ),
    "condition-namespace": (
        condition(namespaces=["a", "A"]),
        "spec.conditions[0].namespaces[1]",
        "the namespace is not valid",
    ),
    "condition-regex": (
        condition(namespaceRegexes=["^(a"]),
        "spec.conditions[0].namespaceRegexes[0]",
        "the regular expression cannot be used: missing )",
    ),
    "condition-label": (
        condition(namespaceSelector={"matchLabels": {"a": "b c"}}),
        "spec.conditions[0].namespaceSelector.matchLabels.a",
        "the label's value is not valid",
    ),
    "operator": (
        expression(key="a", operator="Is"),
        f"{EXPRESSION}.operator",
        "must be one of In, NotIn, Exists, DoesNotExist",
    ),
    "in-without-values": (
        expression(key="a", operator="In"),
        f"{EXPRESSION}.values",
        "operator In needs at least one value",
    ),
    "exists-with-values": (
        expression(key="a", operator="Exists", values=["b"]),
        f"{EXPRESSION}.values",
        "operator Exists needs no values",
    ),
    "expression-key": (
        expression(key="a b", operator="Exists"),
        EXPRESSION,
        "the label's key is not valid",
    ),
}


@pytest.mark.parametrize(
    ("changes", "path", "message"), [pytest.param(*case, id=name) for name, case in CASES.items()]
)
def test_fault_is_an_error_at_its_field(changes, path, message):
    parsed = parse(changes)
    assert parsed.value is None
    assert ("error", path, message) in found(parsed.problems)
    assert len(parsed.problems) == 1 or "operator" in path


@pytest.mark.parametrize("key", [key for key in PUBLISHED_PROVIDERS if key not in PROVIDERS])
def test_published_provider_is_refused_by_name(key):
    parsed = parse({"spec.provider": {key: {"any": "thing"}}})
    assert parsed.value is None
    assert found(parsed.problems) == [
        ("error", f"spec.provider.{key}", f"provider {key} is not supported yet")
    ]


def test_misspelt_provider_field_is_a_warning():
    parsed = parse({f"{AWS}.regoin": "x"})
    assert parsed.value is not None
    assert found(parsed.problems) == [("warning", f"{AWS}.regoin", 'unknown field "regoin"')]


def test_conditions_of_a_secret_store_are_a_warning():
    parsed = parse({"spec.conditions": [{"namespaces": ["web"]}]})
    assert parsed.value is not None
    assert [item.severity for item in parsed.problems] == ["warning"]


def test_namespace_of_a_cluster_store_is_a_warning_and_dropped():
    parsed = parse({"kind": "ClusterSecretStore"})
    assert parsed.value is not None
    assert parsed.value.meta.namespace == ""
    assert [item.field for item in parsed.problems] == ["metadata.namespace"]
