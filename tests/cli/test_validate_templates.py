"""`secretsync validate` compiles every template of its input, and renders none."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.cli.kit import external_secret, store, write

ESO = "external-secrets.io"
#: Broken text → what is said of it.
FAULTS = {
    "{{ .password": "unclosed action",
    "{{ if .a }}b": "unexpected EOF",
    "{{ .a | shout }}": 'function "shout" not defined',
}
BROKEN = "{{ .a | shout }}"
FINE = '{{ .a | b64enc }}{{ fail "when it is rendered" }}'


def templated(**template: Any) -> dict[str, Any]:
    target = {"name": "made", "template": {"engineVersion": "v2", **template}}
    return external_secret("a", target=target)


def push(**spec: Any) -> dict[str, Any]:
    given = {
        "secretStoreRefs": [{"name": "aws"}],
        "selector": {"secret": {"name": "held"}},
        "data": [{"match": {"secretKey": "a", "remoteRef": {"remoteKey": "a"}}}],
        **spec,
    }
    return named("PushSecret", f"{ESO}/v1alpha1", given)


def named(kind: str, version: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": "a"} if kind.startswith("Cluster") else {"name": "a", "namespace": "shop"}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def webhook(**block: Any) -> dict[str, Any]:
    return {"url": "https://hook.example/{{ .remoteRef.key }}", "result": {}, **block}


def places(text: str) -> dict[str, tuple[dict[str, Any], str]]:
    """Field → an object with a text there."""
    rewrite = [{"transform": {"template": text}}]
    store_ref = {"name": "aws"}
    child = templated(data={"k": text})["spec"]
    everywhere = {"namespaceSelectors": [{"matchLabels": {"a": "b"}}]}
    ces = {"externalSecretSpec": child, **everywhere}
    cps = {"pushSecretSpec": push(template={"data": {"k": text}})["spec"], **everywhere}
    to = [{"storeRef": store_ref, "rewrite": rewrite}]
    extract = external_secret("a", data=[], dataFrom=[{"extract": {"key": "k"}}])
    extract["spec"]["dataFrom"][0]["rewrite"] = rewrite
    generator = named("Webhook", "generators.external-secrets.io/v1alpha1", webhook(body=text))
    return {
        "spec.target.template.data.k": (templated(data={"k": text}), "ExternalSecret shop/a"),
        'spec.target.template.metadata.labels["a.b/c"]': (
            templated(metadata={"labels": {"a.b/c": text}}),
            "ExternalSecret shop/a",
        ),
        "spec.target.template.metadata.annotations.a": (
            templated(metadata={"annotations": {"a": text}}),
            "ExternalSecret shop/a",
        ),
        "spec.target.template.templateFrom[0].literal": (
            templated(templateFrom=[{"literal": text}]),
            "ExternalSecret shop/a",
        ),
        "spec.dataFrom[0].rewrite[0].transform.template": (extract, "ExternalSecret shop/a"),
        "spec.externalSecretSpec.target.template.data.k": (
            named("ClusterExternalSecret", f"{ESO}/v1", ces),
            "ClusterExternalSecret a",
        ),
        "spec.template.data.k": (push(template={"data": {"k": text}}), "PushSecret shop/a"),
        "spec.dataTo[0].rewrite[0].transform.template": (push(dataTo=to), "PushSecret shop/a"),
        "spec.pushSecretSpec.template.data.k": (
            named("ClusterPushSecret", f"{ESO}/v1alpha1", cps),
            "ClusterPushSecret a",
        ),
        "spec.provider.webhook.headers.X-A": (
            named(
                "SecretStore",
                f"{ESO}/v1",
                {"provider": {"webhook": webhook(headers={"X-A": text})}},
            ),
            "SecretStore shop/a",
        ),
        "spec.body": (generator, "Webhook shop/a"),
    }


PLACES = list(places(""))


@pytest.mark.parametrize("field", PLACES)
def test_broken_template_is_an_error_at_its_field(tmp_path, cli, field):
    obj, name = places(BROKEN)[field]
    ended = cli("validate", write(tmp_path / "a.yaml", obj), "-o", "json")
    (problem,) = ended.json["problems"]
    assert (ended.code, ended.json["valid"]) == (1, 0)
    assert (problem["severity"], problem["object"], problem["field"]) == ("error", name, field)
    assert 'function "shout" not defined' in problem["message"]
    assert problem["line"] > 1
    assert problem["remedy"]


@pytest.mark.parametrize("field", PLACES)
def test_template_that_can_be_compiled_is_not_rendered(tmp_path, cli, field):
    obj, _ = places(FINE)[field]
    ended = cli("validate", write(tmp_path / "a.yaml", obj), "-o", "json")
    assert (ended.code, ended.json["problems"]) == (0, [])


@pytest.mark.parametrize("text", FAULTS)
def test_fault_of_a_template_is_told_in_the_words_of_go(tmp_path, cli, text):
    ended = cli("validate", write(tmp_path / "a.yaml", templated(data={"k": text}), store()))
    assert (ended.code, ended.out) == (1, "1 valid, 1 errors, 0 warnings\n")
    assert f"template: k:1: {FAULTS[text]}" in ended.err


def test_sealed_template_has_the_functions_of_its_own_kind_alone(tmp_path, cli):
    sealed = named("SealedSecret", "bitnami.com/v1alpha1", {"encryptedData": {}})
    for text, code in (("{{ .a | b64enc }}", 0), ("{{ .a | pemCertificate }}", 1), (BROKEN, 1)):
        given = copy.deepcopy(sealed)
        given["spec"]["template"] = {"data": {"k": text}}
        ended = cli("validate", write(tmp_path / "a.yaml", given), "-o", "json")
        fields = [each["field"] for each in ended.json["problems"]]
        assert (ended.code, fields) == (code, ["spec.template.data.k"] * code)


def test_config_map_is_looked_at_where_templates_are_taken_from_it(tmp_path, cli):
    source = {"configMap": {"name": "texts", "items": [{"key": "asked"}]}}
    texts = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "texts", "namespace": "shop"},
        "data": {"asked": BROKEN, "other": BROKEN},
    }
    file = write(tmp_path / "a.yaml", templated(templateFrom=[source]), texts)
    ended = cli("validate", file, "-o", "json")
    found = [(each["object"], each["field"]) for each in ended.json["problems"]]
    assert found == [("ConfigMap shop/texts", "data.asked")]


def test_template_in_a_secret_is_not_looked_at(tmp_path, cli):
    source = {"secret": {"name": "texts", "items": [{"key": "asked"}]}}
    texts = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "texts", "namespace": "shop"},
        "stringData": {"asked": BROKEN},
    }
    file = write(tmp_path / "a.yaml", templated(templateFrom=[source]), texts)
    assert cli("validate", file).code == 0
