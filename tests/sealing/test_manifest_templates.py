"""Templates of a SealedSecret: what they see, what wins, what they may not tell."""

from __future__ import annotations

import json
import re

import pytest

from sealing import (
    ItemsFailed,
    TemplateFailed,
    check_unseal,
    seal_secret,
    unseal_manifest,
)
from tests.sealing.kit import NOW, certificate, vector_key

KEYS = [vector_key()]


def render(key, text, dot):
    """Enough of an engine for these tests: `{{ .name }}` and `{{ fail }}`."""

    def value(found):
        if found[1] == "fail":
            raise TemplateFailed("boom")
        return dot[found[1].lstrip(".")].decode()

    return re.sub(r"\{\{ (\S+) \}\}", value, text).encode()


def sealed(values, templates):
    secret = {"metadata": {"name": "n", "namespace": "a"}, "stringData": values}
    made = seal_secret(secret, certificate(), now=NOW, allow_empty_data=True)
    made["spec"]["template"]["data"] = templates
    return made


def opened(values, templates, engine=render):
    import base64

    secret = unseal_manifest(sealed(values, templates), KEYS, render=engine)
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


@pytest.mark.parametrize(
    ("values", "templates", "data"),
    [
        pytest.param(
            {"foo": "bar"},
            {"x": "secret {{ .foo }} !"},
            {"foo": "bar", "x": "secret bar !"},
            id="row 36",
        ),
        pytest.param({}, {"foo": "bar"}, {"foo": "bar"}, id="row 38"),
        pytest.param(
            {},
            {"username": "u", "line": "user={{ .username }}"},
            {"username": "u", "line": "user=u"},
            id="row 39",
        ),
        pytest.param(
            {"password": "p"},
            {"username": "u", "line": "{{ .username }}:{{ .password }}"},
            {"password": "p", "username": "u", "line": "u:p"},
            id="row 40",
        ),
        pytest.param(
            {"foo": "encrypted"},
            {"foo": "plain", "line": "{{ .foo }}"},
            {"foo": "encrypted", "line": "encrypted"},
            id="row 41",
        ),
        pytest.param(
            {"foo": "bar", "baz": "1"},
            {"foo": None, "bar": "qux {{ .foo }} qux"},
            {"bar": "qux bar qux", "baz": "1"},
            id="row 42",
        ),
        pytest.param(
            {},
            {"one": "{{ .two }}", "two": "{{ .one }}"},
            {"one": "{{ .one }}", "two": "{{ .two }}"},
            id="a sibling arrives unrendered",
        ),
    ],
)
def test_templates_see_values_and_siblings(values, templates, data):
    assert opened(values, templates) == data


def test_engine_gets_key_text_and_bytes():
    seen = []

    def engine(key, text, dot):
        seen.append((key, text, dict(dot)))
        return json.dumps(dot["password"].decode()).encode()

    password = "hunter2'\"="
    data = opened({"password": password}, {"t": "{{ toJson .password }}"}, engine)
    template = "{{ toJson .password }}"
    assert data["t"] == json.dumps(password)
    assert seen == [("t", template, {"t": template.encode(), "password": password.encode()})]


def test_template_of_an_encrypted_key_runs_and_its_error_counts():
    with pytest.raises(ItemsFailed, match=r"^boom \(foo\)$"):
        opened({"foo": "bar"}, {"foo": "{{ fail }}"})


def test_failed_templates_give_no_secret_and_name_each_key():
    with pytest.raises(ItemsFailed, match=r"^boom \(a, b\)$") as caught:
        opened({"foo": "bar"}, {"b": "{{ fail }}", "a": "{{ fail }}", "c": "fine"})
    assert isinstance(caught.value.errors["a"], TemplateFailed)


@pytest.mark.parametrize(
    "template", ["{{ fail }}", "{{ unclosed", '{{ if eq .foo "bar" }}{{ fail "y" }}{{ end }}']
)
def test_check_runs_no_template(template):
    """Conformance rows 43 and 90: what it answers says nothing of the values."""
    assert check_unseal(sealed({"foo": "bar"}, {"t": template}), KEYS) is None


def test_without_an_engine_plain_texts_pass_and_templates_are_refused():
    assert opened({"foo": "bar"}, {"t": "plain } text"}, None)["t"] == "plain } text"
    with pytest.raises(ItemsFailed, match=r"no template engine was given \(t\)$"):
        opened({"foo": "bar"}, {"t": "{{ .foo }}"}, None)
