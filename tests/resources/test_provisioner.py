"""ClusterExternalSecrets and ClusterPushSecrets: what they make, where, and what is refused."""

from __future__ import annotations

import pytest

from secretsync.resources.provisioner import FORCE_SYNC, parse_provisioner
from tests.resources.builders import EXTERNAL_SECRET, changed, document, found, loaded
from tests.resources.test_push_secret import PUSH_SECRET

SELECTOR = {"matchLabels": {"team": "web"}}
CLUSTER_EXTERNAL_SECRET = {
    "apiVersion": "external-secrets.io/v1",
    "kind": "ClusterExternalSecret",
    "metadata": {"name": "everywhere"},
    "spec": {
        "externalSecretSpec": EXTERNAL_SECRET["spec"],
        "namespaceSelectors": [SELECTOR],
    },
}
CLUSTER_PUSH_SECRET = {
    "apiVersion": "external-secrets.io/v1alpha1",
    "kind": "ClusterPushSecret",
    "metadata": {"name": "everywhere"},
    "spec": {"pushSecretSpec": PUSH_SECRET["spec"], "namespaceSelectors": [SELECTOR]},
}


def parse(changes, base=CLUSTER_EXTERNAL_SECRET):
    return parse_provisioner(document(changed(base, changes)))


def test_cluster_external_secret_makes_external_secrets_of_its_own_name():
    parsed = parse({})
    assert parsed.problems == ()
    assert parsed.value.child("a") == {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "everywhere", "namespace": "a"},
        "spec": EXTERNAL_SECRET["spec"],
    }


def test_old_version_makes_children_of_the_new_one():
    parsed = parse({"apiVersion": "external-secrets.io/v1beta1"})
    assert parsed.problems == ()
    assert parsed.value.child("a")["apiVersion"] == "external-secrets.io/v1"


def test_child_has_the_given_name_and_metadata_and_the_call_for_a_sync():
    parsed = parse(
        {
            "metadata.annotations": {FORCE_SYNC: "1", "other": "x"},
            "spec.externalSecretName": "db",
            "spec.externalSecretMetadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
        }
    )
    assert parsed.value.child("n")["metadata"] == {
        "name": "db",
        "namespace": "n",
        "labels": {"a": "b"},
        "annotations": {"c": "d", FORCE_SYNC: "1"},
    }


@pytest.mark.parametrize(
    ("changes", "namespace", "labels", "selected"),
    [
        ({}, "a", {"team": "web"}, True),
        ({}, "a", {"team": "shop"}, False),
        (
            {"spec.namespaceSelectors": [SELECTOR, {"matchLabels": {"x": "y"}}]},
            "a",
            {"x": "y"},
            True,
        ),
        ({"spec.namespaceSelectors": [{}]}, "a", {}, True),
        ({"spec.namespaceSelector": {"matchLabels": {"x": "y"}}}, "a", {"x": "y"}, True),
        ({"spec.namespaces": ["a"]}, "a", {}, True),
        ({"spec.namespaces": ["a"]}, "b", {}, False),
        (
            {"spec.namespaceSelectors": [{"matchLabels": {"kubernetes.io/metadata.name": "c"}}]},
            "c",
            {},
            True,
        ),
    ],
)
def test_any_selector_or_name_selects_a_namespace(changes, namespace, labels, selected):
    assert parse(changes).value.selects(namespace, labels) is selected


def test_deprecated_fields_warn():
    parsed = parse({"spec.namespaces": ["a"], "spec.namespaceSelector": SELECTOR})
    assert [severity for severity, _, _ in found(parsed.problems)] == ["warning", "warning"]


def test_problem_of_the_child_is_told_at_its_place_and_line():
    text = """\
apiVersion: external-secrets.io/v1
kind: ClusterExternalSecret
metadata: {name: everywhere}
spec:
  namespaceSelectors: [{}]
  externalSecretSpec:
    secretStoreRef: {name: s}
    data:
    - secretKey: a b
      remoteRef: {key: k}
"""
    [source] = loaded(text)
    parsed = parse_provisioner(source)
    assert parsed.value is None
    [problem] = parsed.problems
    assert problem.field == "spec.externalSecretSpec.data[0].secretKey"
    assert problem.object == "ClusterExternalSecret everywhere"
    assert problem.line == 9


CASES = {
    "no-spec": (
        {"spec.externalSecretSpec": None},
        "spec.externalSecretSpec",
        "externalSecretSpec is required",
    ),
    "child": (
        {"spec.externalSecretSpec": {"secretStoreRef": {"name": "s"}}},
        "spec.externalSecretSpec",
        "either data or dataFrom should be specified",
    ),
    "label": (
        {"spec.externalSecretMetadata": {"labels": {"a b": "c"}}},
        'spec.externalSecretMetadata.labels["a b"]',
        "the key is not valid",
    ),
    "name": (
        {"spec.externalSecretName": "A"},
        "spec.externalSecretName",
        "the value is not valid",
    ),
    "namespace": (
        {"spec.namespaceSelectors": [{"matchLabels": {"a b": "c"}}]},
        'spec.namespaceSelectors[0].matchLabels["a b"]',
        "the label's key is not valid",
    ),
    "interval": ({"spec.refreshTime": "x"}, "spec.refreshTime", "not a duration"),
}


@pytest.mark.parametrize(("changes", "path", "message"), CASES.values(), ids=CASES.keys())
def test_cluster_external_secret_that_cannot_work_is_refused(changes, path, message):
    parsed = parse(changes)
    assert parsed.value is None
    assert ("error", path, message) in found(parsed.problems)


def test_cluster_push_secret_makes_push_secrets_and_refuses_bad_ones():
    parsed = parse({}, CLUSTER_PUSH_SECRET)
    assert parsed.problems == ()
    assert parsed.value.child("a")["kind"] == "PushSecret"
    bad = parse({"spec.pushSecretSpec": {"selector": {}}}, CLUSTER_PUSH_SECRET)
    assert bad.value is None
    assert ("error", "spec.pushSecretSpec.secretStoreRefs", "secretStoreRefs is required") in found(
        bad.problems
    )
