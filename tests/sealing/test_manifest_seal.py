"""From Secret to SealedSecret."""

from __future__ import annotations

import copy
import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealing import (
    CertificateExpired,
    InvalidManifest,
    Scope,
    SealingError,
    seal_secret,
    unseal_manifest,
)
from tests.sealing.kit import NOW, YEAR, certificate, vector_key

CLUSTER = "sealedsecrets.bitnami.com/cluster-wide"
NAMESPACE = "sealedsecrets.bitnami.com/namespace-wide"
CANARY = "canary-7f3a"


def secret(metadata=None, **fields):
    place = {"name": "n", "namespace": "a"}
    base = {"apiVersion": "v1", "kind": "Secret", "data": {"k": "dg=="}}
    return base | {"metadata": place | (metadata or {})} | fields


def seal(given_secret, **options):
    return seal_secret(given_secret, certificate(), now=NOW, **options)


def opened(sealed):
    return unseal_manifest(sealed, [vector_key()])["data"]


def test_sealed_secret_has_kubeseals_fields_in_its_order():
    sealed = seal(
        secret(
            {
                "labels": {"b": "1", "a": "2"},
                "annotations": {"z": "1"},
                "generateName": "g",
                "finalizers": ["f/x"],
                "managedFields": [{"manager": "m"}],
                "creationTimestamp": None,
                "uid": "u",
                "resourceVersion": "5",
                "generation": 3,
                "selfLink": "/x",
                "deletionTimestamp": "2026-01-01T00:00:00Z",
                "deletionGracePeriodSeconds": 3,
                "ownerReferences": [{"name": "o"}],
                "unknown": 1,
            },
            type="Opaque",
            immutable=False,
            stringData={"A": "x"},
            unknown=1,
        )
    )
    assert list(sealed) == ["kind", "apiVersion", "metadata", "spec"]
    assert (sealed["kind"], sealed["apiVersion"]) == ("SealedSecret", "bitnami.com/v1alpha1")
    assert sealed["metadata"] == {"name": "n", "namespace": "a"}
    assert list(sealed["spec"]) == ["template", "encryptedData"]
    assert list(sealed["spec"]["encryptedData"]) == ["A", "k"]
    assert json.dumps(sealed["spec"]["template"]) == json.dumps(
        {
            "metadata": {
                "name": "n",
                "generateName": "g",
                "namespace": "a",
                "labels": {"a": "2", "b": "1"},
                "annotations": {"z": "1"},
                "finalizers": ["f/x"],
                "managedFields": [{"manager": "m"}],
            },
            "type": "Opaque",
            "immutable": False,
        }
    )


def test_annotations_are_kept_but_for_copies_of_the_secret():
    """Conformance row 45."""
    kept = {"foo": "bar", "foo.bar.io/foo-bar-baz": "x"}
    copies = {
        "kubectl.kubernetes.io/last-applied-configuration": CANARY,
        "kubecfg.ksonnet.io/last-applied-configuration": CANARY,
    }
    sealed = seal(secret({"annotations": kept | copies, "ownerReferences": [{"name": "o"}]}))
    assert sealed["spec"]["template"]["metadata"]["annotations"] == kept
    assert "ownerReferences" not in sealed["spec"]["template"]["metadata"]
    assert CANARY not in json.dumps(sealed)


@pytest.mark.parametrize(
    ("fields", "data"),
    [
        pytest.param(
            {"data": {"a": "MQ=="}, "stringData": {"b": "2"}},
            {"a": "MQ==", "b": "Mg=="},
            id="row 51: both",
        ),
        pytest.param(
            {"data": {"a": "MQ=="}, "stringData": {"a": "2"}},
            {"a": "Mg=="},
            id="row 52: stringData wins",
        ),
        pytest.param({"data": {"a": "", "b": None}}, {"a": "", "b": ""}, id="empty values"),
        pytest.param({"data": None, "stringData": {"a": "é"}}, {"a": "w6k="}, id="unicode"),
    ],
)
def test_data_and_string_data_are_sealed(fields, data):
    assert opened(seal(secret(**fields))) == data


@pytest.mark.parametrize(
    ("annotations", "scope", "expected"),
    [
        pytest.param({}, None, {}, id="strict"),
        pytest.param({NAMESPACE: "true"}, None, {NAMESPACE: "true"}, id="row 54: as annotated"),
        pytest.param({}, Scope.CLUSTER_WIDE, {CLUSTER: "true"}, id="row 56: cluster-wide"),
        pytest.param({}, Scope.NAMESPACE_WIDE, {NAMESPACE: "true"}, id="row 56: namespace-wide"),
        pytest.param({CLUSTER: "true"}, Scope.NAMESPACE_WIDE, {NAMESPACE: "true"}, id="replaced"),
        pytest.param({CLUSTER: "true"}, Scope.STRICT, {}, id="strict when asked for"),
        pytest.param(
            {CLUSTER: "true", NAMESPACE: "true"}, None, {CLUSTER: "true"}, id="row 18: both"
        ),
    ],
)
def test_scope_is_annotated_on_the_sealed_secret(annotations, scope, expected):
    sealed = seal(secret({"annotations": annotations}), scope=scope)
    assert sealed["metadata"].get("annotations", {}) == expected
    template = sealed["spec"]["template"]["metadata"]
    assert template.get("annotations", {}) == expected
    assert opened(sealed) == {"k": "dg=="}


@pytest.mark.parametrize(
    ("own", "options", "expected"),
    [
        pytest.param("", {"default_namespace": "d"}, "d", id="row 53: the client's"),
        pytest.param("", {"namespace": "g", "default_namespace": "d"}, "g", id="row 58: given"),
        pytest.param("a", {"namespace": "a"}, "a", id="row 58: equal"),
        pytest.param("a", {"default_namespace": "d"}, "a", id="row 58: absent"),
        pytest.param(
            "",
            {"namespace": "g", "default_namespace": "d", "scope": Scope.CLUSTER_WIDE},
            None,
            id="row 55: cluster-wide stays empty",
        ),
        pytest.param(
            "a", {"namespace": "g", "scope": Scope.CLUSTER_WIDE}, "a", id="row 55: and is kept"
        ),
    ],
)
def test_namespace_is_the_secrets_or_the_given_one(own, options, expected):
    sealed = seal(secret({"namespace": own}), **options)
    assert sealed["metadata"].get("namespace") == expected
    assert sealed["spec"]["template"]["metadata"].get("namespace") == expected
    assert opened(sealed) == {"k": "dg=="}


def test_name_given_replaces_the_secrets():
    sealed = seal(secret(), name="other")
    assert sealed["metadata"]["name"] == "other"
    assert opened(sealed) == {"k": "dg=="}


@pytest.mark.parametrize(
    ("given_secret", "options", "says"),
    [
        (secret(data={}), {}, "secret.data is empty in input Secret, assuming this is an error"),
        (secret({"name": ""}), {}, "missing metadata.name in input Secret"),
        (secret({"namespace": ""}), {}, "secret must declare a namespace"),
        (secret({"namespace": "a/b"}), {}, "metadata.namespace: a namespace holds no slash"),
        (
            secret({"namespace": "", "name": "n"}),
            {"namespace": "a/b"},
            "metadata.namespace: a namespace holds no slash",
        ),
        (secret(data={"\x1b[2J\n": 1}), {}, r"data.\x1b[2J\n: must be text"),
        (
            secret(),
            {"namespace": "b"},
            'namespace mismatch: input secret is in namespace "a" but "b" was specified',
        ),
        (secret(data={"k": "#"}), {}, "data.k: illegal base64 data at input byte 0; put plain"),
        (secret(data={"k": 1}), {}, "data.k: must be text, is a number; put it in quotes"),
        (secret(data={1: "dg=="}), {}, "data: a key is a number; put it in quotes"),
        (secret(data=["k"]), {}, "data: must be a mapping, is a list"),
        (secret(stringData={"k": True}), {}, "stringData.k: must be text, is true or false"),
        (secret(stringData={"k": "\ud800"}), {}, "stringData.k: holds half of a surrogate"),
        (secret(stringData={"\ud800": ""}), {}, "stringData: a key holds half of a surrogate"),
        (secret({"labels": {"l": 1}}), {}, "metadata.labels.l: must be text"),
        (secret({"finalizers": "f"}), {}, "metadata.finalizers: must be a list, is text"),
        (secret(immutable="yes"), {}, "immutable: must be true or false, is text"),
        (secret(type={}), {}, "type: must be text, is something else"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_secret_that_cannot_be_sealed_is_refused_with_the_field(given_secret, options, says):
    with pytest.raises(InvalidManifest) as caught:
        seal(given_secret, **options)
    assert says in str(caught.value)


def test_empty_secret_is_sealed_when_allowed():
    sealed = seal(secret(data=None), allow_empty_data=True)
    assert sealed["spec"]["encryptedData"] == {}
    assert opened(sealed) == {}


def test_expired_certificate_seals_nothing():
    with pytest.raises(CertificateExpired, match="expired certificate on May 4, 2027"):
        seal_secret(secret(), certificate(), now=NOW + YEAR + timedelta(seconds=1))


def test_input_is_left_as_it_was():
    before = secret({"annotations": {CLUSTER: "true"}, "labels": {"b": "1"}})
    after = copy.deepcopy(before)
    seal(after, scope=Scope.STRICT, name="x")
    assert after == before


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["metadata", "name", "namespace", "labels", "data", "stringData", "type"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)  # RSA on a busy machine
@given(st.dictionaries(st.sampled_from(["metadata", "data", "stringData", "type"]), JSON))
def test_seal_of_any_object_gives_a_sealed_secret_or_its_own_error(anything):
    try:
        sealed = seal(anything, name="n", default_namespace="a", allow_empty_data=True)
    except SealingError as exc:
        outcome = str(exc)
    else:
        outcome = unseal_manifest(sealed, [vector_key()])["kind"]
    assert outcome
