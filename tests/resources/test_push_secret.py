"""PushSecrets as manifests bring them: defaults, every field, every refusal."""

from __future__ import annotations

import pytest

from secretsync.resources.push_secret import (
    DataTo,
    PushData,
    PushStore,
    SecretSource,
    parse_push_secret,
)
from secretsync.resources.rewrite_spec import RegexpRewrite
from secretsync.resources.secret_store import LabelSelector
from secretsync.resources.source_spec import GeneratorRef
from tests.resources.builders import changed, document, found

PUSH_SECRET = {
    "apiVersion": "external-secrets.io/v1alpha1",
    "kind": "PushSecret",
    "metadata": {"name": "out", "namespace": "web"},
    "spec": {
        "secretStoreRefs": [{"name": "aws"}],
        "selector": {"secret": {"name": "database"}},
        "data": [{"match": {"secretKey": "password", "remoteRef": {"remoteKey": "db"}}}],
    },
}
DATA_TO = {"storeRef": {"name": "aws"}}


def parse(changes):
    source = document(changed(PUSH_SECRET, changes))
    return parse_push_secret(source, default_namespace="default")


def entry(remote_key="db", prop="", **more):
    return {"match": {"remoteRef": {"remoteKey": remote_key, "property": prop}}, **more}


def test_push_secret_with_the_least_has_the_published_defaults():
    parsed = parse({})
    assert parsed.problems == ()
    item = parsed.value
    assert item.stores == (PushStore("SecretStore", "aws"),)
    assert item.source == SecretSource("database")
    assert item.data == (PushData("password", "db"),)
    assert (item.update_policy, item.deletion_policy) == ("Replace", "None")
    assert item.refresh_interval_s == 3600
    assert not item.live
    assert not item.deletes
    assert item.template is None


def test_push_secret_with_every_field_reads_each():
    labels = {"matchLabels": {"team": "web"}}
    parsed = parse(
        {
            "spec.secretStoreRefs": [
                {"kind": "ClusterSecretStore", "labelSelector": labels},
                {"name": "aws"},
            ],
            "spec.selector": {"secret": {"selector": labels}},
            "spec.refreshInterval": "5m",
            "spec.updatePolicy": "IfNotExists",
            "spec.deletionPolicy": "Delete",
            "spec.data": [entry(prop="p", metadata={"a": 1}, conversionStrategy="ReverseUnicode")],
            "spec.dataTo": [
                {
                    **DATA_TO,
                    "match": {"regexp": "^db-"},
                    "rewrite": [{"regexp": {"source": "^db-", "target": "x/"}}],
                    "metadata": {"b": 2},
                    "conversionStrategy": "ReverseUnicode",
                },
                {**DATA_TO, "remoteKey": "all"},
            ],
            "spec.template": {"data": {"url": "{{ .password }}"}},
        }
    )
    assert parsed.problems == ()
    item = parsed.value
    by_labels = LabelSelector((("team", "web"),))
    assert item.stores[0] == PushStore("ClusterSecretStore", "", by_labels)
    assert item.source == SecretSource("", by_labels)
    assert item.data == (PushData("", "db", "p", {"a": 1}, "ReverseUnicode"),)
    assert item.data_to == (
        DataTo(
            PushStore("SecretStore", "aws"),
            "^db-",
            "",
            (RegexpRewrite("^db-", "x/"),),
            {"b": 2},
            "ReverseUnicode",
        ),
        DataTo(PushStore("SecretStore", "aws"), remote_key="all"),
    )
    assert item.template.data == (("url", "{{ .password }}"),)
    assert item.refresh_interval_s == 300
    assert item.deletes


def test_generator_as_source_is_read():
    parsed = parse({"spec.selector": {"generatorRef": {"kind": "Password", "name": "new"}}})
    assert parsed.value.source == GeneratorRef("Password", "new")


def test_status_of_a_live_object_says_what_was_pushed():
    pushed = {"SecretStore/aws": {"db": {"match": {"remoteRef": {"remoteKey": "db"}}}}}
    parsed = parse(
        {
            "metadata.uid": "u",
            "status": {
                "refreshTime": "2026-01-02T03:04:05Z",
                "syncedResourceVersion": "1-abc",
                "syncedPushSecrets": {**pushed, "broken": 3},
            },
        }
    )
    assert parsed.value.live
    assert parsed.value.status.synced == pushed
    assert parsed.value.status.synced_resource_version == "1-abc"


CASES = {
    "version": (
        {"apiVersion": "external-secrets.io/v1"},
        "apiVersion",
        'PushSecret has no version "external-secrets.io/v1"',
    ),
    "no-stores": (
        {"spec.secretStoreRefs": []},
        "spec.secretStoreRefs",
        "secretStoreRefs must not be empty",
    ),
    "store-without-name": (
        {"spec.secretStoreRefs": [{}]},
        "spec.secretStoreRefs[0]",
        "the entry names no store",
    ),
    "store-twice": (
        {"spec.secretStoreRefs": [{"name": "a", "labelSelector": {}}]},
        "spec.secretStoreRefs[0]",
        "name and labelSelector exclude each other",
    ),
    "store-kind": (
        {"spec.secretStoreRefs": [{"name": "a", "kind": "Store"}]},
        "spec.secretStoreRefs[0].kind",
        "must be one of SecretStore, ClusterSecretStore",
    ),
    "no-selector": ({"spec.selector": None}, "spec.selector", "selector is required"),
    "no-source": (
        {"spec.selector": {}},
        "spec.selector",
        "exactly one of secret and generatorRef is needed",
    ),
    "two-sources": (
        {
            "spec.selector": {
                "secret": {"name": "a"},
                "generatorRef": {"kind": "Password", "name": "b"},
            }
        },
        "spec.selector",
        "exactly one of secret and generatorRef is needed",
    ),
    "secret-without-name": (
        {"spec.selector": {"secret": {}}},
        "spec.selector.secret",
        "no Secret is named",
    ),
    "secret-twice": (
        {"spec.selector": {"secret": {"name": "a", "selector": {}}}},
        "spec.selector.secret",
        "name and selector exclude each other",
    ),
    "same-place": (
        {"spec.data": [entry(), entry()]},
        "spec.data[1].match.remoteRef",
        "data[0] goes to the same place",
    ),
    "whole-and-part": (
        {"spec.data": [entry(), entry(prop="p")]},
        "spec.data[1].match.remoteRef",
        "data[0] replaces the whole value that this property would be part of",
    ),
    "no-remote-key": (
        {"spec.data": [{"match": {"remoteRef": {}}}]},
        "spec.data[0].match.remoteRef.remoteKey",
        "remoteKey is required",
    ),
    "metadata": (
        {"spec.data": [entry(metadata=[1])]},
        "spec.data[0].metadata",
        "expected an object, found a list",
    ),
    "conversion": (
        {"spec.data": [entry(conversionStrategy="Unicode")]},
        "spec.data[0].conversionStrategy",
        "must be one of None, ReverseUnicode",
    ),
    "data-to-without-store": (
        {"spec.dataTo": [{}]},
        "spec.dataTo[0].storeRef",
        "storeRef is required",
    ),
    "data-to-empty-store": (
        {"spec.dataTo": [{"storeRef": {"kind": "ClusterSecretStore"}}]},
        "spec.dataTo[0].storeRef",
        "the entry names no store",
    ),
    "data-to-foreign-store": (
        {"spec.dataTo": [{"storeRef": {"name": "other"}}]},
        "spec.dataTo[0].storeRef",
        "SecretStore other is not among secretStoreRefs",
    ),
    "data-to-both": (
        {
            "spec.dataTo": [
                {**DATA_TO, "remoteKey": "a", "rewrite": [{"transform": {"template": "x"}}]}
            ]
        },
        "spec.dataTo[0]",
        "remoteKey and rewrite exclude each other: remoteKey sends all keys to one place",
    ),
    "data-to-merge": (
        {"spec.dataTo": [{**DATA_TO, "rewrite": [{"merge": {}}]}]},
        "spec.dataTo[0].rewrite[0].merge",
        "merge is not for dataTo",
    ),
    "data-to-regexp": (
        {"spec.dataTo": [{**DATA_TO, "match": {"regexp": "("}}]},
        "spec.dataTo[0].match.regexp",
        "not a regular expression that Go takes: missing )",
    ),
    "template": (
        {"spec.template": {"type": "bootstrap.kubernetes.io/token"}},
        "spec.template.type",
        (
            "Secrets of type bootstrap.kubernetes.io/token are refused: they let machines join "
            "the cluster"
        ),
    ),
    "template-key": (
        {"spec.template": {"data": {"a b": "x"}}},
        'spec.template.data["a b"]',
        "the key is not valid",
    ),
    "interval": ({"spec.refreshInterval": "soon"}, "spec.refreshInterval", "not a duration"),
}


@pytest.mark.parametrize(("changes", "path", "message"), CASES.values(), ids=CASES.keys())
def test_push_secret_that_cannot_work_is_refused_by_one_problem(changes, path, message):
    parsed = parse(changes)
    assert parsed.value is None
    assert found(parsed.problems) == [("error", path, message)]
    assert all(problem.remedy for problem in parsed.problems if path.count(".") < 2)


def test_push_secret_without_anything_to_push_is_a_warning():
    parsed = parse({"spec.data": None})
    assert parsed.value is not None
    assert found(parsed.problems) == [
        ("warning", "spec", "nothing is pushed: neither data nor dataTo has an entry")
    ]
