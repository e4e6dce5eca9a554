"""`target.template`: what wins over what, what is refused, and that no message holds a value."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.core.materialize import Materialized, desired_secret
from secretsync.core.secrets import CREATED_BY_LABEL, DATA_HASH_ANNOTATION, MANAGED_LABEL
from secretsync.core.target_template import Rendered, TargetTemplateError, render_target
from secretsync.core.templates.limits import Limits
from secretsync.resources.external_secret_template import TemplateSource
from tests.core.secret_cases import CANARY, external_secret, secret_bytes

DATA = {"user": "bob", "password": CANARY, "json": '{"a": 1}', "b64": "Ym9i"}
TOKEN = "kubernetes.io/service-account-token"
AT = "spec.target.template"


def config_map(name: str, *items: Any, **entry: Any) -> dict[str, Any]:
    keys = [item if isinstance(item, dict) else {"key": item} for item in items]
    return {"configMap": {"name": name, "items": keys}, **entry}


def as_map(key: str) -> dict[str, str]:
    return {"key": key, "templateAs": "KeysAndValues"}


def rendered(
    template: dict[str, Any], texts: dict[TemplateSource, dict[str, bytes]] | None = None
) -> Rendered:
    parsed = external_secret({"target": {"template": template}}).target.template
    assert parsed is not None
    return render_target(parsed, secret_bytes(DATA), texts or {})


def data_of(
    template: dict[str, Any], texts: dict[TemplateSource, dict[str, bytes]] | None = None
) -> dict[str, str]:
    found = rendered(template, texts).data
    return {key: value.reveal().decode() for key, value in found.items()}


TEXTS = {
    TemplateSource("ConfigMap", "c"): {
        "one": b"{{ .user }}!",
        "map": b"{{ .user }}-key: {{ .b64 }}\nport: 5\n",
    },
    TemplateSource("Secret", "s"): {"one": b"secret {{ .user }}"},
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param({}, DATA, id="neither data nor templateFrom"),
        pytest.param({"type": "x/y"}, DATA, id="a type alone"),
        pytest.param({"data": {"k": "{{ .user }}"}}, {"k": "bob"}, id="replace"),
        pytest.param(
            {"mergePolicy": "Merge", "data": {"user": "not {{ .user }}"}},
            {**DATA, "user": "not bob"},
            id="merge",
        ),
        pytest.param(
            {"data": {"k": "v"}, "templateFrom": [{"literal": "k: lost\nl: kept"}]},
            {"k": "v", "l": "kept"},
            id="data wins over templateFrom",
        ),
        pytest.param(
            {"templateFrom": [{"literal": "k: 1\nl: 1"}, {"literal": "k: 2"}]},
            {"k": "2", "l": "1"},
            id="later entries win",
        ),
        pytest.param(
            {"templateFrom": [config_map("c", "one", as_map("map"))]},
            {"one": "bob!", "bob-key": "Ym9i", "port": "5"},
            id="values, keys and values",
        ),
        pytest.param(
            {
                "templateFrom": [
                    {**config_map("c", "one"), "secret": {"name": "s", "items": [{"key": "one"}]}}
                ]
            },
            {"one": "secret bob"},
            id="secret after configMap",
        ),
        pytest.param(
            {
                "templateFrom": [
                    config_map("c", as_map("map"), valuesDecodingStrategy="Auto"),
                    {"literal": "l: {{ .b64 }}", "valuesDecodingStrategy": "Base64"},
                ]
            },
            {"bob-key": "bob", "port": "5", "l": "bob"},
            id="decoded",
        ),
        pytest.param({"templateFrom": [{"literal": ""}]}, {}, id="an empty literal"),
        pytest.param({"data": {"k": "no action"}}, {"k": "no action"}, id="a plain text"),
    ],
)
def test_data_is_rendered_in_the_order_of_precedence(
    template: dict[str, Any], expected: dict[str, str]
) -> None:
    assert data_of(template, TEXTS) == expected


def test_metadata_is_rendered_and_wins_over_template_from() -> None:
    made = rendered(
        {
            "metadata": {
                "labels": {"who": "{{ .user }}", "app": "web"},
                "annotations": {"note": "{{ .user }} & co"},
            },
            "templateFrom": [
                {"literal": "who: lost\nmore: {{ .user }}", "target": "labels"},
                {"literal": "from: {{ .user }}", "target": "Annotations"},
            ],
        }
    )
    assert made.labels == {"who": "bob", "app": "web", "more": "bob"}
    assert made.annotations == {"note": "bob & co", "from": "bob"}
    assert made.data == {}, "metadata alone is a templateFrom as well"


def test_bytes_that_are_no_text_survive() -> None:
    template = external_secret({"target": {"template": {"data": {"k": "{{ .raw }}"}}}})
    assert template.target.template is not None
    raw = secret_bytes({}) | {"raw": type(secret_bytes({"a": ""})["a"])(b"\xff\x00\xfe")}
    made = render_target(template.target.template, raw, {})
    assert made.data["k"].reveal() == b"\xff\x00\xfe"


def test_labels_and_annotations_of_ours_win() -> None:
    parent = external_secret(
        {
            "target": {
                "template": {
                    "metadata": {
                        "labels": {MANAGED_LABEL: "no", CREATED_BY_LABEL: "x"},
                        "annotations": {DATA_HASH_ANNOTATION: "y"},
                    }
                }
            }
        }
    )
    assert parent.target.template is not None
    made = render_target(parent.target.template, {}, {})
    wanted = desired_secret(parent, Materialized({}), rendered=made)
    assert wanted.labels[MANAGED_LABEL] == "true"
    assert wanted.labels[CREATED_BY_LABEL] == wanted.created_by
    assert DATA_HASH_ANNOTATION not in wanted.annotations


def test_what_is_not_rendered_yet_is_not_expected_on_the_secret() -> None:
    labels = {"who": "{{ .user }}", "app": "web"}
    parent = external_secret({"target": {"template": {"metadata": {"labels": labels}}}})
    wanted = desired_secret(parent, Materialized({}))
    assert "who" not in wanted.labels
    assert wanted.labels["app"] == "web"


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "missing-key": ({"data": {"k": "{{ .nope }}"}}, f"{AT}.data.k", 'no entry for key "nope"'),
    "fail": ({"data": {"k": "{{ fail .password }}"}}, f"{AT}.data.k", "error calling fail"),
    "broken": ({"data": {"a.b": "{{ .a"}}, f'{AT}.data["a.b"]', "unclosed action"),
    "label": (
        {"metadata": {"labels": {"a": "{{ .password }} {{ .user }}"}}},
        f"{AT}.metadata.labels.a",
        "not valid as a label's value",
    ),
    "label-key": (
        {"templateFrom": [{"literal": "'{{ .password }} x': a", "target": "Labels"}]},
        f"{AT}.templateFrom[0].literal",
        "the key of the label is not valid",
    ),
    "annotation-key": (
        {"templateFrom": [{"literal": "'{{ .password }} x': a", "target": "Annotations"}]},
        f"{AT}.templateFrom[0].literal",
        "the key of the annotation is not valid",
    ),
    "data-key": (
        {"templateFrom": [{"literal": "'{{ .password }}/x': a"}]},
        f"{AT}.templateFrom[0].literal",
        "a key that it makes is not valid",
    ),
    "no-map": (
        {"templateFrom": [{"literal": "{{ .password }}"}]},
        f"{AT}.templateFrom[0].literal",
        "not a YAML map of strings",
    ),
    "a-list": (
        {"templateFrom": [{"literal": "k: [{{ .password }}]"}]},
        f"{AT}.templateFrom[0].literal",
        "value 1 of the map is a list, not a string",
    ),
    "broken-yaml": (
        {"templateFrom": [{"literal": "k: {{ .password }}\n  l: {{ .password }}: x"}]},
        f"{AT}.templateFrom[0].literal",
        "not a YAML map of strings",
    ),
    "not-base64": (
        {"templateFrom": [{"literal": "k: {{ .password }}", "valuesDecodingStrategy": "Base64"}]},
        f"{AT}.templateFrom[0].literal",
        "is not valid Base64",
    ),
    "no-such-item": (
        {"templateFrom": [config_map("c", "one", "two")]},
        f"{AT}.templateFrom[0].configMap.items[1]",
        "ConfigMap c has no key two",
    ),
    "too-much": (
        {"data": {f"k{n}": "{{ repeat 300000 `x` }}" for n in range(4)}},
        f"{AT}.data.k3",
        "more than",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_template_that_cannot_be_is_refused_at_its_field(name: str) -> None:
    template, field, said = REFUSED[name]
    with pytest.raises(TargetTemplateError) as caught:
        rendered(template, TEXTS)
    assert caught.value.field == field
    assert said in caught.value.message
    assert caught.value.message.startswith(f"{field}: ")
    shown = f"{caught.value.message} {caught.value.remedy}"
    assert CANARY not in shown
    assert caught.value.__context__ is None, "what it came from may hold values"


def test_service_account_token_is_refused_again_where_only_rendering_tells() -> None:
    """The manifest's rules see to it already; a template that got past them ends here."""
    parsed = external_secret(
        {"target": {"template": {"metadata": {"annotations": {"a": "x"}}}}}
    ).target.template
    assert parsed is not None
    annotations = (("kubernetes.io/service-account.name", "{{ .user }}"),)
    metadata = type(parsed.metadata)(annotations=annotations)
    forbidden = type(parsed)(type=TOKEN, metadata=metadata)
    with pytest.raises(TargetTemplateError, match="Kubernetes would put a token into it"):
        render_target(forbidden, secret_bytes(DATA), {})


def test_templates_of_one_target_share_one_budget() -> None:
    """A thousand small bombs cost no more than a large one."""
    turns = Limits().steps // 100
    bomb = f"{{{{ range {turns // 4} }}}}{{{{ end }}}}"
    assert data_of({"data": {"k": bomb}}) == {"k": ""}
    with pytest.raises(TargetTemplateError, match="too many steps"):
        rendered({"data": {f"k{number}": bomb for number in range(100)}})


def test_keys_of_a_keystore_stay_the_same_when_rendered_again() -> None:
    from tests.core.eso_template_data import data

    template = {"data": {"k": "{{ fullPemToPkcs12Pass .chain .key `pw` }}"}}
    parsed = external_secret({"target": {"template": template}}).target.template
    assert parsed is not None
    values = {name: data()[name].decode() for name in ("chain", "key")}
    made = [render_target(parsed, secret_bytes(values), {}).data for _ in range(2)]
    assert made[0] == made[1]
