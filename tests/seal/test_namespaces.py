"""Which namespace an object gets that names none: the client's, found as kubectl finds it."""

from __future__ import annotations

import json

import pytest

from tests.seal.dropin_kit import key_files, kubeseal, seal, secret_yaml

pytestmark = pytest.mark.built("kubeseal")

CLUSTERS = [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}]


def config(namespace=None, *, current="x", clusters=CLUSTERS, user=""):
    context = {"cluster": "c", "user": user} | ({"namespace": namespace} if namespace else {})
    named = {"name": "x", "context": context}
    return {"contexts": [named], "clusters": clusters, "current-context": current}


CASES = [
    pytest.param([config("one")], (), {}, id="context"),
    pytest.param([config()], (), {}, id="default"),
    pytest.param([config("one")], ("-n", "two"), {}, id="flag"),
    pytest.param([config("one")], (), {"SEALED_SECRETS_NAMESPACE": "two"}, id="environment"),
    pytest.param([config("one"), config("two")], (), {}, id="first-file-wins"),
    pytest.param(
        [config("one", current=""), config("two")], (), {}, id="current-context-of-the-second"
    ),
    pytest.param([{}, config("two")], (), {}, id="empty-file"),
    pytest.param([config("one")], ("--context", "x"), {}, id="named-context"),
    pytest.param([config("one")], ("--context", "missing"), {}, id="missing-context"),
    pytest.param([config("one", current="missing")], (), {}, id="missing-current-context"),
    pytest.param([config("one", clusters=[])], (), {}, id="missing-cluster"),
    pytest.param([config("one", clusters=[])], ("--server", "https://x"), {}, id="server-flag"),
    pytest.param([], ("--server", "https://x"), {}, id="server-alone"),
    pytest.param([], (), {"KUBERNETES_MASTER": "https://x"}, id="master"),
    pytest.param([], (), {"POD_NAMESPACE": "three"}, id="pod-namespace-outside-a-pod"),
    pytest.param([config("one", user="missing")], (), {}, id="missing-user"),
    pytest.param([config("one")], ("--user", "missing"), {}, id="missing-user-flag"),
    pytest.param([config("one")], ("--cluster", "missing"), {}, id="missing-cluster-flag"),
]


@pytest.fixture
def folder(tmp_path):
    key_files(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("files", "flags", "env"), CASES)
def test_namespace_is_the_one_that_kubeseal_finds(folder, files, flags, env):
    paths = []
    for number, content in enumerate(files):
        paths.append(folder / f"config-{number}")
        paths[-1].write_text(json.dumps(content))
    surroundings = env | {"KUBECONFIG": ":".join(map(str, paths)) or "/missing"}
    found = []
    for program in (seal, kubeseal):
        given = secret_yaml(namespace="")
        ended = program("--cert", "tls.crt", *flags, given=given, env=surroundings, cwd=folder)
        namespace = json.loads(ended.out)["metadata"]["namespace"] if ended.code == 0 else None
        found.append((ended.code, namespace))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: [", id="broken"),
        pytest.param("contexts: {}", id="map-for-list"),
        pytest.param("contexts: [1]", id="number-for-entry"),
        pytest.param("current-context: [1]", id="list-for-text"),
        pytest.param(
            "users:\n- name: u\n  user: {token: [sesame]}\n  token: sesame\n- 1", id="user"
        ),
    ],
)
def test_kubeconfig_that_cannot_be_read_is_named_and_not_quoted(folder, text):
    (folder / "config").write_text(text)
    flags = ("--cert", "tls.crt", "--kubeconfig", "config")
    ended = seal(*flags, given=secret_yaml(namespace=""), cwd=folder)
    assert (ended.code, ended.out) == (1, b"")
    assert ended.err.startswith("error: secret must declare a namespace\nhint: give --namespace; ")
    assert "config: " in ended.err
    assert "sesame" not in ended.err


def test_kubeconfig_is_not_looked_at_where_the_input_has_a_namespace(folder):
    flags = ("--cert", "tls.crt", "--kubeconfig", "/missing")
    ended = seal(*flags, given=secret_yaml(), cwd=folder)
    assert (ended.code, ended.err) == (0, "")
