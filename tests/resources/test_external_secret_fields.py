"""Faults of single fields of an ExternalSecret, and what is said."""

from __future__ import annotations

import pytest

from secretsync.resources.external_secret import parse_external_secret
from tests.resources.builders import EXTERNAL_SECRET, changed, document, found, loaded


def item(**changes):
    return changed({"secretKey": "a", "remoteRef": {"key": "k"}}, changes)


def parse(changes):
    source = document(changed(EXTERNAL_SECRET, changes))
    return parse_external_secret(source, default_namespace="default")


CASES = {
    "no-metadata": ({"metadata": None}, "metadata", "metadata is missing"),
    "metadata-type": ({"metadata": "x"}, "metadata", "metadata is a string, not an object"),
    "no-name": ({"metadata.name": None}, "metadata.name", "metadata.name is missing"),
    "name-type": ({"metadata.name": 7}, "metadata.name", "expected a string, found an integer"),
    "name": ({"metadata.name": "Not_Valid"}, "metadata.name", "the name is not valid"),
    "namespace": (
        {"metadata.namespace": "a.b"},
        "metadata.namespace",
        "the namespace is not valid",
    ),
    "labels-type": (
        {"metadata.labels": ["a"]},
        "metadata.labels",
        "expected an object, found a list",
    ),
    "label-value": (
        {"metadata.labels": {"a": "b c"}},
        "metadata.labels.a",
        "the label's value is not valid",
    ),
    "label-type": (
        {"metadata.labels": {"a": 1}},
        "metadata.labels.a",
        "expected a string, found an integer",
    ),
    "annotation-key": (
        {"metadata.annotations": {"a b": ""}},
        'metadata.annotations["a b"]',
        "the key is not valid",
    ),
    "no-spec": ({"spec": None}, "spec", "spec is missing"),
    "spec-type": ({"spec": []}, "spec", "spec is a list, not an object"),
    "kind": ({"kind": "Other"}, "kind", "kind must be ExternalSecret"),
    "v1alpha1": (
        {"apiVersion": "external-secrets.io/v1alpha1"},
        "apiVersion",
        "ExternalSecret v1alpha1 is no longer served",
    ),
    "v2": (
        {"apiVersion": "external-secrets.io/v2"},
        "apiVersion",
        "apiVersion is not one that is read",
    ),
    "store-name": (
        {"spec.secretStoreRef.name": None},
        "spec.secretStoreRef.name",
        "name is required",
    ),
    "store-kind": (
        {"spec.secretStoreRef.kind": "Store"},
        "spec.secretStoreRef.kind",
        "must be one of SecretStore, ClusterSecretStore",
    ),
    "refresh-policy": (
        {"spec.refreshPolicy": "Never"},
        "spec.refreshPolicy",
        "must be one of Periodic, CreatedOnce, OnChange",
    ),
    "duration": ({"spec.refreshInterval": "1 hour"}, "spec.refreshInterval", "not a duration"),
    "duration-number": ({"spec.refreshInterval": 60}, "spec.refreshInterval", "not a duration"),
    "duration-type": (
        {"spec.refreshInterval": True},
        "spec.refreshInterval",
        "expected a string or an integer, found a boolean",
    ),
    "target-name": ({"spec.target": {"name": "A"}}, "spec.target.name", "the value is not valid"),
    "creation-policy": (
        {"spec.target": {"creationPolicy": "owner"}},
        "spec.target.creationPolicy",
        "must be one of Owner, Orphan, Merge, None, CreateOrMerge",
    ),
    "deletion-policy": (
        {"spec.target": {"deletionPolicy": "Keep"}},
        "spec.target.deletionPolicy",
        "must be one of Retain, Delete, Merge",
    ),
    "immutable": (
        {"spec.target": {"immutable": "true"}},
        "spec.target.immutable",
        "expected a boolean, found a string",
    ),
    "data-type": ({"spec.data": {"a": "b"}}, "spec.data", "expected a list, found an object"),
    "item-type": ({"spec.data": ["a"]}, "spec.data[0]", "expected an object, found a string"),
    "secret-key-missing": (
        {"spec.data": [item(secretKey=None)]},
        "spec.data[0].secretKey",
        "secretKey is required",
    ),
    "secret-key": (
        {"spec.data": [item(secretKey="a/b")]},
        "spec.data[0].secretKey",
        "the value is not valid",
    ),
    "remote-ref": (
        {"spec.data": [item(remoteRef=None)]},
        "spec.data[0].remoteRef",
        "remoteRef is required",
    ),
    "key-missing": (
        {"spec.data": [item(remoteRef={})]},
        "spec.data[0].remoteRef.key",
        "key is required",
    ),
    "key-empty": (
        {"spec.data": [item(remoteRef={"key": ""})]},
        "spec.data[0].remoteRef.key",
        "key must not be empty",
    ),
    "version-type": (
        {"spec.data": [item(**{"remoteRef.version": 3})]},
        "spec.data[0].remoteRef.version",
        "expected a string, found an integer",
    ),
    "decoding": (
        {"spec.data": [item(**{"remoteRef.decodingStrategy": "base64"})]},
        "spec.data[0].remoteRef.decodingStrategy",
        "must be one of Auto, Base64, Base64URL, None",
    ),
}


@pytest.mark.parametrize(
    ("changes", "path", "message"), [pytest.param(*case, id=name) for name, case in CASES.items()]
)
def test_fault_is_one_error_at_its_field_with_a_remedy(changes, path, message):
    parsed = parse(changes)
    assert parsed.value is None
    assert found(parsed.problems) == [("error", path, message)]
    assert parsed.problems[0].object
    assert parsed.problems[0].remedy or "expected" in message


def test_misspelt_field_is_a_warning_and_the_object_is_good():
    parsed = parse({"spec.data": [item(**{"remoteRef.propertie": "x"})]})
    assert parsed.value is not None
    assert found(parsed.problems) == [
        ("warning", "spec.data[0].remoteRef.propertie", 'unknown field "propertie"')
    ]
    assert parsed.problems[0].remedy == "did you mean property?"


def test_all_problems_are_found_at_once_with_their_lines():
    (source,) = loaded(
        "apiVersion: external-secrets.io/v1\n"
        "kind: ExternalSecret\n"
        "metadata: {name: A}\n"
        "spec:\n"
        "  refreshInterval: soon\n"
        "  secretStoreRef: {name: aws}\n"
        "  data:\n"
        "  - secretKey: password\n"
        "    remoteRef:\n"
        "      property: password\n"
    )
    parsed = parse_external_secret(source, default_namespace="web")
    assert parsed.value is None
    assert [(item.line, item.field) for item in parsed.problems] == [
        (3, "metadata.name"),
        (9, "spec.data[0].remoteRef.key"),
        (5, "spec.refreshInterval"),
    ]
    assert {(item.file, item.object) for item in parsed.problems} == {
        ("app.yaml", "ExternalSecret web/A")
    }
