"""What YAML and JSON files become, and which files are refused."""

from __future__ import annotations

import json

import pytest

from secretsync.resources.composer import MAX_ALIAS_NODES, MAX_DEPTH, MAX_NODES
from secretsync.resources.documents import MAX_FILE_BYTES, Document, Origin, load_documents
from tests.resources.builders import FILE, loaded


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("yes", True, id="yes"),
        pytest.param("Off", False, id="off"),
        pytest.param("y", True, id="y"),
        pytest.param("N", False, id="n"),
        pytest.param("true", True, id="true"),
        pytest.param("'yes'", "yes", id="quoted"),
        pytest.param("~", None, id="tilde"),
        pytest.param("", None, id="nothing"),
        pytest.param("None", "None", id="none-is-a-word"),
        pytest.param("0777", 511, id="octal"),
        pytest.param("0o777", 511, id="new-octal"),
        pytest.param("0x1F", 31, id="hex"),
        pytest.param("-0b11", -3, id="binary"),
        pytest.param("1_000", 1000, id="underscore"),
        pytest.param("08", 8.0, id="not-octal"),
        pytest.param("1.50", 1.5, id="float"),
        pytest.param("1e3", 1000.0, id="exponent"),
        pytest.param(".5", 0.5, id="point-first"),
        pytest.param("18446744073709551615", 2**64 - 1, id="largest-integer"),
        pytest.param("18446744073709551616", 2.0**64, id="beyond-64-bits"),
        pytest.param("1" + "0" * 5000, "1" + "0" * 5000, id="beyond-floats"),
        pytest.param("12:30:45", "12:30:45", id="no-base-60"),
        pytest.param("2026-08-08", "2026-08-08", id="no-timestamps"),
        pytest.param("2026-08-08T10:00:00Z", "2026-08-08T10:00:00Z", id="no-times"),
        pytest.param("=", "=", id="plain-equals"),
        pytest.param("<<", "<<", id="merge-as-value"),
        pytest.param("!!str 12", "12", id="string-tag"),
        pytest.param("! 12", "12", id="non-specific-tag"),
        pytest.param('!!int "12"', 12, id="integer-tag"),
        pytest.param("|\n  12\n", "12\n", id="block"),
    ],
)
def test_scalar_is_read_as_kubernetes_reads_it(text, expected):
    value = loaded(f"key: {text}\n")[0].value["key"]
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        pytest.param(b"\xff\xfea", 1, "not in UTF-8", id="not-utf-8"),
        pytest.param(b"a: 1\nb: \xe9\n", 2, "not in UTF-8", id="latin-1"),
        pytest.param("a: 1".encode("utf-16-le"), 0, "binary", id="utf-16"),
        pytest.param(b"\x7fELF\0\0", 0, "binary", id="binary"),
        pytest.param(b"a: 1\nb: \x07\n", 2, "does not allow", id="control-character"),
        pytest.param(b"a:\n\tb: 1\n", 2, "tab is used for indentation", id="tab"),
        pytest.param(b"a:\n  b:\n  \tc: 1\n", 3, "tab is used for indentation", id="late-tab"),
        pytest.param(b"a: 1\nb: [1\n", 3, "not valid YAML", id="unclosed-list"),
        pytest.param(b"a: 1\nb: 'x\n\n\n", 2, "not valid YAML", id="unclosed-quotes"),
        pytest.param(b"a: 1\nb: 2\na: 3\n", 3, "lines 1 and 3", id="duplicate-key"),
        pytest.param(b'{"a": 1,\n"a": 2}', 2, "lines 1 and 2", id="duplicate-json-key"),
        pytest.param(b"a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a\n", 4, "twice", id="two-merges"),
        pytest.param(b"b:\n  <<: [1]\n", 2, "not a map", id="merge-of-a-scalar"),
        pytest.param(b"yes: 1\n", 1, "key is not a string", id="boolean-key"),
        pytest.param(b"a:\n  1: x\n", 2, "key is not a string", id="integer-key"),
        pytest.param(b"? [a]\n: x\n", 1, "key is not a string", id="list-key"),
        pytest.param(b"a: &a x\n*a : y\n", 2, "key is not a string", id="alias-key"),
        pytest.param(b"a: *nothing\n", 1, "anchor that does not exist", id="unknown-alias"),
        pytest.param(b"a: &a [*a]\n", 1, "or to itself", id="recursive-alias"),
        pytest.param(b"a: !!binary aGk=\n", 1, "!!binary", id="binary-tag"),
        pytest.param(b"a: !!python/object:os.system x\n", 1, "custom tag", id="python-tag"),
        pytest.param(b"a: !Ref {b: c}\n", 1, "custom tag", id="custom-tag"),
        pytest.param(b"a: !!int x\n", 1, "!!int", id="wrong-tag"),
        pytest.param(b"a: .inf\n", 1, "infinity", id="infinity"),
        pytest.param(b"- a\n", 1, "is a list", id="list-document"),
        pytest.param(b"\njust text\n", 2, "is a single value", id="text-document"),
        pytest.param(b"a: " + b"[" * 5000, 1, "nested deeper", id="deep-flow"),
        pytest.param(b'{"a":' * 5000, 1, "nested deeper", id="deep-json"),
        pytest.param(b"a:\n" + b"- " * 5000, 2, "nested deeper", id="deep-block"),
        pytest.param(b"a: 1\n---\nb: 2\nb: 3\n", 4, "given twice", id="second-document"),
    ],
)
def test_broken_file_gives_one_problem_with_its_line(text, line, message):
    documents, problems = load_documents(text, file=FILE)
    assert documents == []
    assert [(item.file, item.line) for item in problems] == [(FILE, line)]
    assert message in problems[0].message
    assert problems[0].remedy


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xef\xbb\xbf", id="mark-only"),
        pytest.param(b"# only\n# comments\n", id="comments"),
        pytest.param(b"---\n---\n# nothing\n---\n", id="empty-documents"),
        pytest.param(b"null\n", id="null"),
        pytest.param(b"kind: List\napiVersion: v1\nitems: []\n", id="empty-list"),
        pytest.param(b"kind: List\n", id="list-without-items"),
    ],
)
def test_file_without_objects_gives_neither_objects_nor_problems(text):
    assert load_documents(text, file=FILE) == ([], [])


def test_file_beyond_the_limit_is_refused_and_at_the_limit_is_read():
    head = b"a: 1\n#"
    full = head + b"x" * (MAX_FILE_BYTES - len(head))
    assert load_documents(full, file=FILE)[0][0].value == {"a": 1}
    documents, problems = load_documents(full + b"x", file=FILE)
    assert documents == []
    assert "larger than 10 MB" in problems[0].message


def test_alias_bomb_is_stopped():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    documents, problems = load_documents("\n".join(lines).encode(), file=FILE)
    assert documents == []
    assert f"more than {MAX_ALIAS_NODES} nodes" in problems[0].message


def test_alias_bomb_of_merge_keys_is_stopped():
    lines = ["a0: &a0 {" + ", ".join(f"k{i}: x" for i in range(1000)) + "}"]
    lines += [f"b{i}: {{<<: *a0}}" for i in range(200)]
    _, problems = load_documents("\n".join(lines).encode(), file=FILE)
    assert f"more than {MAX_ALIAS_NODES} nodes" in problems[0].message


def test_depth_that_aliases_add_up_is_stopped():
    lines = ["a0: &a0 [x]"]
    lines += [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, MAX_DEPTH + 5)]
    _, problems = load_documents("\n".join(lines).encode(), file=FILE)
    assert "nested deeper" in problems[0].message


def test_file_with_too_many_values_is_stopped():
    _, problems = load_documents(b"a: [" + b"1," * (MAX_NODES + 1) + b"]", file=FILE)
    assert f"more than {MAX_NODES} values" in problems[0].message


def test_alias_gives_a_copy_that_shares_nothing():
    value = loaded("a: &x {b: [1]}\nc: *x\n")[0].value
    value["c"]["b"].append(2)
    assert value == {"a": {"b": [1]}, "c": {"b": [1, 2]}}


def test_merge_key_fills_in_what_is_not_written():
    text = "a: &a {p: 1, q: 1}\nb: &b {q: 2, r: 2}\nc:\n  <<: [*a, *b]\n  p: 3\n"
    assert loaded(text)[0].value["c"] == {"p": 3, "q": 1, "r": 2}


def test_anchor_does_not_reach_into_the_next_document():
    _, problems = load_documents(b"a: &a 1\n---\nb: *a\n", file=FILE)
    assert problems[0].line == 3


def test_line_of_answers_for_the_nearest_known_ancestor():
    origin = loaded("a: 1\nspec:\n  data:\n  - p: 1\n  - q: 2\n")[0].origin
    assert origin.line_of(("spec", "data", 1, "q")) == 5
    assert origin.line_of(("spec", "data", 0, "missing", "deeper")) == 4
    assert origin.line_of(("elsewhere",)) == 1
    assert Origin(FILE).line_of(("spec",)) == 0


def test_documents_and_lists_are_expanded_in_order():
    text = """
kind: A
---
apiVersion: v1
kind: List
items:
- kind: B
- apiVersion: v1
  kind: SecretList
  items:
  - metadata: {name: c}
---
kind: D
"""
    documents = loaded(text)
    assert [item.value["kind"] for item in documents] == ["A", "B", "Secret", "D"]
    assert documents[2].value["apiVersion"] == "v1"
    assert [item.origin.line_of(()) for item in documents] == [2, 7, 11, 13]
    assert documents[2].origin.line_of(("metadata", "name")) == 11


def test_kind_that_only_ends_like_a_list_is_an_object():
    assert loaded("kind: AllowList\nspec: {}\n")[0].value["kind"] == "AllowList"


def test_entry_of_a_list_that_is_no_object_stops_only_itself():
    text = b"kind: List\nitems:\n- text\n- kind: A\n"
    documents, problems = load_documents(text, file=FILE)
    assert [item.value for item in documents] == [{"kind": "A"}]
    assert [(item.line, item.message) for item in problems] == [
        (3, "an entry of a List is not an object")
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            '{\n\t"a": 1,\n\t"b": [true, null]\n}\n', {"a": 1, "b": [True, None]}, id="tabs"
        ),
        pytest.param('{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}, id="surrogate-pair"),
        pytest.param('{"a": "\\ud83d"}', {"a": "\ufffd"}, id="lone-surrogate"),
        pytest.param('{"a": "x\\/y\\n"}', {"a": "x/y\n"}, id="escapes"),
        pytest.param('{"a": "\x7f"}', {"a": "\x7f"}, id="delete-character"),
        pytest.param('{"a": 1e3}', {"a": 1000.0}, id="exponent"),
        pytest.param('{"a": "yes"}', {"a": "yes"}, id="words-are-strings"),
        pytest.param(json.dumps({"k" * 3000: 1}), {"k" * 3000: 1}, id="long-key"),
        pytest.param("{a: yes}", {"a": True}, id="flow-yaml"),
        pytest.param('{"a": 1,}', {"a": 1}, id="trailing-comma-is-yaml"),
    ],
)
def test_json_and_flow_yaml_are_read(text, expected):
    assert loaded(text)[0].value == expected


def test_json_knows_its_lines():
    origin = loaded('{\n  "a": 1,\n  "spec": {\n    "b": "x"\n  }\n}')[0].origin
    assert origin.line_of(("spec", "b")) == 4


def test_repr_of_a_document_hides_its_content():
    assert "hunter2" not in repr(Document({"a": "hunter2"}, Origin(FILE, {("hunter2",): 1})))
