"""Good ExternalSecrets, and what they are read as."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from secretsync.resources.documents import Document, Origin
from secretsync.resources.external_secret import (
    DataFrom,
    DataItem,
    ExternalSecret,
    ExternalSecretStatus,
    RemoteRef,
    StoreRef,
    Target,
    Template,
    TemplateMetadata,
    parse_external_secret,
)
from secretsync.resources.external_secret_template import (
    TemplateFrom,
    TemplateItem,
    TemplateSource,
)
from secretsync.resources.meta import ObjectMeta
from tests.resources.builders import EXTERNAL_SECRET, changed, document, found, loaded

STORE = StoreRef("aws-secrets-manager", "ClusterSecretStore")

DATABASE_CREDENTIALS = """
apiVersion: external-secrets.io/v1beta1
kind: ExternalSecret
metadata:
  name: database-credentials
spec:
  refreshInterval: 1h
  secretStoreRef:
    name: aws-secrets-manager
    kind: ClusterSecretStore
  target:
    name: database-credentials
  data:
    - secretKey: password
      remoteRef:
        key: production/database
        property: password
"""


def parse(changes=None, **options):
    parsed = parse_external_secret(
        document(changed(EXTERNAL_SECRET, changes or {})), default_namespace="default", **options
    )
    assert parsed.value is not None, parsed.problems
    return parsed.value


def test_published_example_parses_unchanged():
    (source,) = loaded(DATABASE_CREDENTIALS)
    parsed = parse_external_secret(source, default_namespace="default")
    assert parsed.problems == ()
    assert parsed.value == ExternalSecret(
        meta=ObjectMeta("database-credentials", "default"),
        api_version="external-secrets.io/v1beta1",
        refresh_policy="Periodic",
        refresh_interval_s=3600.0,
        target=Target("database-credentials", "Owner", "Retain"),
        data=(DataItem("password", RemoteRef("production/database", property="password"), STORE),),
    )


def test_defaults_are_those_of_the_published_schema():
    value = parse({"metadata.namespace": None, "spec.secretStoreRef": {"name": "a"}})
    assert value.meta.namespace == "default"
    assert value.refresh_policy == "Periodic"
    assert value.refresh_interval_s == 3600
    assert value.target == Target("database-credentials", "Owner", "Retain", immutable=False)
    assert value.data[0].store == StoreRef("a", "SecretStore")
    assert value.data[0].remote_ref == RemoteRef("production/database")
    assert value.data_from == ()
    assert value.status == ExternalSecretStatus()
    assert not value.live


def test_everything_that_is_supported_is_read():
    value = parse(
        {
            "spec.refreshPolicy": "OnChange",
            "spec.refreshInterval": "90s",
            "spec.target": {
                "name": "other",
                "creationPolicy": "Merge",
                "deletionPolicy": "Merge",
                "immutable": True,
                "template": {
                    "type": "kubernetes.io/tls",
                    "engineVersion": "v2",
                    "mergePolicy": "Merge",
                    "metadata": {
                        "labels": {"app": "web"},
                        "annotations": {"a/b": "c d"},
                        "finalizers": ["a.b/c"],
                    },
                },
            },
            "spec.dataFrom": [
                {"extract": {"key": "all", "decodingStrategy": "Auto", "nullBytePolicy": "Fail"}},
                {"extract": {"key": "b"}, "sourceRef": {"storeRef": {"name": "near"}}},
            ],
        }
    )
    assert value.refresh_policy == "OnChange"
    assert value.refresh_interval_s == 90
    assert value.target == Target(
        "other",
        "Merge",
        "Merge",
        immutable=True,
        template=Template(
            "kubernetes.io/tls",
            TemplateMetadata((("app", "web"),), (("a/b", "c d"),), ("a.b/c",)),
            merge_policy="Merge",
        ),
    )
    assert value.data_from == (
        DataFrom(RemoteRef("all", decoding_strategy="Auto", null_byte_policy="Fail"), STORE),
        DataFrom(RemoteRef("b"), StoreRef("near")),
    )
    assert value.stores() == (STORE, StoreRef("near"))


def test_store_of_each_item_makes_the_common_store_optional():
    item = {
        "secretKey": "a",
        "remoteRef": {"key": "k"},
        "sourceRef": {"storeRef": {"name": "near", "kind": "SecretStore"}},
    }
    value = parse({"spec.secretStoreRef": None, "spec.data": [item]})
    assert value.stores() == (StoreRef("near"),)


@pytest.mark.parametrize(
    ("written", "seconds"), [("0", 0), ("-1s", -1), ("1h30m", 5400), ("500ms", 0.5), (None, 3600)]
)
def test_refresh_interval_is_read_as_a_go_duration(written, seconds):
    assert parse({"spec.refreshInterval": written}).refresh_interval_s == seconds


def test_refresh_interval_zero_as_a_number_is_taken_with_a_warning():
    source = document(changed(EXTERNAL_SECRET, {"spec.refreshInterval": 0}))
    parsed = parse_external_secret(source, default_namespace="default")
    assert parsed.value is not None
    assert parsed.value.refresh_interval_s == 0
    assert found(parsed.problems) == [
        ("warning", "spec.refreshInterval", "the API server takes only strings here")
    ]


def test_duplicate_secret_key_is_allowed_unless_retained():
    item = EXTERNAL_SECRET["spec"]["data"][0]
    value = parse({"spec.data": [item, item], "spec.target": {"deletionPolicy": "Delete"}})
    assert len(value.data) == 2


def test_v1beta1_defaults_that_its_crd_writes_out_are_tolerated():
    ref = {
        "key": "k",
        "metadataPolicy": "None",
        "conversionStrategy": "Default",
        "decodingStrategy": "None",
    }
    value = parse(
        {
            "apiVersion": "external-secrets.io/v1beta1",
            "spec.data": [{"secretKey": "a", "remoteRef": ref}],
        }
    )
    assert value.data[0].remote_ref == RemoteRef("k")


def test_live_object_has_its_status():
    value = parse(
        {
            "metadata.uid": "6e8a",
            "metadata.generation": 4,
            "metadata.resourceVersion": "17",
            "metadata.creationTimestamp": "2026-08-08T10:00:00Z",
            "status": {
                "refreshTime": "2026-08-08T12:00:00+02:00",
                "syncedResourceVersion": "4-abc",
                "conditions": [
                    {"type": "Deleted", "status": "False"},
                    {
                        "type": "Ready",
                        "status": "True",
                        "reason": "SecretSynced",
                        "message": "secret synced",
                        "lastTransitionTime": "2026-08-08T09:00:00.5Z",
                    },
                ],
            },
        }
    )
    assert value.live
    assert (value.meta.uid, value.meta.generation, value.meta.resource_version) == ("6e8a", 4, "17")
    assert value.meta.created_at == datetime(2026, 8, 8, 10, tzinfo=UTC)
    assert value.status == ExternalSecretStatus(
        refresh_at=datetime(2026, 8, 8, 10, tzinfo=UTC),
        synced_resource_version="4-abc",
        ready="True",
        reason="SecretSynced",
        message="secret synced",
        transition_at=datetime(2026, 8, 8, 9, 0, 0, 500_000, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(None, id="absent"),
        pytest.param("x", id="text"),
        pytest.param({"refreshTime": None, "conditions": None}, id="nulls"),
        pytest.param({"refreshTime": "yesterday", "conditions": [1, {}]}, id="nonsense"),
        pytest.param({"refreshTime": "2026-02-30T00:00:00Z"}, id="impossible-day"),
        pytest.param({"refreshTime": "0001-01-01T00:00:00+23:59"}, id="before-time"),
        pytest.param({"syncedResourceVersion": 7}, id="number"),
    ],
)
def test_malformed_status_counts_as_none(status):
    assert parse({"metadata.uid": "u", "status": status}).status == ExternalSecretStatus()


def test_a_thousand_live_objects_cost_under_half_a_second_of_cpu():
    value = changed(
        EXTERNAL_SECRET,
        {
            "metadata.uid": "u",
            "metadata.labels": {"app.kubernetes.io/name": "web", "team": "a"},
            "spec.refreshInterval": "1h0m0s",
            "spec.target": {"creationPolicy": "Owner", "deletionPolicy": "Retain"},
            "status": {"refreshTime": "2026-08-08T10:00:00Z", "conditions": [{"type": "Ready"}]},
        },
    )
    source = Document(value, Origin("kube:test"))
    before_s = time.process_time()
    for _ in range(1000):
        assert parse_external_secret(source, default_namespace="default").value is not None
    assert time.process_time() - before_s < 0.5


def test_templates_are_read_in_the_order_in_which_they_are_rendered():
    template = {
        "data": {"url": "{{ .a }}"},
        "metadata": {"labels": {"a": "{{ .b }}"}},
        "templateFrom": [
            {
                "literal": "k: {{ .v }}",
                "configMap": {"name": "c", "items": [{"key": "x"}]},
                "secret": {"name": "s", "items": [{"key": "y", "templateAs": "KeysAndValues"}]},
            },
            {"literal": "", "target": "LABELS", "valuesDecodingStrategy": "Base64"},
        ],
    }
    read = parse({"spec.target": {"template": template}}).target.template
    at = "spec.target.template.templateFrom"
    assert read.data == (("url", "{{ .a }}"),)
    assert read.template_from == (
        TemplateFrom(f"{at}[0].configMap", TemplateSource("ConfigMap", "c"), (TemplateItem("x"),)),
        TemplateFrom(
            f"{at}[0].secret",
            TemplateSource("Secret", "s"),
            (TemplateItem("y", "KeysAndValues"),),
        ),
        TemplateFrom(f"{at}[0].literal", literal="k: {{ .v }}"),
        TemplateFrom(f"{at}[1].literal", target="Labels", values_decoding_strategy="Base64"),
    )
    assert read.sources() == (TemplateSource("ConfigMap", "c"), TemplateSource("Secret", "s"))
