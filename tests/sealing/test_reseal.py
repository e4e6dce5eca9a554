"""Values move to a newer key, and nothing else about them moves."""

from __future__ import annotations

import base64
import copy
import json

import pytest

from sealing import (
    CertificateExpired,
    InvalidManifest,
    ItemsFailed,
    MalformedValue,
    Scope,
    UnsealFailed,
    reseal_manifest,
    reseal_value,
    seal_secret,
    seal_value,
    unseal_manifest,
    unseal_value,
)
from tests.sealing.kit import NOW, YEAR, certificate, other_key, vector_key
from tests.sealing.vectors import STRICT

CLUSTER_WIDE = "sealedsecrets.bitnami.com/cluster-wide"
NAMESPACE_WIDE = "sealedsecrets.bitnami.com/namespace-wide"
PLACE = {"namespace": "myns", "name": "mysecret"}
WIDTH = list(Scope)


def secret(scope=Scope.STRICT):
    data = {"a": b"hunter2", "empty": b"", "binary": bytes(range(256))}
    annotations = {} if scope is Scope.STRICT else {f"sealedsecrets.bitnami.com/{scope}": "true"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {**PLACE, "annotations": annotations, "labels": {"team": "a"}},
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
        "type": "Opaque",
    }


def sealed(scope=Scope.STRICT, **template):
    made = seal_secret(secret(scope), certificate(), now=NOW)
    made["spec"]["template"] |= template
    return made


def newer():
    return certificate(other_key())


@pytest.mark.parametrize("scope", Scope)
def test_resealed_value_opens_with_the_new_key_alone_and_in_the_same_place(scope):
    old = seal_value(b"hunter2", certificate(), now=NOW, scope=scope, **PLACE)
    new = reseal_value(old, [vector_key()], newer(), now=NOW, scope=scope, **PLACE)
    assert unseal_value(new, [other_key()], scope=scope, **PLACE) == b"hunter2"
    with pytest.raises(UnsealFailed, match="no key could decrypt secret"):
        unseal_value(new, [vector_key()], scope=scope, **PLACE)


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(PLACE | {"scope": Scope.CLUSTER_WIDE}, id="wider scope"),
        pytest.param(PLACE | {"scope": Scope.NAMESPACE_WIDE}, id="namespace"),
        pytest.param(PLACE | {"name": "other"}, id="other name"),
        pytest.param(PLACE | {"namespace": "other"}, id="other namespace"),
    ],
)
def test_value_is_never_resealed_for_another_place(place):
    with pytest.raises(UnsealFailed, match="no key could decrypt secret"):
        reseal_value(STRICT, [vector_key()], newer(), now=NOW, **place)


def test_value_that_is_not_base64_or_has_no_place_is_refused():
    with pytest.raises(MalformedValue, match="illegal base64"):
        reseal_value("!", [vector_key()], newer(), now=NOW, **PLACE)
    wide = seal_value(b"", certificate(), now=NOW, scope=Scope.CLUSTER_WIDE)
    with pytest.raises(UnsealFailed):
        reseal_value(wide, [vector_key()], newer(), now=NOW)


@pytest.mark.parametrize("scope", Scope)
def test_resealed_manifest_differs_in_its_values_only(scope):
    """Conformance row 88, the template's text included."""
    before = sealed(scope, data={"t": "{{ .a }}"}, immutable=True)
    kept = copy.deepcopy(before)
    after = reseal_manifest(before, [vector_key()], newer(), now=NOW)
    assert before == kept
    assert list(after["spec"]["encryptedData"]) == list(before["spec"]["encryptedData"])
    for key, text in after["spec"]["encryptedData"].items():
        assert text != before["spec"]["encryptedData"][key]
    after["spec"]["encryptedData"] = before["spec"]["encryptedData"]
    assert json.dumps(after) == json.dumps(before)


@pytest.mark.parametrize("scope", Scope)
def test_resealed_manifest_opens_to_the_same_secret_with_the_new_key_alone(scope):
    before = sealed(scope)
    after = reseal_manifest(before, [other_key(1), vector_key()], newer(), now=NOW)
    assert unseal_manifest(after, [other_key()]) == unseal_manifest(before, [vector_key()])
    with pytest.raises(ItemsFailed, match="no key could decrypt secret"):
        unseal_manifest(after, [vector_key()])


def test_equal_values_get_their_own_session_keys():
    twice = secret() | {"data": {"a": "eA==", "b": "eA=="}}
    before = seal_secret(twice, certificate(), now=NOW)
    after = reseal_manifest(before, [vector_key()], newer(), now=NOW)["spec"]["encryptedData"]
    bodies = [base64.b64decode(text)[2 + 256 :] for text in after.values()]
    assert len(set(bodies)) == 2


@pytest.mark.parametrize(
    ("own", "template"),
    [
        pytest.param(own, asked, id=f"{own} with a {asked} template")
        for own in Scope
        for asked in Scope
        if WIDTH.index(asked) > WIDTH.index(own)
    ],
)
def test_template_wider_than_its_object_is_refused(own, template):
    """CVE-2026-22728: the copy must never travel further than the original."""
    before = sealed(own)
    annotation = {f"sealedsecrets.bitnami.com/{template}": "true"}
    before["spec"]["template"]["metadata"]["annotations"] = annotation
    with pytest.raises(InvalidManifest, match=f"asks for scope {template}.* has {own}"):
        reseal_manifest(before, [vector_key()], newer(), now=NOW)


def test_template_narrower_than_its_object_is_kept():
    before = sealed(Scope.CLUSTER_WIDE)
    before["spec"]["template"]["metadata"]["annotations"] = {}
    after = reseal_manifest(before, [vector_key()], newer(), now=NOW)
    assert after["spec"]["template"] == before["spec"]["template"]
    assert unseal_manifest(after, [other_key()])


def test_object_whose_annotation_was_widened_is_not_resealed():
    before = sealed()
    before["metadata"]["annotations"] = {CLUSTER_WIDE: "true"}
    with pytest.raises(ItemsFailed, match="no key could decrypt secret"):
        reseal_manifest(before, [vector_key()], newer(), now=NOW)


@pytest.mark.parametrize(
    "text",
    ['{{ fail "x" }}', '{{ if eq .a "hunter2" }}{{ fail "y" }}{{ end }}', "{{ unclosed"],
)
def test_no_template_runs_while_resealing(text):
    """Conformance row 90."""
    before = sealed(data={"t": text})
    after = reseal_manifest(before, [vector_key()], newer(), now=NOW)
    assert after["spec"]["template"]["data"] == {"t": text}


def test_one_bad_value_and_nothing_is_resealed():
    before = sealed()
    before["spec"]["encryptedData"] |= {"bad": "AA==", "odd": 7, "cut": "!"}
    with pytest.raises(ItemsFailed) as caught:
        reseal_manifest(before, [vector_key()], newer(), now=NOW)
    assert sorted(caught.value.errors) == ["bad", "cut", "odd"]


def old_form(inner, **spec):
    blob = seal_value(inner, certificate(), now=NOW, **PLACE)
    return {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": dict(PLACE),
        "spec": {"data": blob, **spec},
    }


def test_old_form_is_resealed_as_the_blob_it_is():
    inner = json.dumps(secret()).encode()
    before = old_form(inner)
    after = reseal_manifest(before, [vector_key()], newer(), now=NOW)
    assert unseal_value(after["spec"]["data"], [other_key()], **PLACE) == inner
    assert list(after["spec"]) == ["data"]
    with pytest.raises(InvalidManifest, match="deprecated 'data' field"):
        reseal_manifest(before, [vector_key()], newer(), now=NOW, accept_v1_data=False)
    both = old_form(inner, encryptedData={"a": STRICT})
    with pytest.raises(InvalidManifest, match="at the same time"):
        reseal_manifest(both, [vector_key()], newer(), now=NOW)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "Secret"}, "is not a SealedSecret"),
        ({"metadata": {"name": "mysecret"}}, "metadata.namespace: is missing; scope strict"),
        ({"metadata": {"namespace": "myns"}}, "metadata.name: is missing; scope strict"),
        (
            {"metadata": {"annotations": {NAMESPACE_WIDE: "true"}}},
            "metadata.namespace: is missing; scope namespace-wide",
        ),
        ({"spec": []}, "spec: must be a mapping"),
    ],
)
def test_object_that_has_no_place_is_refused(change, says):
    with pytest.raises(InvalidManifest, match=says):
        reseal_manifest(sealed() | change, [vector_key()], newer(), now=NOW)


def test_expired_certificate_reseals_nothing():
    gone = certificate(other_key(), start=NOW - 2 * YEAR, end=NOW - YEAR)
    with pytest.raises(CertificateExpired, match="expired certificate"):
        reseal_manifest(sealed(), [vector_key()], gone, now=NOW)
