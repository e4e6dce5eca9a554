"""`seal files`: many manifests in one process; a bad one stops only itself."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import yaml

from sealing import unseal_manifest
from tests.cli.kit import snapshot, write
from tests.seal_verbs.kit import fingerprint, opened, run_seal
from tests.sealing.kit import vector_key

NOTE = "secretsync.io/sealed-with"


def secret(name="db", *, namespace="shop", **fields):
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    fields = fields or {"stringData": {"k": "v"}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **fields}


CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}   # as it is\n"


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "plain"
    write(folder / "one.yaml", secret())
    write(folder / "deep" / "two.yaml", CONFIG_MAP, secret("web", data={"b": "/w=="}))
    (folder / "three.json").write_text(json.dumps(secret("j", type="kubernetes.io/tls", data={})))
    (folder / "three.json").write_text(json.dumps(secret("j", stringData={"x": "y"})))
    write(folder / "cm.yaml", CONFIG_MAP)
    return folder


def test_folder_is_sealed_into_another_and_stays_itself(tree, files, tmp_path):
    before, out = snapshot(tree), tmp_path / "out"
    ended = run_seal("files", tree, "--output-dir", out, "--cert", files.cert)
    assert ended.code == 0
    assert "3 sealed, 0 failed; 3 values sealed" in ended.out
    assert "3 plaintext files are still where they were" in ended.err
    assert snapshot(tree) == before
    found = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert found == {"one.yaml", "deep/two.yaml", "three.json"}
    assert opened(out / "one.yaml") == {"k": b"v"}
    assert opened(out / "deep" / "two.yaml", document=1, name="web") == {"b": b"\xff"}
    assert opened(out / "three.json", name="j") == {"x": b"y"}


def test_other_documents_and_comments_between_stay(tree, files):
    file = tree / "deep" / "two.yaml"
    head = f"# head\n{CONFIG_MAP}---\n# of the secret\n".replace("\n", "\r\n")
    tail = "\r\n# between\r\n---\r\nkind: Other\r\n"
    body = yaml.safe_dump(secret()).replace("\n", "\r\n").rstrip()
    file.write_bytes((head + body + tail).encode())
    assert run_seal("files", file, "--in-place", "--cert", files.cert).code == 0
    after = file.read_bytes().decode()
    assert after.startswith(head)
    assert after.endswith(tail)
    assert "\n" not in after.replace("\r\n", "")
    assert opened(file, document=1) == {"k": b"v"}


def test_in_place_replaces_and_keeps_the_mode(tree, files):
    file = tree / "one.yaml"
    file.chmod(0o640)
    ended = run_seal("files", tree, "--in-place", "--cert", files.cert)
    assert ended.code == 0
    assert "the plaintext is gone" in ended.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    sealed = yaml.safe_load(file.read_text())
    assert sealed["kind"] == "SealedSecret"
    assert sealed["metadata"]["annotations"] == {NOTE: fingerprint(files.cert)}
    made = unseal_manifest(sealed, [vector_key()])
    assert made["data"] == {"k": "dg=="}
    assert NOTE not in made["metadata"].get("annotations", {})


def test_bad_file_stops_only_itself(tree, files):
    bad = write(tree / "bad.yaml", secret("x", data={"k": "not base64!"}), secret("y"))
    before = bad.read_bytes()
    ended = run_seal("files", tree, "--in-place", "--cert", files.cert)
    assert ended.code == 1
    assert "3 sealed, 1 failed" in ended.out
    assert f"{bad}:1: Secret shop/x: data.k: illegal base64" in ended.err
    assert bad.read_bytes() == before


BAD = {
    "no-namespace": (secret(namespace=""), "must declare a namespace"),
    "no-name": ({"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "b"}}, "metadata.name"),
    "empty": (secret(stringData={}), "secret.data is empty"),
    "number": (secret(stringData={"k": 1.5}), "stringData.k: must be text"),
    "list": ({"kind": "List", "apiVersion": "v1", "items": [secret()]}, "is an entry of a List"),
    "broken": ("kind: Secret\na: [", "not valid YAML"),
}


@pytest.mark.parametrize(("content", "reason"), BAD.values(), ids=BAD)
def test_what_cannot_be_sealed_is_named_and_left(tmp_path, files, content, reason):
    file = write(tmp_path / "s.yaml", content)
    before = file.read_bytes()
    ended = run_seal("files", file, "--in-place", "--cert", files.cert, "-o", "json")
    assert ended.code == 1
    assert f"{file}" in ended.err
    assert reason in ended.err
    assert ended.json["files"][0]["status"] == "failed"
    assert file.read_bytes() == before


def test_namespace_scope_and_empty_data_are_taken_from_the_flags(tmp_path, files):
    file = write(tmp_path / "s.yaml", secret(namespace="", stringData={}))
    arguments = ("--in-place", "--cert", files.cert, "-n", "dev", "--scope", "namespace-wide")
    assert run_seal("files", file, *arguments, "--allow-empty-data").code == 0
    metadata = yaml.safe_load(file.read_text())["metadata"]
    assert metadata["namespace"] == "dev"
    assert metadata["annotations"] == {"sealedsecrets.bitnami.com/namespace-wide": "true"}


def test_output_never_replaces_an_input_or_a_foreign_file(tree, files, tmp_path):
    assert (
        "would replace an input"
        in run_seal("files", tree, "--output-dir", tree, "--cert", files.cert).err
    )
    foreign = write(tmp_path / "out" / "one.yaml", "mine: true\n")
    ended = run_seal(
        "files", tree / "one.yaml", "--output-dir", foreign.parent, "--cert", files.cert
    )
    assert ended.code == 1
    assert "exists, and holds no SealedSecret" in ended.err
    assert foreign.read_text() == "mine: true\n"


def test_two_inputs_of_one_name_do_not_replace_each_other(tmp_path, files):
    one = write(tmp_path / "a" / "s.yaml", secret())
    two = write(tmp_path / "b" / "s.yaml", secret("other"))
    ended = run_seal("files", one, two, "--output-dir", tmp_path / "out", "--cert", files.cert)
    assert ended.code == 1
    assert "another input has the same name" in ended.err
    assert opened(tmp_path / "out" / "s.yaml") == {"k": b"v"}


def test_sealed_output_is_sealed_anew_on_the_next_run(tree, files, tmp_path):
    arguments = ("files", tree, "--output-dir", tmp_path / "out", "--cert", files.cert)
    assert [run_seal(*arguments).code for _ in range(2)] == [0, 0]


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        pytest.param(["{tree}"], 2, "--in-place --output-dir is required", id="nowhere"),
        pytest.param(["{tree}", "--in-place", "--output-dir", "x"], 2, "not allowed", id="both"),
        pytest.param(["{tree}/cm.yaml", "--in-place"], 1, "no Secret was found", id="nothing"),
        pytest.param(["/nope", "--in-place"], 1, "it does not exist", id="missing"),
    ],
)
def test_bad_call_ends_with_its_code(tree, files, arguments, code, reason):
    shown = [argument.format(tree=tree) for argument in arguments]
    ended = run_seal("files", *shown, "--cert", files.cert)
    assert ended.code == code
    assert reason in ended.err


def test_files_of_one_run_are_readable_by_whom_the_umask_lets(tree, files, tmp_path):
    out = tmp_path / "out"
    run_seal("files", tree, "--output-dir", out, "--cert", files.cert)
    umask = int(Path("/proc/self/status").read_text().split("Umask:")[1].split()[0], 8)
    assert stat.S_IMODE((out / "one.yaml").stat().st_mode) == 0o666 & ~umask
