"""Where the Sealed Secrets that is built here, v0.36.6, does otherwise than v0.40.0.

Ours does as v0.40.0 does. Each test shows both, so that a newer pin that has caught up
fails here by name and the test can go.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest

from sealing import check_unseal, reseal_manifest, seal_secret, unseal_manifest
from secretsync.core.templating import render_sealed_template
from tests.support.sealed_objects import data_of

OK, CONFLICT, NOT_FOUND = 200, 409, 404


@pytest.fixture
def sealed(peer, request):
    """A SealedSecret of user and password, with whatever template a test gives it."""

    def make(template, **more):
        data = {"user": b"app", "password": b"hunter2"}
        encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
        name = request.node.name.replace("_", "-").replace("[", "-").strip("]").replace(" ", "-")
        secret = {"metadata": {"name": name[:60].strip("-"), "namespace": peer.namespace}}
        made = seal_secret({**secret, "data": encoded}, peer.certificate, now=datetime.now(UTC))
        made["spec"]["template"] |= {"data": template, **more}
        return made

    return make


def by_us(sealed, peer):
    return data_of(unseal_manifest(sealed, peer.ring, render=render_sealed_template))


def rotated(sealed, peer):
    """What their controller and we make of a re-encrypt."""
    status, body = peer.controller.request("POST", "/v1/rotate", json.dumps(sealed).encode())
    theirs = json.loads(body) if status == OK else {}
    ours = reseal_manifest(sealed, peer.ring, peer.certificate, now=datetime.now(UTC))
    kinds = {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret"}
    return status, {**kinds, **theirs}, ours


@pytest.mark.parametrize(
    ("template", "theirs", "ours"),
    [
        pytest.param(
            {"host": "db", "url": "{{ .user }}@{{ .host }}"},
            {"host": b"db", "url": b"app@<no value>"},
            {"host": b"db", "url": b"app@db"},
            id="plain sibling",
        ),
        pytest.param(
            {"user": "other", "greeting": "hi {{ .user }}"},
            {"user": b"other", "greeting": b"hi app"},
            {"user": b"app", "greeting": b"hi app"},
            id="key in both",
        ),
    ],
)
def test_template_keys_since_0_37_are_values_and_never_win(template, theirs, ours, sealed, peer):
    made = sealed(template)
    before = {"user": b"app", "password": b"hunter2"}
    assert data_of(peer.objects.unsealed(made)) == before | theirs
    assert by_us(made, peer) == before | ours


def test_template_key_that_is_null_since_0_40_leaves_the_key_out(sealed, peer):
    """Our CRD lets the null through to either controller."""
    made = sealed({"password": None, "url": "{{ .user }}:{{ .password }}"})
    url = {"user": b"app", "url": b"app:hunter2"}
    assert data_of(peer.objects.unsealed(made)) == {"password": b"", **url}
    assert by_us(made, peer) == url


@pytest.mark.parametrize(
    "template",
    [
        '{{ fail "x" }}',
        '{{ if eq .password "hunter2" }}{{ fail "y" }}{{ end }}',
        "{{ .user",
    ],
    ids=["fails", "guesses", "broken"],
)
def test_verify_since_0_39_runs_no_template(template, sealed, peer):
    made = sealed({"k": template})
    status, _ = peer.controller.request("POST", "/v1/verify", json.dumps(made).encode())
    assert status == CONFLICT
    check_unseal(made, peer.ring)


def test_re_encrypt_since_0_40_runs_no_template_and_ours_keeps_it(sealed, peer):
    made = sealed({"k": "{{ .user }}"})
    status, theirs, ours = rotated(made, peer)
    assert status == OK
    assert data_of(unseal_manifest(theirs, peer.ring))["k"] == b"app"
    assert "data" not in theirs["spec"]["template"]
    assert ours["spec"]["template"] == made["spec"]["template"]
    assert set(ours["spec"]["encryptedData"]) == {"user", "password"}


def test_re_encrypt_of_ours_keeps_labels_of_the_template(sealed, peer):
    """Theirs lays the object's own metadata over the template's, v0.40.0 still."""
    made = sealed({}, type="Opaque")
    made["spec"]["template"]["metadata"]["labels"] = {"app": "shop"}
    _, theirs, ours = rotated(made, peer)
    assert "labels" not in theirs["spec"]["template"]["metadata"]
    assert ours["spec"]["template"]["metadata"]["labels"] == {"app": "shop"}


def test_readiness_since_0_39_has_a_path(peer):
    assert peer.controller.request("GET", "/readyz")[0] == NOT_FOUND
    assert peer.controller.request("GET", "/healthz") == (OK, b"ok\n")
