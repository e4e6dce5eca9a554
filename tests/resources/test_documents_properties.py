"""Laws of the reader: total, faithful, and silent about content."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from secretsync.resources.documents import load_documents
from secretsync.resources.manifests import load_manifests
from secretsync.resources.problems import render_problem

#: A busy machine is slow; what is checked here is the answer, not the time.
LAW = settings(deadline=None)
CANARY = "hunter2canary"

_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=20),
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text("abc<y1.- ", max_size=4), inner)
    ),
    max_leaves=20,
)
_OBJECTS = st.dictionaries(st.text("abc<y1.- ", min_size=1, max_size=4), _VALUES)
_PIECES = (
    *("a", "b:", ": ", "- ", "\n", "  ", "\t", "[", "]", "{", "}", ",", "'", '"', "&x ", "*x"),
    *("<<", "!!str ", "!", "|", ">", "---\n", "...\n", "%YAML 1.1\n", "#", "? ", "kind: List\n"),
    *("items:", "\\", "\ud7ff", "\u2028", "0x", "1_", ".", "=", "@", "`", "null", "yes"),
)
_YAMLISH = st.lists(st.sampled_from(_PIECES), max_size=40).map("".join)


@LAW
@given(st.binary(max_size=400))
def test_load_documents_is_total_over_bytes(text):
    documents, problems = load_documents(text, file="f")
    assert not (documents and problems) or all(item.message for item in problems)


@LAW
@given(_YAMLISH)
def test_load_documents_and_load_manifests_are_total_over_yaml_like_text(text):
    documents, problems = load_documents(text.encode(), file="f")
    manifests = load_manifests(documents, default_namespace="default")
    for problem in (*problems, *manifests.problems):
        assert problem.file == "f"
        assert problem.message


@LAW
@given(_OBJECTS)
def test_json_round_trips(value):
    for indent in (None, "\t"):
        documents, problems = load_documents(json.dumps(value, indent=indent).encode(), file="f")
        assert problems == []
        assert [item.value for item in documents] == [value]


@LAW
@given(_OBJECTS)
def test_quoted_yaml_round_trips(value):
    text = yaml.safe_dump(value, default_style='"', allow_unicode=True)
    documents, problems = load_documents(text.encode(), file="f")
    assert problems == []
    assert [item.value for item in documents] == [value]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: '{}\n", id="unclosed-quotes"),
        pytest.param("a: {}: {}\n", id="colon-in-value"),
        pytest.param("a: [{}\nb: 1\n", id="unclosed-list"),
        pytest.param("a: &{} x\nb: *{}y\n", id="anchor-names"),
        pytest.param("a: !{} x\n", id="tag"),
        pytest.param("a: !!{} x\n", id="short-tag"),
        pytest.param("%{} x\n", id="directive"),
        pytest.param("\t{}: x\n", id="tab"),
        pytest.param('{{"a": "{}" "b"}}', id="broken-json"),
        pytest.param('a: "\\{}"\n', id="escape"),
        pytest.param("{}\n", id="text"),
        pytest.param(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\ndata: {{k: {}!}}\n", id="base64"
        ),
        pytest.param(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\ndata: [{}]\n", id="data-type"
        ),
        pytest.param(
            "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {{name: a}}\n"
            "spec: {{refreshInterval: {}, data: [{}], refreshPolicy: {}, target: {}}}\n",
            id="field-values",
        ),
    ],
)
def test_problems_never_quote_the_content(text):
    content = text.replace("{}", CANARY).replace("{{", "{").replace("}}", "}")
    documents, problems = load_documents(content.encode(), file="f")
    problems += load_manifests(documents, default_namespace="default").problems
    assert problems
    for problem in problems:
        assert CANARY not in render_problem(problem)
        assert CANARY not in repr(problem)
