"""From SealedSecret to Secret: opening, metadata, the old form."""

from __future__ import annotations

import base64
import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealing import (
    InvalidManifest,
    ItemsFailed,
    KeyRing,
    MalformedValue,
    Scope,
    SealingError,
    UnsealFailed,
    check_unseal,
    load_key_ring,
    seal_secret,
    seal_value,
    seal_with,
    unseal_manifest,
)
from tests.sealing.kit import NOW, certificate, key_object, other_key

CLUSTER = "sealedsecrets.bitnami.com/cluster-wide"
NAMESPACE = "sealedsecrets.bitnami.com/namespace-wide"
SKIP = "sealedsecrets.bitnami.com/skip-set-owner-references"
RING = load_key_ring([key_object("k")])
CANARY = "canary-7f3a"


def sealed(scope=Scope.STRICT, **fields):
    metadata = {"name": "n", "namespace": "a"}
    secret = {"metadata": metadata, "stringData": {"foo": "bar"}} | fields
    return seal_secret(secret, certificate(), now=NOW, scope=scope)


def edited(base, value, *path):
    """A copy with the field at `path` set."""
    made = copy.deepcopy(base)
    inner = made
    for part in path[:-1]:
        inner = inner.setdefault(part, {})
    inner[path[-1]] = value
    return made


def test_secret_is_the_one_the_controller_makes():
    base = sealed(type="kubernetes.io/dockerconfigjson", immutable=True)
    base["metadata"] |= {"uid": "u-1", "labels": {"own": "1"}, "annotations": {"own": "1"}}
    base["spec"]["template"]["metadata"] = {
        "name": "ignored",
        "namespace": "ignored",
        "labels": {"l": "1"},
        "annotations": {"x": "y"},
        "finalizers": ["f/x"],
        "creationTimestamp": None,
        "uid": "foreign",
        "resourceVersion": "7",
        "managedFields": [{"manager": "m"}],
    }
    owner = {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "n"}
    assert unseal_manifest(base, RING) == {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {
            "name": "n",
            "namespace": "a",
            "labels": {"l": "1"},
            "annotations": {"x": "y"},
            "finalizers": ["f/x"],
            "ownerReferences": [owner | {"uid": "u-1", "controller": True}],
        },
        "immutable": True,
        "data": {"foo": "YmFy"},
        "type": "kubernetes.io/dockerconfigjson",
    }


@pytest.mark.parametrize(
    ("value", "owners"), [("true", 0), ("false", 1), ("True", 1), (None, 1)], ids=str
)
def test_owner_is_set_unless_the_template_skips_it(value, owners):
    """Conformance row 44."""
    annotations = {} if value is None else {SKIP: value}
    base = edited(sealed(), annotations, "spec", "template", "metadata", "annotations")
    secret = unseal_manifest(base, RING)
    assert len(secret["metadata"].get("ownerReferences", [])) == owners


def test_skip_annotation_on_the_object_itself_means_nothing():
    base = edited(sealed(), {SKIP: "true"}, "metadata", "annotations")
    assert len(unseal_manifest(base, RING)["metadata"]["ownerReferences"]) == 1


@pytest.mark.parametrize(
    ("scope", "change", "opens"),
    [
        pytest.param(Scope.STRICT, {"name": "m"}, False, id="row 27"),
        pytest.param(Scope.STRICT, {"namespace": "b"}, False, id="row 28"),
        pytest.param(Scope.CLUSTER_WIDE, {"name": "m"}, True, id="row 29"),
        pytest.param(Scope.CLUSTER_WIDE, {"namespace": "b"}, True, id="row 30"),
        pytest.param(Scope.NAMESPACE_WIDE, {"name": "m"}, True, id="row 31"),
        pytest.param(Scope.NAMESPACE_WIDE, {"namespace": "b"}, False, id="row 32"),
        pytest.param(Scope.CLUSTER_WIDE, {"annotations": {CLUSTER: "false"}}, False, id="row 19"),
        pytest.param(
            Scope.NAMESPACE_WIDE, {"annotations": {NAMESPACE: "false"}}, False, id="row 20"
        ),
        pytest.param(Scope.CLUSTER_WIDE, {"annotations": {}}, False, id="row 33: template only"),
    ],
)
def test_moved_sealed_secret_opens_as_its_scope_says(scope, change, opens):
    base = sealed(scope)
    base["metadata"] |= change
    if opens:
        secret = unseal_manifest(base, RING)
        assert secret["data"] == {"foo": "YmFy"}
        assert change.items() <= secret["metadata"].items()
        check_unseal(base, RING)
    else:
        for open_ in (unseal_manifest, check_unseal):
            with pytest.raises(ItemsFailed, match=r"^no key could decrypt secret \(foo\)$"):
                open_(base, RING)


def test_item_may_be_renamed_and_joined_by_another():
    """Conformance rows 34 and 35."""
    base = sealed()
    items = base["spec"]["encryptedData"]
    items["renamed"] = items.pop("foo")
    items["more"] = seal_value(b"1", certificate(), now=NOW, namespace="a", name="n")
    assert unseal_manifest(base, RING)["data"] == {"more": "MQ==", "renamed": "YmFy"}


def test_failed_items_are_grouped_by_cause_in_order():
    """Conformance rows 7 and 10."""
    base = sealed(stringData={"good": "1", "zeta": "2", "alpha": "3", "beta": "4"})
    items = base["spec"]["encryptedData"]
    for key in ("zeta", "alpha", "beta"):
        items[key] = "AA=="
    items["foo"] = "NOTVALIDBASE64"
    items["seven"] = 7
    with pytest.raises(ItemsFailed) as caught:
        unseal_manifest(base, RING)
    assert str(caught.value).split("\n") == [
        "no key could decrypt secret (alpha, beta, zeta)",
        "illegal base64 data at input byte 12 (foo)",
        "the sealed value is not text (seven)",
    ]
    errors = caught.value.errors
    assert isinstance(errors["foo"], MalformedValue)
    assert isinstance(errors["zeta"], UnsealFailed)
    assert [error.__traceback__ for error in errors.values()] == [None] * 5


def test_another_controllers_keys_open_nothing():
    """Conformance row 4."""
    for keys in ([other_key()], KeyRing(), []):
        with pytest.raises(ItemsFailed, match="no key could decrypt secret"):
            unseal_manifest(sealed(), keys)


def v1(secret, label=b"a/n", **metadata):
    """The old form: the whole Secret as one blob."""
    plaintext = secret if isinstance(secret, bytes) else json.dumps(secret).encode()
    blob = seal_with(plaintext, certificate().public_key, label, session_key=bytes(32))
    return {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"name": "n", "namespace": "a"} | metadata,
        "spec": {"data": base64.b64encode(blob).decode()},
    }


OLD = {
    "kind": "Secret",
    "apiVersion": "v1",
    "metadata": {"name": "x", "namespace": "y", "labels": {"l": "1"}, "uid": "u"},
    "data": {"foo": "YmFy"},
    "type": "Opaque",
}


def test_old_form_opens_under_the_objects_own_name():
    """Conformance row 11."""
    secret = unseal_manifest(edited(v1(OLD), {"data": {"t": "x"}}, "spec", "template"), RING)
    metadata = secret["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("n", "a")
    assert metadata["labels"] == {"l": "1"}
    assert metadata["ownerReferences"][0]["name"] == "n"
    assert "uid" not in metadata
    assert (secret["data"], secret["type"]) == ({"foo": "YmFy"}, "Opaque")


def test_old_form_follows_the_scope():
    wide = v1(OLD, b"", name="m", annotations={CLUSTER: "true"})
    assert unseal_manifest(wide, RING)["metadata"]["name"] == "m"
    with pytest.raises(UnsealFailed, match="no key could decrypt secret"):
        unseal_manifest(v1(OLD, name="m"), RING)


@pytest.mark.parametrize(
    ("spec", "accept", "says"),
    [
        pytest.param(v1(OLD)["spec"], False, "using deprecated 'data' field", id="row 12"),
        pytest.param({"data": "", "encryptedData": {"a": ""}}, True, "at the same", id="row 13"),
        pytest.param({"data": "", "encryptedData": {"a": ""}}, False, "deprecated", id="row 14"),
        pytest.param({"data": 7}, True, "spec.data: must be text", id="number"),
        pytest.param(v1(b"[]")["spec"], True, "spec.data: does not hold a Secret", id="list"),
        pytest.param(
            v1(CANARY.encode())["spec"], True, "spec.data: does not hold a Secret", id="not JSON"
        ),
        pytest.param(
            v1(OLD | {"data": {"k": CANARY}})["spec"], True, "data.k: illegal base64", id="data"
        ),
    ],
)
def test_old_form_that_cannot_be_used_is_refused(spec, accept, says):
    base = v1(OLD) | {"spec": spec}
    with pytest.raises(InvalidManifest, match=says) as caught:
        unseal_manifest(base, RING, accept_v1_data=accept)
    error = caught.value
    while error:
        assert CANARY not in repr(error) + repr(vars(error))
        error = error.__cause__ or error.__context__


def test_empty_old_form_fails_as_any_value_does():
    base = v1(OLD) | {"spec": {"data": ""}}
    for open_ in (unseal_manifest, check_unseal):
        with pytest.raises(UnsealFailed, match="no key could decrypt secret"):
            open_(base, RING)


@pytest.mark.parametrize(
    ("value", "path", "says"),
    [
        ("v1", ("apiVersion",), "not a SealedSecret of bitnami.com/v1alpha1"),
        ("Secret", ("kind",), "not a SealedSecret"),
        ([], ("spec",), "spec: must be a mapping"),
        ("x", ("spec", "encryptedData"), "spec.encryptedData: must be a mapping, is text"),
        (1, ("metadata", "name"), "metadata.name: must be text"),
        ("a/n", ("metadata", "namespace"), "metadata.namespace: a namespace holds no slash"),
        ({"a": 1}, ("metadata", "annotations"), "metadata.annotations.a: must be text"),
        ([], ("spec", "template"), "spec.template: must be a mapping"),
        ({"l": 1}, ("spec", "template", "metadata", "labels"), "metadata.labels.l: must be text"),
        ({"t": 1}, ("spec", "template", "data"), "spec.template.data.t: must be text"),
        ("no", ("spec", "template", "immutable"), "immutable: must be true or false"),
    ],
    ids=lambda value: "",
)
def test_object_that_is_no_sealed_secret_is_refused_with_the_field(value, path, says):
    with pytest.raises(InvalidManifest) as caught:
        unseal_manifest(edited(sealed(), value, *path), RING)
    assert says in str(caught.value)


FIELDS = ["metadata", "spec", "template", "data", "encryptedData", "name", "labels", "immutable"]
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None)  # RSA on a busy machine
@given(st.dictionaries(st.sampled_from(FIELDS), ANY))
def test_unseal_of_any_object_gives_a_secret_or_its_own_error(anything):
    base = anything | {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret"}
    try:
        outcome = unseal_manifest(base, RING)["kind"]
    except SealingError as exc:
        outcome = str(exc)
    assert outcome


def test_namespace_with_a_slash_opens_nothing_of_another_place():
    """Namespace-wide in `a/n` would have the label of strict in `a`, named `n`."""
    base = sealed()
    base["metadata"] = {"namespace": "a/n", "name": "m", "annotations": {NAMESPACE: "true"}}
    for open_ in (unseal_manifest, check_unseal):
        with pytest.raises(InvalidManifest, match="a namespace holds no slash"):
            open_(base, RING)


def test_item_key_that_steers_a_terminal_is_shown_as_its_codes():
    base = edited(sealed(), "AA==", "spec", "encryptedData", "\x1b[2Jk\n::error::")
    with pytest.raises(ItemsFailed) as caught:
        unseal_manifest(base, RING)
    assert str(caught.value) == r"no key could decrypt secret (\x1b[2Jk\n::error::)"


def test_more_values_than_an_api_server_takes_are_refused_before_any_is_opened():
    base = edited(sealed(), {f"k{i}": "" for i in range(8193)}, "spec", "encryptedData")
    used = []
    keys = [other_key().observed(lambda: used.append(1))]
    for open_ in (unseal_manifest, check_unseal):
        with pytest.raises(InvalidManifest, match="holds 8193 values; at most 8192 are opened"):
            open_(base, keys)
    assert used == []
