"""SealedSecrets: what is read, what is refused, and that every refusal names its place."""

from __future__ import annotations

from typing import Any

import pytest

from sealing import Scope
from secretsync.resources.documents import Origin
from secretsync.resources.manifests import load_manifests
from secretsync.resources.meta import ObjectRef
from secretsync.resources.sealed_secret import SealedSecretStatus, parse_sealed_secret
from secretsync.resources.sealed_secret_rules import envelope_problems
from tests.resources.builders import FILE, changed, document, found, loaded

SEALED_SECRET: dict[str, Any] = {
    "apiVersion": "bitnami.com/v1alpha1",
    "kind": "SealedSecret",
    "metadata": {"name": "db", "namespace": "web"},
    "spec": {"encryptedData": {"password": "AgA="}},
}
SCOPES = "sealedsecrets.bitnami.com"


def parse(changes: dict[str, Any] | None = None):
    return parse_sealed_secret(
        document(changed(SEALED_SECRET, changes or {})), default_namespace="default"
    )


def good(changes: dict[str, Any] | None = None):
    parsed = parse(changes)
    assert parsed.value is not None, parsed.problems
    assert parsed.problems == ()
    return parsed.value


def test_every_published_field_is_read():
    metadata = {"labels": {"a": "b"}, "annotations": {"c": "d"}, "finalizers": ["example.com/f"]}
    sealed = good(
        {
            "metadata.uid": "u",
            "spec.template": {
                "metadata": {**metadata, "name": "db", "namespace": "web"},
                "type": "kubernetes.io/tls",
                "immutable": True,
                "data": {"url": "{{ .password }}", "hidden": None},
            },
        }
    )
    assert sealed.ref == ObjectRef("SealedSecret", "web", "db")
    assert (sealed.live, sealed.target_name, sealed.creation_policy) == (True, "db", "Owner")
    template = sealed.template
    assert (template.type, template.immutable) == ("kubernetes.io/tls", True)
    assert (template.labels, template.annotations) == ({"a": "b"}, {"c": "d"})
    assert template.finalizers == ("example.com/f",)
    assert template.data == {"url": "{{ .password }}", "hidden": None}
    assert sealed.keys == ("password", "url")


def test_a_file_needs_no_namespace():
    sealed = good({"metadata.namespace": None})
    assert not sealed.live
    assert sealed.meta.namespace == "default"
    assert sealed.raw["metadata"] == {"name": "db", "namespace": "default"}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"spec.encryptedData": {}}, id="no-values"),
        pytest.param({"spec.template": None}, id="no-template"),
        pytest.param({"spec.template": {"metadata": {"creationTimestamp": None}}}, id="kubeseal's"),
        pytest.param({"spec.template": {"metadata": {"managedFields": [{}]}}}, id="managed-fields"),
        pytest.param({"spec.template": {"metadata": None, "data": None}}, id="nulls"),
        pytest.param({"spec": {"data": "AgA="}}, id="old-form"),
        pytest.param(
            {
                "spec.encryptedData": {"odd key": "AgA="},
                "spec.template": {"data": {"odd key": None}},
            },
            id="hidden-odd-key",
        ),
    ],
)
def test_what_sealed_secrets_takes_is_taken(changes):
    good(changes)


@pytest.mark.parametrize(
    ("annotations", "scope"),
    [
        pytest.param({}, Scope.STRICT, id="none"),
        pytest.param({f"{SCOPES}/namespace-wide": "true"}, Scope.NAMESPACE_WIDE, id="namespace"),
        pytest.param({f"{SCOPES}/cluster-wide": "true"}, Scope.CLUSTER_WIDE, id="cluster"),
        pytest.param({f"{SCOPES}/cluster-wide": "True"}, Scope.STRICT, id="True"),
    ],
)
def test_scope_is_the_objects_own(annotations, scope):
    template = {"metadata": {"annotations": {f"{SCOPES}/cluster-wide": "true"}}}
    assert good({"metadata.annotations": annotations, "spec.template": template}).scope is scope


def test_a_template_that_makes_the_secret_patched_shares_it():
    template = {"metadata": {"annotations": {f"{SCOPES}/patch": "true"}}}
    assert good({"spec.template": template}).creation_policy == "CreateOrMerge"


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"apiVersion": "bitnami.com/v2"}, "apiVersion", "apiVersion is not one that is read"),
        ({"kind": "SealedSecrets"}, "kind", "kind must be SealedSecret"),
        ({"metadata.name": None}, "metadata.name", "metadata.name is missing"),
        ({"spec": None}, "spec", "spec is missing"),
        ({"spec": "AgA="}, "spec", "spec is a string, not an object"),
        ({"spec.encryptedData": None}, "spec.encryptedData", "encryptedData is required"),
        ({"spec.encryptedData": "x"}, "spec.encryptedData", "expected an object, found a string"),
        (
            {"spec.encryptedData": {"a": 1}},
            "spec.encryptedData.a",
            "expected a string, found an integer",
        ),
        (
            {"spec.encryptedData": {"a": None}},
            "spec.encryptedData.a",
            "expected a string, found null",
        ),
        ({"spec.encryptedData": {"a b": "x"}}, 'spec.encryptedData["a b"]', "the key is not valid"),
        ({"spec.data": 1}, "spec.data", "expected a string, found an integer"),
        ({"spec.template": []}, "spec.template", "expected an object, found a list"),
        ({"spec.template.type": 1}, "spec.template.type", "expected a string, found an integer"),
        (
            {"spec.template.immutable": "yes"},
            "spec.template.immutable",
            "expected a boolean, found a string",
        ),
        (
            {"spec.template.data": {"a": 1}},
            "spec.template.data.a",
            "expected a string, found an integer",
        ),
        ({"spec.template.data": {"a b": "x"}}, 'spec.template.data["a b"]', "the key is not valid"),
        (
            {"spec.template.metadata": "x"},
            "spec.template.metadata",
            "expected an object, found a string",
        ),
        (
            {"spec.template.metadata": {"labels": {"a": True}}},
            "spec.template.metadata.labels.a",
            "expected a string, found a boolean",
        ),
        (
            {"spec.template.metadata": {"labels": {"a": "?"}}},
            "spec.template.metadata.labels.a",
            "the label's value is not valid",
        ),
        (
            {"spec.template.metadata": {"annotations": {"a b": ""}}},
            'spec.template.metadata.annotations["a b"]',
            "the key is not valid",
        ),
        (
            {"spec.template.metadata": {"finalizers": "x"}},
            "spec.template.metadata.finalizers",
            "expected a list of strings",
        ),
    ],
)
def test_a_wrong_shape_is_an_error_that_names_its_field(changes, field, message):
    parsed = parse(changes)
    assert parsed.value is None
    assert ("error", field, message) in found(parsed.problems)
    assert all(item.file == FILE and " web/" in item.object for item in parsed.problems)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"spec.encryptedDat": {}}, "spec.encryptedDat", id="spec"),
        pytest.param({"spec.template.stringData": {}}, "spec.template.stringData", id="template"),
        pytest.param(
            {"spec.template": {"metadata": {"uid": "u"}}}, "spec.template.metadata.uid", id="uid"
        ),
    ],
)
def test_what_has_no_effect_is_a_warning(changes, field):
    parsed = parse(changes)
    assert parsed.value is not None
    assert [(severity, where) for severity, where, _ in found(parsed.problems)] == [
        ("warning", field)
    ]


def test_status_is_read_and_a_malformed_one_counts_as_absent():
    condition = {"type": "Synced", "status": "False", "message": "no"}
    status = {"observedGeneration": 3, "conditions": [{"type": "Other"}, condition]}
    assert good({"status": status}).status == SealedSecretStatus(3, "False", "no")
    for bad in ({}, {"conditions": {}}, {"conditions": [1]}, {"observedGeneration": "3"}):
        assert good({"status": bad}).status == SealedSecretStatus()


def test_the_repr_hides_what_was_written():
    assert "{{" not in repr(good({"spec.template": {"data": {"a": "{{ .password }}"}}}))
    assert "AgA=" not in repr(good())


# In a set of manifests


SEALED_TEXT = """\
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: db, namespace: web}
spec:
  encryptedData:
    password: %s
"""


def test_manifests_hold_sealed_secrets_with_their_place():
    manifests = load_manifests(loaded(SEALED_TEXT % "AgA="), default_namespace="default")
    assert [item.ref for item in manifests.sealed_secrets] == [
        ObjectRef("SealedSecret", "web", "db")
    ]
    assert manifests.problems == ()
    origin = manifests.origins[manifests.sealed_secrets[0].ref]
    assert origin.line_of(("spec", "encryptedData", "password")) == 6


def test_two_sealed_secrets_of_one_name_are_an_error_and_neither_is_used():
    text = SEALED_TEXT % "AgA=" + "---\n" + SEALED_TEXT % "AgB="
    manifests = load_manifests(loaded(text), default_namespace="default")
    assert manifests.sealed_secrets == ()
    assert [item.message for item in manifests.problems] == [
        f"the object is given twice; the other is in {FILE}:1"
    ]


def test_an_entry_that_is_no_text_is_told_with_its_line():
    (problem,) = load_manifests(loaded(SEALED_TEXT % "12"), default_namespace="default").problems
    assert (problem.line, problem.object) == (6, "SealedSecret web/db")
    assert "seal the value" in problem.remedy


# Envelopes, looked at without a key


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("!", "illegal base64 data at input byte 0", id="not-base64"),
        pytest.param("", "SealedSecret data is too short", id="empty"),
        pytest.param("AgA=", "SealedSecret data is too short", id="cut"),
    ],
)
def test_what_is_no_envelope_needs_no_key_to_be_told(text, message):
    sealed = good({"spec.encryptedData": {"a": text}})
    lines = {("spec", "encryptedData", "a"): 9}
    (problem,) = envelope_problems(sealed, Origin(FILE, lines))
    assert (problem.message, problem.field, problem.line) == (message, "spec.encryptedData.a", 9)
    assert problem.remedy


def test_an_envelope_wrapped_over_lines_is_one():
    wrapped = "AAEA" * 20 + "\n" + "AAAA" * 20
    assert envelope_problems(good({"spec.encryptedData": {"a": wrapped}}), Origin(FILE)) == ()


def test_both_forms_at_once_are_told():
    problems = envelope_problems(good({"spec.data": "AAEA" + "AAAA" * 8}), Origin(FILE))
    assert "at the same time" in problems[0].message
