"""`target.manifest`: where values go in an object that is not a Secret, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from providers.base import SecretBytes
from secretsync.core.manifest_target import MANAGED_TARGET_LABEL, manifest_object
from secretsync.core.target_template import TargetTemplateError
from secretsync.resources.external_secret_template import TemplateSource
from tests.core.secret_cases import CANARY, external_secret, secret_bytes

DATA = {"host": "db", "port": "5432", "password": CANARY}
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap"}
CUSTOM = {"apiVersion": "config.example.com/v1", "kind": "AppConfig"}
TEXTS = {
    TemplateSource("ConfigMap", "c"): {
        "one": b"{{ .host }}!",
        "map": b"port: {{ .port }}\ntls: true\n",
    }
}
LITERAL = "host: {{ .host }}\nport: {{ .port }}\nnested:\n  tls: true\n"


def made(manifest: dict[str, str], template: dict[str, Any] | None = None) -> dict[str, Any]:
    target = {"manifest": manifest, **({"template": template} if template is not None else {})}
    return manifest_object(external_secret({"target": target}), secret_bytes(DATA), TEXTS)


def literal(target: str, text: str = LITERAL) -> dict[str, Any]:
    return {"templateFrom": [{"literal": text, "target": target}]}


def from_map(target: str, key: str, **item: str) -> dict[str, Any]:
    source = {"name": "c", "items": [{"key": key, **item}]}
    return {"templateFrom": [{"configMap": source, "target": target}]}


@pytest.mark.parametrize(
    ("manifest", "template", "expected"),
    [
        pytest.param(CONFIG_MAP, None, {"data": DATA}, id="ConfigMap without a template"),
        pytest.param(CUSTOM, None, {"spec": {"data": DATA}}, id="another kind without a template"),
        pytest.param(CONFIG_MAP, {"data": {"a": "{{ .host }}"}}, {"data": {"a": "db"}}, id="data"),
        pytest.param(
            CONFIG_MAP,
            {"data": {"a": "1"}, "mergePolicy": "Merge"},
            {"data": {**DATA, "a": "1"}},
            id="data beside the provider's",
        ),
        pytest.param(
            CUSTOM,
            literal("spec.database"),
            {"spec": {"database": {"host": "db", "port": 5432, "nested": {"tls": True}}}},
            id="a literal at a path keeps its types",
        ),
        pytest.param(
            CUSTOM,
            literal("spec.rules[0].value", "a: 1"),
            {"spec": {"rules": [{"value": {"a": 1}}]}},
            id="a path through a list",
        ),
        pytest.param(
            CUSTOM,
            {
                "templateFrom": [
                    {"literal": "a: {b: 1}", "target": "spec"},
                    {"literal": "a: {c: 2}", "target": "spec"},
                ]
            },
            {"spec": {"a": {"b": 1, "c": 2}}},
            id="maps at one path merge",
        ),
        pytest.param(CONFIG_MAP, from_map("", "one"), {"data": {"one": "db!"}}, id="a ConfigMap"),
        pytest.param(
            CONFIG_MAP,
            from_map("Data", "map", templateAs="KeysAndValues"),
            {"data": {"port": "5432", "tls": "true"}},
            id="data holds text",
        ),
        pytest.param(
            CUSTOM, from_map("spec.x", "one"), {"spec": {"x": {"one": "db!"}}}, id="Values"
        ),
    ],
)
def test_manifest_object_holds_the_values_where_asked(
    manifest: dict[str, str], template: dict[str, Any] | None, expected: dict[str, Any]
) -> None:
    found = made(manifest, template)
    assert {key: found[key] for key in found if key not in ("metadata", *manifest)} == expected


def test_manifest_object_has_metadata_of_the_template_and_the_mark_of_eso() -> None:
    metadata = {"labels": {"app": "{{ .host }}"}, "annotations": {"note": "{{ .port }}"}}
    found = made(CONFIG_MAP, {"metadata": metadata, **literal("Labels", "team: a")})
    assert found["metadata"]["labels"] == {"app": "db", "team": "a", MANAGED_TARGET_LABEL: "true"}
    assert found["metadata"]["annotations"] == {"note": "5432"}
    assert (found["apiVersion"], found["kind"]) == ("v1", "ConfigMap")


@pytest.mark.parametrize(
    ("template", "said"),
    [
        pytest.param({"data": {"a": '{{ fail "x" }}'}}, "spec.target.template.data.a", id="fails"),
        pytest.param(literal("spec", "- {{ .password }}"), "is not a YAML map", id="a list"),
        pytest.param(literal("spec.a[1]"), "does not fit what is already there", id="a hole"),
        pytest.param(
            literal("Data", "a: {b: '{{ .password }}'}"),
            "a value of the map is no text",
            id="a map",
        ),
        pytest.param({"data": {"a": "{{ repeat 2000000 .host }}"}}, "template.data.a", id="huge"),
    ],
)
def test_manifest_object_that_cannot_be_made_says_where_and_shows_no_value(
    template: dict[str, Any], said: str
) -> None:
    with pytest.raises(TargetTemplateError) as caught:
        made(CUSTOM, template)
    assert said in caught.value.message
    assert CANARY not in f"{caught.value.message}{caught.value.remedy}"


def test_manifest_object_refuses_bytes_that_are_no_text() -> None:
    item = external_secret({"target": {"manifest": CONFIG_MAP}})
    with pytest.raises(TargetTemplateError, match="not UTF-8 text"):
        manifest_object(item, {"a": SecretBytes(b"\xff\xfe")}, {})
