"""Where kubeseal is quietly wrong: what it does, and what `seal` does instead.

Each test runs both, so that a difference which kubeseal gives up is noticed here.
"""

from __future__ import annotations

import base64
import json
import subprocess

import pytest
import yaml

from sealing import unseal_manifest
from tests.seal.dropin_kit import Verifying, key_files, kubeseal, seal, secret_yaml
from tests.sealing.kit import vector_key
from tests.support.service_proxy import service_proxy
from tests.support.tools import tool_path

pytestmark = pytest.mark.built("kubeseal")

CANARY = "correct-horse-battery"


@pytest.fixture
def folder(tmp_path):
    key_files(tmp_path)
    return tmp_path


def both(folder, *arguments, given=b"", **options):
    flags = ("--cert", "tls.crt", *arguments)
    return [program(*flags, given=given, cwd=folder, **options) for program in (seal, kubeseal)]


def opened(manifest):
    data = unseal_manifest(manifest, [vector_key()])["data"]
    return {key: base64.b64decode(value) for key, value in data.items()}


def sealed(folder, *arguments, given):
    ended = seal("--cert", "tls.crt", *arguments, given=given, cwd=folder)
    assert ended.code == 0, ended.err
    return ended.out


@pytest.mark.parametrize(
    ("given", "line"),
    [
        pytest.param(b"foo\n---\n" + secret_yaml(), 1, id="text-before"),
        pytest.param(secret_yaml() + b"---\n[1, 2]\n", 9, id="list-behind"),
        pytest.param(secret_yaml() + b"---\na: [\n", 10, id="broken-behind"),
        pytest.param(secret_yaml() + b"...\nfoo\n", 9, id="behind-the-end"),
    ],
)
def test_document_that_is_no_object_fails_the_call(folder, given, line):
    ours, theirs = both(folder, given=given)
    assert (theirs.code, theirs.err) == (0, ""), "kubeseal skips it"
    assert (ours.code, ours.out) == (1, b"")
    assert ours.err.startswith(f"error: <stdin>: line {line}: ")


def test_garbage_behind_json_documents_fails_the_call(folder):
    """Kubeseal reads it again and again, for ever."""
    one = json.dumps({"metadata": {"name": "n1", "namespace": "a"}, "data": {"k": "dg=="}})
    given = f"{one}\n{one}\ngarbage".encode()
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(
            [tool_path("kubeseal"), "--cert", folder / "tls.crt"],
            input=given,
            capture_output=True,
            timeout=2,
            check=False,
        )
    ours = seal("--cert", "tls.crt", given=given, cwd=folder)
    assert (ours.code, ours.out) == (1, b"")
    assert ours.err.startswith("error: <stdin>: line ")


def test_nothing_is_written_when_a_later_document_fails(folder):
    given = secret_yaml() + b"---\n" + b"metadata: {name: db, namespace: a}\n"
    ours, theirs = both(folder, given=given)
    assert theirs.code == ours.code == 1
    assert b"SealedSecret" in theirs.out
    assert ours.out == b""
    assert ours.err.startswith("error: <stdin>: document 2: secret.data is empty")


def test_list_is_taken_apart(folder):
    items = [{"metadata": {"name": name, "namespace": "a"}, "data": {"k": "dg=="}} for name in "xz"]
    given = json.dumps({"apiVersion": "v1", "kind": "List", "items": items}).encode()
    ours, theirs = both(folder, "-oyaml", given=given)
    assert theirs.code == 1
    assert ours.code == 0
    names = [part["metadata"]["name"] for part in yaml.safe_load_all(ours.out)]
    assert names == ["x", "z"]


@pytest.mark.parametrize(
    ("values", "field", "kind"),
    [
        pytest.param({"pin": "1.50"}, "stringData.pin", "a number", id="float"),
        pytest.param({"pin": "010"}, "stringData.pin", "a number", id="octal"),
        pytest.param({"pin": "yes"}, "stringData.pin", "true or false", id="word"),
    ],
)
def test_text_that_yaml_changes_is_named_without_its_value(folder, values, field, kind):
    ours, theirs = both(folder, given=secret_yaml(**values))
    assert (theirs.code, theirs.err) == (0, "")
    assert ours.code == 0
    assert opened(json.loads(ours.out)) == opened(json.loads(theirs.out))
    assert f"warning: <stdin>: line 7: {field} is {kind} as written" in ours.err
    assert values["pin"] not in ours.err.replace("1.1", "")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param(secret_yaml(k="~"), "stringData.k is null", id="null"),
        pytest.param(
            secret_yaml().replace(b"kind: Secret", b"kind: ConfigMap"),
            "is of kind ConfigMap",
            id="other-kind",
        ),
        pytest.param(
            secret_yaml(**{"1": "v"}), "line 7: the key 1 is no text as written", id="number-as-key"
        ),
    ],
)
def test_input_that_is_probably_meant_otherwise_is_warned_of(folder, given, says):
    ours, theirs = both(folder, given=given)
    assert (theirs.code, theirs.err) == (0, "")
    assert opened(json.loads(ours.out)) == opened(json.loads(theirs.out))
    assert says in ours.err


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(secret_yaml(k="v") + b"  k: w\n", id="yaml"),
        pytest.param(
            b'{"metadata":{"name":"web","namespace":"a"},"data":{"k":"dg==","k":"dw=="}}', id="json"
        ),
    ],
)
def test_key_given_twice_is_refused_for_one_value_would_be_lost(folder, given):
    ours, theirs = both(folder, given=given)
    assert theirs.code == 0
    assert (ours.code, ours.out) == (1, b"")
    assert 'the key "k" is given twice' in ours.err


def test_strict_scope_that_is_asked_for_in_vain_is_warned_of(folder):
    annotated = b"  annotations: {sealedsecrets.bitnami.com/cluster-wide: 'true'}\nstringData"
    given = secret_yaml().replace(b"stringData", annotated)
    ours, theirs = both(folder, "--scope", "strict", given=given)
    assert json.loads(ours.out)["metadata"] == json.loads(theirs.out)["metadata"]
    assert theirs.err == ""
    assert "--scope strict does not undo" in ours.err


@pytest.mark.parametrize("given", [b"", b"---\n", b"garbage"])
def test_validate_of_nothing_is_no_success(folder, given):
    with service_proxy() as double:
        double.answers["/v1/verify"] = 200, b""
        flags = ("--validate", "--server", double.url)
        ours, theirs = both(folder, *flags, given=given)
    assert theirs.code == 0
    assert ours.code == 1
    assert "error: <stdin>: " in ours.err


@pytest.mark.parametrize("mode", ["validate", "merge-into"])
def test_output_file_of_a_mode_without_output_is_left_alone(folder, mode):
    given = {"validate": sealed(folder, given=secret_yaml()), "merge-into": secret_yaml(z="w")}[
        mode
    ]
    for program in (seal, kubeseal):
        (folder / "out").write_text("old")
        (folder / "file").write_bytes(sealed(folder, given=secret_yaml()))
        with service_proxy() as double:
            double.answers["/v1/verify"] = 200, b""
            flags = ("--server", double.url, "-w", "out", "--cert", "tls.crt")
            chosen = ("--validate",) if mode == "validate" else ("--merge-into", "file")
            ended = program(*flags, *chosen, given=given, cwd=folder)
        assert ended.code == 0, ended.err
        assert (folder / "out").read_text() == ("old" if program is seal else "")


def test_re_encrypt_keeps_template_labels_and_type(folder):
    """What comes back is what a real controller of 0.36 makes of such an object."""
    manifest = json.loads(sealed(folder, given=secret_yaml()))
    manifest["spec"]["template"] |= {"type": "x/y", "data": {"t": "{{ .k }}"}}
    manifest["spec"]["template"]["metadata"]["labels"] = {"app": "x"}
    rotated = {"metadata": manifest["metadata"], "spec": {"encryptedData": {"k": "AgB=", "t": "x"}}}
    with service_proxy() as double:
        double.answers["/v1/rotate"] = 200, json.dumps(rotated).encode()
        given = json.dumps(manifest).encode()
        ours, theirs = both(folder, "--re-encrypt", "--server", double.url, given=given)
    assert json.loads(theirs.out)["spec"].get("template", {}).get("data") is None
    assert json.loads(ours.out)["spec"] == manifest["spec"] | {"encryptedData": {"k": "AgB="}}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"name": "other"}, id="name"),
        pytest.param({"namespace": "other"}, id="namespace"),
        pytest.param(
            {"annotations": {"sealedsecrets.bitnami.com/cluster-wide": "true"}}, id="wider-scope"
        ),
    ],
)
def test_re_encrypt_refuses_an_answer_for_another_place(folder, change):
    manifest = json.loads(sealed(folder, given=secret_yaml()))
    rotated = manifest | {"metadata": manifest["metadata"] | change}
    (folder / "file").write_text(json.dumps(manifest))
    with service_proxy() as double:
        double.answers["/v1/rotate"] = 200, json.dumps(rotated).encode()
        ended = seal("--re-encrypt", "--server", double.url, "-f", "file", cwd=folder)
    assert ended.code == 1
    assert "sealed it for another name, namespace or scope" in ended.err
    assert json.loads((folder / "file").read_text()) == manifest


def test_rotate_notice_does_not_land_in_the_output(folder):
    ours, theirs = both(folder, "--rotate=false", given=secret_yaml())
    assert theirs.out.startswith(b"Flag --rotate has been deprecated")
    assert json.loads(ours.out)["kind"] == "SealedSecret"
    assert "Flag --rotate has been deprecated, please use --re-encrypt instead" in ours.err


def test_merge_into_a_wider_scope_seals_for_that_scope(folder):
    results = []
    for program in (seal, kubeseal):
        (folder / "file").write_bytes(sealed(folder, "--scope=cluster-wide", given=secret_yaml()))
        flags = ("--cert", "tls.crt", "--merge-into", "file")
        assert program(*flags, given=secret_yaml(new="w"), cwd=folder).code == 0
        results.append(json.loads((folder / "file").read_text()))
    assert opened(results[0]) == {"k": b"v", "new": b"w"}
    with pytest.raises(Exception, match=r"no key could decrypt secret \(new\)"):
        opened(results[1])


@pytest.mark.parametrize(
    ("file_scope", "flags", "annotation"),
    [
        pytest.param("strict", ("--scope=cluster-wide",), b"", id="flag"),
        pytest.param("cluster-wide", ("--scope=strict",), b"", id="narrower-flag"),
        pytest.param("strict", (), b"namespace-wide", id="annotation"),
    ],
)
def test_merge_of_a_value_that_would_never_open_is_refused(folder, file_scope, flags, annotation):
    before = sealed(folder, "--scope", file_scope, given=secret_yaml())
    (folder / "file").write_bytes(before)
    given = secret_yaml(new="w")
    if annotation:
        line = b"  annotations: {sealedsecrets.bitnami.com/%b: 'true'}\nstringData" % annotation
        given = given.replace(b"stringData", line)
    ended = seal("--cert", "tls.crt", "--merge-into", "file", *flags, given=given, cwd=folder)
    assert (ended.code, ended.out) == (1, b"")
    assert "would never open in it" in ended.err
    assert (folder / "file").read_bytes() == before


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param(("spec", "encryptedData"), id="values"),
        pytest.param(("spec", "template", "metadata", "labels"), id="labels"),
        pytest.param(("spec", "template"), id="template"),
    ],
)
def test_merge_into_a_file_that_lacks_a_map_makes_it(folder, missing):
    labelled = secret_yaml().replace(b"stringData", b"  labels: {x: z}\nstringData")
    manifest = json.loads(sealed(folder, given=labelled))
    parent = manifest
    for key in missing[:-1]:
        parent = parent[key]
    del parent[missing[-1]]
    (folder / "file").write_text(json.dumps(manifest))
    theirs = kubeseal("--cert", "tls.crt", "--merge-into", "file", given=labelled, cwd=folder)
    (folder / "file").write_text(json.dumps(manifest))
    ours = seal("--cert", "tls.crt", "--merge-into", "file", given=labelled, cwd=folder)
    assert theirs.code == 2, "kubeseal panics"
    assert ours.code == 0, ours.err
    after = json.loads((folder / "file").read_text())
    assert opened(after) == {"k": b"v"}
    assert after["spec"]["template"]["metadata"]["labels"] == {"x": "z"}


@pytest.mark.parametrize("where", ["file", "input"])
def test_merge_of_several_documents_is_refused_for_all_but_one_would_be_lost(folder, where):
    one = sealed(folder, "-oyaml", given=secret_yaml())
    (folder / "file").write_bytes(one * 2 if where == "file" else one)
    before = (folder / "file").read_bytes()
    given = secret_yaml(z="w") + (b"---\n" + secret_yaml(y="x") if where == "input" else b"")
    ended = seal("--cert", "tls.crt", "-oyaml", "--merge-into", "file", given=given, cwd=folder)
    assert ended.code == 1
    assert "--merge-into takes one document, and here are 2" in ended.err
    assert (folder / "file").read_bytes() == before


def test_merge_that_turns_yaml_into_json_says_so(folder):
    (folder / "file").write_bytes(sealed(folder, "-oyaml", given=secret_yaml()))
    ours = seal("--cert", "tls.crt", "--merge-into", "file", given=secret_yaml(), cwd=folder)
    assert ours.code == 0
    assert "file was YAML and is JSON from now on" in ours.err
    assert (folder / "file").read_bytes().startswith(b"{")


def test_recovery_of_nothing_is_no_success(folder):
    flags = ("--recovery-unseal", "--recovery-private-key", "tls.key")
    ours, theirs = both(folder, *flags)
    assert theirs.code == 0
    assert (ours.code, ours.out) == (1, b"")


def test_recovery_opens_every_document_and_writes_empty_values_as_text(folder):
    given = secret_yaml(k='""') + b"---\n" + secret_yaml(name="db")
    manifests = sealed(folder, "-oyaml", given=given)
    flags = ("--recovery-unseal", "--recovery-private-key", "tls.key", "-oyaml")
    ours, theirs = both(folder, *flags, given=manifests)
    assert [part["data"] for part in yaml.safe_load_all(ours.out)] == [{"k": ""}, {"k": "dg=="}]
    assert [part["data"] for part in yaml.safe_load_all(theirs.out)] == [{"k": None}]


def test_recovery_with_a_file_that_holds_no_key_names_the_file(folder):
    (folder / "junk").write_text("# nothing\n")
    given = sealed(folder, given=secret_yaml())
    flags = ("--recovery-unseal", "--recovery-private-key", "junk")
    ended = seal(*flags, given=given, cwd=folder)
    assert (ended.code, ended.out) == (1, b"")
    assert ended.err.startswith("error: junk: there is no private key")


def test_recovered_secret_is_the_one_of_kubeseal_byte_for_byte(folder):
    labelled = secret_yaml().replace(b"stringData", b"  labels: {x: '<1>'}\nstringData")
    given = sealed(folder, given=labelled + b"type: a/b\nimmutable: true\n")
    for form in ("json", "yaml"):
        flags = ("--recovery-unseal", "--recovery-private-key", "tls.key", "-o", form)
        ours, theirs = both(folder, *flags, given=given)
        assert ours.out == theirs.out != b""


@pytest.mark.parametrize(
    ("flags", "given"),
    [
        pytest.param((), f"data: {{k: '{CANARY}'}}\nmetadata: {{name: n}}", id="not-base64"),
        pytest.param((), f"stringData:\n  k: [{CANARY}]\nmetadata: {{name: n}}", id="not-text"),
        pytest.param((), f"stringData:\n\tk: {CANARY}\n", id="tab"),
        pytest.param((), f'{{"stringData": {{"k": "{CANARY}", }}', id="json"),
        pytest.param((), f"{CANARY}\n", id="no-object"),
        pytest.param((), f"stringData: {{k: {CANARY}}}\nmetadata: {{name: n}}", id="no-namespace"),
        pytest.param(("--raw", "-n", "a"), CANARY, id="raw"),
        pytest.param(("--recovery-unseal",), f"kind: {CANARY}x\ndata: {CANARY}", id="recovery"),
    ],
)
def test_failure_shows_nothing_of_what_was_to_be_sealed(folder, flags, given):
    ended = seal("--cert", "tls.crt", *flags, given=given.encode(), cwd=folder)
    assert (ended.code, ended.out) == (1, b"")
    hidden = ended.err.replace(f'"{CANARY}x"', "")  # a kind is no value
    assert CANARY not in hidden
    assert "Traceback" not in ended.err
    assert sorted(path.name for path in folder.iterdir()) == ["tls.crt", "tls.key"]


def test_pipe_of_the_guide_works_with_seal_in_place_of_kubeseal(folder):
    """What `kubectl create secret generic … --dry-run=client -o yaml` prints, piped on."""
    printed = (
        "apiVersion: v1\ndata:\n  password: c3VwZXJzZWNyZXQ=\n  username: YWRtaW4=\n"
        "kind: Secret\nmetadata:\n  creationTimestamp: null\n  name: database-credentials\n"
        "  namespace: production\n"
    )
    for program in (seal, kubeseal):
        env = {"SEALED_SECRETS_CERT": str(folder / "tls.crt")}
        ended = program("--format", "yaml", given=printed.encode(), env=env)
        assert (ended.code, ended.err) == (0, "")
        (folder / f"{program.__name__}.yaml").write_bytes(ended.out)
    flags = ("--recovery-unseal", "--recovery-private-key", folder / "tls.key")
    recovered = [
        kubeseal(*flags, given=(folder / f"{name}.yaml").read_bytes()).out
        for name in ("seal", "kubeseal")
    ]
    assert recovered[0] == recovered[1]
    data = json.loads(recovered[0])["data"]
    assert data == {"password": "c3VwZXJzZWNyZXQ=", "username": "YWRtaW4="}


def test_output_of_seal_is_good_to_the_real_kubeseals_validate(folder):
    """By a double that opens what it is sent, as the controller does."""
    for flags in ((), ("--scope", "namespace-wide"), ("--scope", "cluster-wide")):
        made = sealed(folder, "-oyaml", *flags, given=secret_yaml())
        moved = made.replace(b"namespace: a", b"namespace: b")
        with service_proxy() as double:
            double.answers = Verifying(double)
            checks = [
                kubeseal("--validate", "--server", double.url, given=text) for text in (made, moved)
            ]
        assert [ended.code for ended in checks] == [0, int("cluster-wide" not in flags)]


@pytest.mark.parametrize(
    ("data", "values", "theirs"),
    [
        pytest.param({"t": "{{ .k | upper }}!"}, {"k": b"v", "t": b"V!"}, True, id="rendered"),
        pytest.param({"k": "template"}, {"k": b"v"}, False, id="encrypted-value-wins"),
        pytest.param({"k": None}, {}, False, id="null-leaves-out"),
    ],
)
def test_templates_are_rendered_when_recovering_as_v0_40_does(folder, data, values, theirs):
    """The pinned kubeseal is older: there, a template wins over the encrypted value."""
    manifest = json.loads(sealed(folder, given=secret_yaml()))
    manifest["spec"]["template"]["data"] = data
    flags = ("--recovery-unseal", "--recovery-private-key", "tls.key")
    found = [
        {key: base64.b64decode(value or "") for key, value in json.loads(ended.out)["data"].items()}
        for ended in both(folder, *flags, given=json.dumps(manifest).encode())
    ]
    assert found[0] == values
    assert (found[1] == values) is theirs
