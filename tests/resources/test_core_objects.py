"""Plain Secrets and Namespaces."""

from __future__ import annotations

import pytest

from providers.base import SecretBytes
from secretsync.resources.core_objects import parse_config_map, parse_namespace, parse_secret
from secretsync.resources.meta import ObjectRef
from tests.resources.builders import changed, document, found

SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys", "namespace": "web"}}


def parse(changes):
    return parse_secret(document(changed(SECRET, changes)), default_namespace="default")


def test_secret_is_decoded_and_string_data_wins():
    parsed = parse(
        {
            "data": {"id": "aWQ=", "secret": "b2xk", "lines": "YWJj\nZGVm\n", "empty": None},
            "stringData": {"secret": "new\u00e9"},
            "type": "example.com/keys",
        }
    )
    assert parsed.problems == ()
    assert parsed.value is not None
    assert parsed.value.type == "example.com/keys"
    assert parsed.value.ref == ObjectRef("Secret", "web", "keys")
    assert parsed.value.data == {
        "id": SecretBytes(b"id"),
        "secret": SecretBytes("new\u00e9".encode()),
        "lines": SecretBytes(b"abcdef"),
        "empty": SecretBytes(b""),
    }


def test_secret_without_data_or_namespace_is_good():
    parsed = parse({"metadata.namespace": None})
    assert parsed.value is not None
    assert parsed.value.meta.namespace == "default"
    assert parsed.value.type == "Opaque"
    assert parsed.value.data == {}


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"data": {"a": "hunter2"}}, "data.a", "not base64"),
        ({"data": {"a": "aWQ"}}, "data.a", "not base64"),
        ({"data": {"a": "aWQ=!"}}, "data.a", "not base64"),
        ({"data": {"a": "\u00e9"}}, "data.a", "not base64"),
        ({"data": {"a": 1}}, "data.a", "expected a string, found an integer"),
        ({"data": ["hunter2"]}, "data", "expected an object, found a list"),
        ({"data": {"a/b": ""}}, 'data["a/b"]', "the key is not valid"),
        ({"stringData": {"a": True}}, "stringData.a", "expected a string, found a boolean"),
        ({"type": 7}, "type", "expected a string, found an integer"),
        ({"metadata.name": None}, "metadata.name", "metadata.name is missing"),
    ],
)
def test_bad_secret_is_refused_without_its_content(changes, path, message):
    parsed = parse(changes)
    assert parsed.value is None
    assert found(parsed.problems) == [("error", path, message)]
    assert "hunter2" not in repr(parsed)


def test_repr_of_a_secret_hides_its_values():
    assert "hunter2" not in repr(parse({"stringData": {"a": "hunter2"}}))


def test_namespace_keeps_its_labels():
    value = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}}
    parsed = parse_namespace(document(changed(value, {"metadata.labels": {"team": "a"}})))
    assert parsed.value is not None
    assert parsed.value.meta.labels == {"team": "a"}
    assert parsed.value.ref == ObjectRef("Namespace", "", "web")


def test_namespace_with_a_bad_label_is_refused():
    value = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web", "labels": 1}}
    parsed = parse_namespace(document(value))
    assert parsed.value is None
    assert [item.object for item in parsed.problems] == ["Namespace web"]


def test_secret_larger_than_the_api_takes_is_refused():
    parsed = parse({"stringData": {"half": "a" * 2**20, "more": "b"}})
    assert parsed.value is None
    assert parsed.problems[0].message == "the Secret is larger than 1 MiB"


CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "texts"}}


def test_config_map_gives_its_texts():
    fields = {"data": {"a": "b\n", "empty": ""}, "binaryData": {"c": "AA=="}}
    parsed = parse_config_map(document({**CONFIG_MAP, **fields}), default_namespace="web")
    assert parsed.problems == ()
    assert parsed.value is not None
    assert parsed.value.ref == ObjectRef("ConfigMap", "web", "texts")
    assert parsed.value.data == {"a": "b\n", "empty": ""}


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        (["a"], "data", "expected an object, found a list"),
        ({"a": 1}, "data.a", "expected a string, found an integer"),
        ({"a/b": ""}, 'data["a/b"]', "the key is not valid"),
        ({"a": "x" * (1024 * 1024 + 1)}, "", "the ConfigMap is larger than 1 MiB"),
    ],
)
def test_bad_config_map_is_an_error_at_its_field(data, path, message):
    parsed = parse_config_map(document({**CONFIG_MAP, "data": data}), default_namespace="web")
    assert parsed.value is None
    assert ("error", path, message) in found(parsed.problems)
