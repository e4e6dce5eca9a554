"""Whatever comes in, kubeseal's form ends with a sentence and changes no file."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.seal.dropin_kit import Here, key_files

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "dg==", "!", "a", "true", "\ud800", "\0", "SealedSecret", "v1", "List"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["k", "tls.key", "name", "\ud800", ""]), inner, max_size=2
        )
    ),
    max_leaves=4,
)
FIELDS = (
    *("apiVersion", "kind", "metadata", "data", "stringData", "type", "immutable", "items"),
    *("spec", "status"),
)
METADATA = st.dictionaries(
    st.sampled_from(
        ["name", "namespace", "labels", "annotations", "finalizers", "managedFields", "uid"]
    ),
    VALUES,
)
OBJECTS = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=5).flatmap(
    lambda made: METADATA.map(lambda metadata: {"metadata": metadata} | made)
)
SEALED = {
    "apiVersion": "bitnami.com/v1alpha1",
    "kind": "SealedSecret",
    "metadata": {"name": "web", "namespace": "a"},
}
SEALED_OBJECTS = st.builds(
    lambda metadata, spec: SEALED | metadata | spec,
    st.just({}) | METADATA.map(lambda metadata: {"metadata": metadata}),
    st.dictionaries(st.sampled_from(["encryptedData", "template", "data"]), VALUES).map(
        lambda spec: {"spec": spec}
    ),
)
MODES = [
    pytest.param((), id="seal"),
    pytest.param(("-o", "yaml", "--allow-empty-data", "-n", "a", "--name", "n"), id="yaml"),
    pytest.param(("--recovery-unseal", "--recovery-private-key", "tls.key"), id="recovery"),
    pytest.param(("--recovery-unseal", "--recovery-private-key", "-"), id="recovery-key"),
    pytest.param(("--merge-into", "target", "-o", "yaml"), id="merge"),
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    key_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(mode, text, folder, monkeypatch, capsysbinary):
    """Run one mode on a text, wherever it takes it from; return how it ended."""
    (folder / "target").write_bytes(text)
    flags = [str(folder / "target") if part == "-" else part for part in mode]
    ended = Here(monkeypatch, capsysbinary)("--cert", "tls.crt", *flags, given=text)
    assert ended.code in (0, 1)
    if ended.code:
        assert "error: " in ended.err
        assert ended.out == b""
        assert (folder / "target").read_bytes() == text


@pytest.mark.parametrize("mode", MODES)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(objects=st.lists(OBJECTS | SEALED_OBJECTS, max_size=2), as_yaml=st.booleans())
def test_any_objects_give_a_result_or_an_error(
    mode, folder, monkeypatch, capsysbinary, objects, as_yaml
):
    separator = "\n---\n" if as_yaml else "\n"
    text = separator.join(map(json.dumps, objects)).encode()
    run(mode, text, folder, monkeypatch, capsysbinary)


@pytest.mark.parametrize("mode", MODES)
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(text=st.binary(max_size=80) | st.text("{}[]:,-\n\"'a1 |&*!", max_size=40).map(str.encode))
def test_any_bytes_give_a_result_or_an_error(mode, folder, monkeypatch, capsysbinary, text):
    run(mode, text, folder, monkeypatch, capsysbinary)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"[" * 100_000, id="json-depth"),
        pytest.param(b'{"a":' * 100_000, id="json-maps"),
        pytest.param(b"a:\n" + b"".join(b" " * at + b"b:\n" for at in range(1, 400)), id="yaml"),
        pytest.param(b'{"a": 1' + b"0" * 5000 + b"}", id="digits"),
        pytest.param(b"a: &a [x]\nb: [*a, *a]\n" * 2, id="aliases"),
        pytest.param("metadata: {name: é}\n".encode("utf-16"), id="utf-16"),
    ],
)
def test_extreme_input_is_an_error(mode, text, folder, monkeypatch, capsysbinary):
    run(mode, text, folder, monkeypatch, capsysbinary)
