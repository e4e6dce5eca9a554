"""Rows 36 to 48: what a template makes of a Secret, and what comes of a Secret that is fixed.

Rows 36 to 42 and 46 are held against the library, the real controller and our service.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from sealing import (
    ItemsFailed,
    check_unseal,
    seal_secret,
    unseal_manifest,
)
from secretsync.core.templating import render_sealed_template
from tests.sealing.kit import NOW, certificate, vector_key
from tests.support.sealed_objects import data_of

PREFIX = "sealedsecrets.bitnami.com/"
DOCKER = "kubernetes.io/dockerconfigjson"
AUTHS = '{"auths":{}}'

# row → values to seal, template.data, the Secret's data
RENDERED = [
    pytest.param(
        {"foo": "bar"},
        {"out": 'secret {{ index . "foo" }} !'},
        {"foo": "bar", "out": "secret bar !"},
        id="row-036",
    ),
    pytest.param(
        {"password": "hunter2'\"="},
        {"out": "{{ toJson .password }}"},
        {"password": "hunter2'\"=", "out": json.dumps("hunter2'\"=")},
        id="row-037",
    ),
    pytest.param({}, {"foo": "bar"}, {"foo": "bar"}, id="row-038"),
    pytest.param(
        {},
        {"username": "admin", "line": "user={{ .username }}"},
        {"username": "admin", "line": "user=admin"},
        id="row-039",
    ),
    pytest.param(
        {"password": "p"},
        {"username": "admin", "line": "{{ .username }}:{{ .password }}"},
        {"password": "p", "username": "admin", "line": "admin:p"},
        id="row-040",
    ),
    pytest.param(
        {"foo": "encrypted"},
        {"foo": "plain", "line": "{{ .foo }}"},
        {"foo": "encrypted", "line": "encrypted"},
        id="row-041",
    ),
]
#: Before 0.37 a template did not see its siblings, and won over a decrypted value.
BEFORE_0_37 = {
    "row-039": {"line": "user=<no value>"},
    "row-040": {"line": "<no value>:p"},
    "row-041": {"foo": "plain"},
}
#: The API server drops a null entry, so that Sealed Secrets' own CRD shows this offline only.
WITHOUT_KEY = pytest.param(
    {"foo": "bar", "baz": "kept"},
    {"foo": None, "bar": "qux {{ .foo }} qux"},
    {"bar": "qux bar qux", "baz": "kept"},
    id="row-042",
)


def sealed(name, values, templates, *, namespace="n", seal_for=None, **template):
    secret: dict[str, Any] = {"metadata": {"name": name, "namespace": namespace}}
    secret["stringData"] = values
    made = seal_secret(secret, seal_for or certificate(), now=NOW, allow_empty_data=True)
    made["spec"]["template"] |= {"data": templates, **template}
    return made


def unsealed_in(objects, *arguments, seal_for, **template):
    """The Secret that a controller makes of what was sealed for its namespace."""
    made = sealed(*arguments, namespace=objects.namespace, seal_for=seal_for, **template)
    return objects.unsealed(made)


def opened(made):
    return unseal_manifest(made, [vector_key()], render=render_sealed_template)


def texts(secret):
    return {key: value.decode() for key, value in data_of(secret).items()}


@pytest.mark.parametrize(("values", "templates", "wanted"), [*RENDERED, WITHOUT_KEY])
def test_library_renders_templates_beside_the_values(values, templates, wanted):
    assert texts(opened(sealed("s", values, templates))) == wanted


@pytest.mark.parametrize(("values", "templates", "wanted"), RENDERED)
def test_real_controller_renders_the_same(values, templates, wanted, peer, request):
    """But for what 0.37 changed: the pinned controller is older."""
    name = request.node.callspec.id
    secret = unsealed_in(peer.objects, name, values, templates, seal_for=peer.certificate)
    assert texts(secret) == wanted | BEFORE_0_37.get(name, {})


@pytest.mark.parametrize(("values", "templates", "wanted"), RENDERED)
def test_our_service_renders_the_same(values, templates, wanted, peer, ours, request):
    name = request.node.callspec.id
    secret = unsealed_in(ours.objects, name, values, templates, seal_for=peer.certificate)
    assert texts(secret) == wanted


@pytest.mark.parametrize(
    "template",
    [
        pytest.param('{{ fail "x" }}', id="row-043-fails"),
        pytest.param("{{ fail .foo }}", id="row-043-would-tell"),
        pytest.param("{{", id="row-043-unparsable"),
    ],
)
def test_values_open_whatever_the_template_does(template):
    """Whether the values open is not for templates to say."""
    made = sealed("s", {"foo": "bar"}, {"out": template})
    check_unseal(made, [vector_key()])
    with pytest.raises(ItemsFailed, match=r"^template: out:1:.*\(out\)$") as caught:
        opened(made)
    assert "bar" not in str(caught.value)


@pytest.mark.parametrize(
    ("annotations", "owners"),
    [
        pytest.param({}, 1, id="row-044-absent"),
        pytest.param({PREFIX + "skip-set-owner-references": "true"}, 0, id="row-044-skip"),
        pytest.param({PREFIX + "skip-set-owner-references": "false"}, 1, id="row-044-false"),
    ],
)
def test_skip_annotation_of_the_template_leaves_the_owner_out(annotations, owners):
    made = sealed("s", {"foo": "bar"}, {}, metadata={"annotations": annotations})
    assert len(opened(made)["metadata"].get("ownerReferences", [])) == owners


@pytest.mark.parametrize(
    ("metadata", "kept"),
    [
        pytest.param(
            {"annotations": {"foo": "a", "foo.bar.io/foo-bar-baz": "b"}},
            {"annotations": {"foo": "a", "foo.bar.io/foo-bar-baz": "b"}},
            id="row-045-annotations",
        ),
        pytest.param(
            {
                "annotations": {
                    "kubectl.kubernetes.io/last-applied-configuration": "plaintext",
                    "kubecfg.ksonnet.io/last-applied-configuration": "plaintext",
                    "foo": "a",
                }
            },
            {"annotations": {"foo": "a"}},
            id="row-045-last-applied",
        ),
        pytest.param({"ownerReferences": [{"name": "x", "uid": "u"}]}, {}, id="row-045-owners"),
    ],
)
def test_sealing_keeps_annotations_and_drops_what_is_not_the_author_s(metadata, kept):
    place = {"name": "s", "namespace": "n"}
    secret = {"metadata": place | metadata, "stringData": {"foo": "bar"}}
    made = seal_secret(secret, certificate(), now=NOW)
    assert made["spec"]["template"]["metadata"] == place | kept


def check_type(objects, seal_for):
    templates = {".dockerconfigjson": AUTHS}
    secret = unsealed_in(objects, "typed", {}, templates, seal_for=seal_for, type=DOCKER)
    assert secret["type"] == DOCKER
    assert texts(secret) == {".dockerconfigjson": AUTHS}


def check_immutable(objects, seal_for):
    secret = unsealed_in(objects, "fixed", {"foo": "old"}, {}, seal_for=seal_for, immutable=True)
    assert secret["immutable"] is True


def check_immutable_stays(objects, seal_for):
    """Other data for an immutable Secret: refused, said, and the Secret as it was."""
    fixed = {"namespace": objects.namespace, "seal_for": seal_for, "immutable": True}
    objects.unsealed(sealed("kept", {"foo": "old"}, {}, **fixed))
    other = sealed("kept", {"foo": "new"}, {}, **fixed)
    assert objects.put(other)["metadata"]["generation"] == 2
    # Of the second generation: the condition is waited for until it is about that.
    assert "immutable" in objects.wait_condition("kept", "False")["message"]
    event = objects.wait_event("kept", "Warning", "ErrUpdateFailed")
    assert "the target Secret is immutable" in event["message"]
    assert texts(objects.secret("kept")) == {"foo": "old"}


LIVE = [
    pytest.param(check_type, id="row-046"),
    pytest.param(check_immutable, id="row-047"),
    pytest.param(check_immutable_stays, id="row-048"),
]


@pytest.mark.parametrize("check_row", LIVE)
def test_real_controller_writes_type_and_immutable(check_row, peer):
    check_row(peer.objects, peer.certificate)


@pytest.mark.parametrize("check_row", LIVE)
def test_our_service_writes_type_and_immutable(check_row, peer, ours):
    check_row(ours.objects, peer.certificate)
