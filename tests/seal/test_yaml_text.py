"""YAML is written as Kubernetes' tools write it, and means what was meant."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secretsync.cli.seal.go_numbers import float_text
from secretsync.cli.seal.yaml_text import yaml_text
from secretsync.resources.composer import compose
from secretsync.resources.yaml_events import yaml_events
from tests.seal.dropin_kit import key_files, kubeseal

#: Strings at which writers of YAML stumble.
HARD = [
    *("", "~", "null", "y", "No", "ON", "true", ".inf", "-.INF", ".nan", "1", "010", "0x1f"),
    *("0b1", "0o7", "08", "+1", "1e3", "1_000", ".5", "5.", "1e999", "190:20:30", "2001-01-01"),
    *("2001-1-1", "2001-02-30", "2001-01-01T10:20:30Z", "2001-01-01 10:20:30", "1:2", "1:99"),
    *("---", "--- a", "...", "-", "- a", "-a", "?", "? a", "?a", ":", ": a", ":a", "a:", "a: b"),
    *("a:b", "a #b", "a#b", "#a", "[a]", "{a}", "a, b", "&a", "*a", "!a", "|", ">", "'", '"'),
    *("%a", "@a", "`a", "=", " a", "a ", "  ", "\t", "a\tb", "\n", "\n\n", "a\n", "a\n\n"),
    *("\na", " a\n b", "a \nb", "a\n b", "x\n y\n", "a\r", "\r\n", "\u2028", "a\u2029 b", "\x07"),
    *("é", "\U0001f511", "\ufffd", "\ue000", "\xa0", "k" * 129, "a\\b", "it's", 'say "x"', "<&>"),
]
TEXT = st.one_of(
    st.sampled_from(HARD),
    st.builds(str.__add__, st.sampled_from(HARD), st.sampled_from(HARD)),
    st.text(st.characters(codec="utf-8", exclude_characters="\x7f\x85\ufeff"), max_size=12),
    st.text("ab \n:#-'\"?,0", max_size=10),
    # Long enough to be folded, in each style.
    st.lists(
        st.sampled_from(["word", "it's", ":", "  ", "\t", "\u2028", "é", "x" * 70]), max_size=40
    ).map(" ".join),
)
#: kubeseal's library cannot read these back from its own JSON.
NOT_FOR_KUBESEAL = re.compile("[\x7f-\x9f\ufeff\ufffe\uffff]")
#: PyYAML folds breaks of other kinds, fails on days that do not exist, and knows no `=`.
NOT_FOR_PYYAML = ("\u2028", "a\u2029 b", "2001-02-30", "=")


def sealed_form(annotations, finalizers):
    metadata = {"annotations": annotations, "finalizers": finalizers, "name": "w", "namespace": "a"}
    metadata = {key: value for key, value in metadata.items() if value}
    return {
        "kind": "SealedSecret",
        "apiVersion": "bitnami.com/v1alpha1",
        "metadata": {"name": "w", "namespace": "a"},
        "spec": {"encryptedData": {}, "template": {"metadata": metadata}},
    }


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return key_files(tmp_path_factory.mktemp("keys"))[0]


@pytest.mark.built("kubeseal")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TEXT, min_size=20, max_size=60), st.lists(TEXT, min_size=20, max_size=60))
def test_strings_are_written_byte_for_byte_as_kubeseal_writes_them(certificate, keys, values):
    # Keys with digits have no order: Go sorts them by a rule that goes in circles.
    keys = [re.sub(r"\d|<<", "", NOT_FOR_KUBESEAL.sub("", key)) for key in keys]
    values = [NOT_FOR_KUBESEAL.sub("", value).replace("<<", "") for value in values]
    annotations = dict(zip(keys, values, strict=False))
    secret = {"metadata": {"name": "w", "namespace": "a", "annotations": annotations}}
    secret["metadata"]["finalizers"] = values
    flags = ("--cert", certificate, "--allow-empty-data", "-o", "yaml")
    theirs = kubeseal(*flags, given=json.dumps(secret).encode())
    assert theirs.code == 0, theirs.err
    assert f"---\n{yaml_text(sealed_form(annotations, values))}" == theirs.out.decode()


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(TEXT, TEXT | st.lists(TEXT, max_size=3), max_size=6))
def test_what_is_written_is_read_as_what_was_meant(value):
    """By the project's reader, which reads as Kubernetes does."""
    # Breaks other than \n are folded by every reader of YAML 1.1, in Go's form as well.
    value = json.loads(re.sub(r"\\u2028|\\u2029|\\u0085", "x", json.dumps(value)))
    (read,) = compose(yaml_events(yaml_text({"k": value})))
    assert read.value == {"k": value}


@pytest.mark.parametrize("text", [text for text in HARD if text not in NOT_FOR_PYYAML])
def test_hard_string_survives_another_reader_of_yaml(text):
    assert yaml.safe_load(yaml_text({"k": [text]})) == {"k": [text]}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param({}, "{}\n", id="empty"),
        pytest.param({"a": {}, "b": [], "c": None}, "a: {}\nb: []\nc: null\n", id="empties"),
        pytest.param({"a": [1, 2.5, True]}, "a:\n- 1\n- 2.5\n- true\n", id="sequence"),
        pytest.param({"a": [{"c": 1, "b": [2]}]}, "a:\n- b:\n  - 2\n  c: 1\n", id="nested"),
        pytest.param({"a": [[1, [2]], 3]}, "a:\n- - 1\n  - - 2\n- 3\n", id="lists-in-lists"),
        pytest.param({"a": "x\ny"}, "a: |-\n  x\n  y\n", id="block"),
        pytest.param({"a": ["x\n"]}, "a:\n- |\n  x\n", id="block-in-a-sequence"),
        pytest.param(
            {"b": 1, "A": 1, "_": 1, ".d": 1, "-": 1},
            "'-': 1\n.d: 1\n_: 1\nA: 1\nb: 1\n",
            id="order",
        ),
        pytest.param({"k10": 1, "k9": 1, "k": 1}, "k: 1\nk9: 1\nk10: 1\n", id="order-of-numbers"),
    ],
)
def test_mapping_is_laid_out_as_go_lays_it_out(value, text):
    assert yaml_text(value) == text


@pytest.mark.parametrize(
    ("value", "bits", "text"),
    [
        (1.5, 64, "1.5"),
        (1e6, 64, "1e+06"),
        (123456.0, 64, "123456"),
        (0.0001, 64, "0.0001"),
        (0.00001, 64, "1e-05"),
        (-0.0, 64, "-0"),
        (1e21, 64, "1e+21"),
        (123456789.0, 32, "1.2345679e+08"),
        (0.1, 32, "0.1"),
        (16777217.0, 32, "1.6777216e+07"),
        (1e39, 32, "+Inf"),
        (float("-inf"), 64, "-Inf"),
        (float("nan"), 64, "NaN"),
    ],
)
def test_float_is_written_as_go_writes_it(value, bits, text):
    assert float_text(value, bits=bits) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_float_that_is_written_reads_as_itself(value):
    assert float(float_text(value, bits=64)) == value
