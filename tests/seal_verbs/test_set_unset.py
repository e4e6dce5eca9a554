"""`seal set` and `seal unset`: one value, and every other byte as it was."""

from __future__ import annotations

import json
import stat

import pytest
import yaml

from tests.cli.kit import write
from tests.seal_verbs.kit import (
    encrypted,
    fingerprint,
    manifest,
    opened,
    run_seal,
    seal_process,
    sealed,
)

NOTE = "secretsync.io/sealed-with"
COMMENTED = """\
# Who may read this: the shop.
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata:
  name: db   # as the Deployment has it
  namespace: shop
spec:
  encryptedData:
    # rotated by hand
    password: {value}  # since May
"""


@pytest.fixture
def file(tmp_path):
    return write(tmp_path / "db.yaml", manifest({"password": b"old", "user": b"root"}))


def test_set_replaces_a_value_and_leaves_the_others(file, files):
    before = encrypted(file)
    ended = run_seal("set", file, "password", "--cert", files.cert, stdin=b"n\xffew")
    assert (ended.code, ended.out) == (0, "")
    assert "password replaced" in ended.err
    assert encrypted(file)["user"] == before["user"]
    assert opened(file) == {"password": b"n\xffew", "user": b"root"}


def test_set_of_a_new_key_adds_it(file, files):
    assert run_seal("set", file, "extra", "--cert", files.cert, stdin=b"x").code == 0
    assert opened(file) == {"password": b"old", "user": b"root", "extra": b"x"}


def test_set_keeps_comments_order_and_line_ends(tmp_path, files):
    file = tmp_path / "db.yaml"
    text = COMMENTED.format(value=sealed(b"old")).replace("\n", "\r\n").removesuffix("\r\n")
    file.write_bytes(text.encode())
    assert run_seal("set", file, "password", "--cert", files.cert, stdin=b"new").code == 0
    after = file.read_bytes().decode()
    value = encrypted(file)["password"]
    noted = f"  annotations:\r\n    {NOTE}: {fingerprint(files.cert)}\r\n"
    assert after == text.replace(sealed_text(text), value).replace("spec:", f"{noted}spec:")
    assert opened(file) == {"password": b"new"}


def sealed_text(text):
    return yaml.safe_load(text)["spec"]["encryptedData"]["password"]


def test_value_comes_from_a_file_as_it_is(file, files, tmp_path):
    value = tmp_path / "value"
    value.write_bytes(b"line\n\x00\n")
    ended = run_seal("set", file, "password", "--from-file", value, "--cert", files.cert)
    assert ended.code == 0
    assert opened(file)["password"] == b"line\n\x00\n"


@pytest.mark.parametrize(
    ("stdin", "warning"),
    [
        pytest.param(b"secret\n", "ends with a line break", id="line-break"),
        pytest.param(b"", "was empty", id="empty"),
        pytest.param(b"secret", "", id="plain"),
    ],
)
def test_what_is_seldom_meant_is_said_and_sealed(file, files, stdin, warning):
    ended = run_seal("set", file, "password", "--cert", files.cert, stdin=stdin)
    assert ended.code == 0
    assert ("warning" in ended.err) == bool(warning)
    assert warning in ended.err
    assert opened(file)["password"] == stdin


@pytest.mark.parametrize(
    ("annotations", "place"),
    [
        pytest.param({}, {}, id="strict"),
        pytest.param(
            {"sealedsecrets.bitnami.com/namespace-wide": "true"},
            {"scope": "namespace-wide", "name": ""},
            id="namespace-wide",
        ),
        pytest.param(
            {"sealedsecrets.bitnami.com/cluster-wide": "true"},
            {"scope": "cluster-wide", "name": "", "namespace": ""},
            id="cluster-wide",
        ),
    ],
)
def test_scope_is_the_objects_own(tmp_path, files, annotations, place):
    from sealing import Scope

    file = write(tmp_path / "s.yaml", manifest({}, annotations=annotations))
    assert run_seal("set", file, "k", "--cert", files.cert, stdin=b"v").code == 0
    place = {**place, **({"scope": Scope(place["scope"])} if place else {})}
    assert opened(file, **place) == {"k": b"v"}


def test_annotation_names_the_certificate_of_every_value(tmp_path, files):
    file = write(tmp_path / "s.yaml", manifest({}))
    notes = []
    for key, cert in (("a", files.cert), ("b", files.cert), ("b", files.new_cert)):
        run_seal("set", file, key, "--cert", cert, stdin=b"v")
        notes.append(yaml.safe_load(file.read_text())["metadata"]["annotations"][NOTE])
    old, new = fingerprint(files.cert), fingerprint(files.new_cert)
    assert notes == [old, old, ",".join(sorted((old, new)))]


def test_values_that_nobody_noted_are_told_as_unknown(file, files):
    run_seal("set", file, "extra", "--cert", files.cert, stdin=b"v")
    note = yaml.safe_load(file.read_text())["metadata"]["annotations"][NOTE]
    assert note == f"{fingerprint(files.cert)},unknown"


def test_json_stays_json(tmp_path, files):
    file = tmp_path / "s.json"
    file.write_text(json.dumps(manifest({"a": b"1"}), indent=2) + "\n")
    assert run_seal("set", file, "b", "--cert", files.cert, stdin=b"2").code == 0
    assert opened(file) == {"a": b"1", "b": b"2"}
    json.loads(file.read_text())


def test_mode_stays_and_a_link_keeps_pointing_at_the_file(file, files, tmp_path):
    file.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    assert run_seal("set", link, "password", "--cert", files.cert, stdin=b"new").code == 0
    assert link.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert opened(file)["password"] == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["db.yaml", "link.yaml"]


def test_one_of_several_documents_is_chosen_by_name_and_namespace(tmp_path, files):
    objects = [
        manifest({"k": b"0"}),
        manifest({"k": b"0"}, namespace="dev"),
        manifest({}, name="c"),
    ]
    file = write(tmp_path / "s.yaml", *objects)
    unclear = run_seal("set", file, "k", "--cert", files.cert, "--name", "db", stdin=b"1")
    assert unclear.code == 1
    assert "several SealedSecrets fit: shop/db, dev/db" in unclear.err
    arguments = ("--cert", files.cert, "--name", "db", "-n", "dev")
    assert run_seal("set", file, "k", *arguments, stdin=b"1").code == 0
    assert opened(file, document=0) == {"k": b"0"}
    assert opened(file, document=1, namespace="dev") == {"k": b"1"}


def test_object_in_a_list_is_changed_where_it_is(tmp_path, files):
    items = {"apiVersion": "v1", "kind": "List", "items": [manifest({"k": b"0"})]}
    file = write(tmp_path / "s.yaml", items)
    assert run_seal("set", file, "k", "--cert", files.cert, stdin=b"1").code == 0
    (item,) = yaml.safe_load(file.read_text())["items"]
    write(tmp_path / "item.yaml", item)
    assert opened(tmp_path / "item.yaml") == {"k": b"1"}


def test_missing_namespace_is_asked_for_and_never_guessed(tmp_path, files):
    file = write(tmp_path / "s.yaml", manifest({}, namespace=""))
    ended = run_seal("set", file, "k", "--cert", files.cert, stdin=b"1")
    assert ended.code == 1
    assert "metadata.namespace is missing" in ended.err
    assert run_seal("set", file, "k", "--cert", files.cert, "-n", "dev", stdin=b"1").code == 0
    assert opened(file, namespace="dev") == {"k": b"1"}


def test_unset_takes_the_entry_out_and_nothing_else(file):
    text = file.read_text()
    (line,) = [line for line in text.splitlines(keepends=True) if "password:" in line]
    ended = run_seal("unset", file, "password")
    assert (ended.code, ended.out) == (0, "")
    assert file.read_text() == text.replace(line, "")


def test_unset_at_the_end_of_mixed_line_breaks_leaves_the_comment_before_whole(tmp_path):
    head = (
        "apiVersion: bitnami.com/v1alpha1\r\nkind: SealedSecret\r\nmetadata: {name: db}\r\n"
        "spec:\n  encryptedData:\n    a: AgB\n    # about b\n"
    )
    file = tmp_path / "s.yaml"
    file.write_bytes((head + "    b: AgB").encode())
    assert run_seal("unset", file, "b").code == 0
    assert file.read_bytes().decode() == head.removesuffix("\n")


def test_unset_of_the_last_key_leaves_an_empty_map(tmp_path):
    file = write(tmp_path / "s.yaml", manifest({"k": b"v"}))
    assert run_seal("unset", file, "k").code == 0
    assert encrypted(file) == {}


REFUSED = {
    "alias": ("x: &v AgB\nspec: {encryptedData: {k: *v}}", "is an alias"),
    "shared": ("spec: &s {encryptedData: {k: AgB}}\nother: *s", "used in other places"),
    "merge": ("b: &b {encryptedData: {k: AgB}}\nspec:\n  <<: *b", "merge key"),
    "list": ("spec: {encryptedData: {k: [AgB]}}", "is a map or a list"),
    "no-map": ("spec: {encryptedData: AgB}", "must be a mapping"),
    "old-form": ("spec: {data: AgB}", "the old form"),
    "repeated": ("spec: {encryptedData: {k: AgB, k: AgB}}", "given twice"),
    "broken": ("spec: {", "not valid YAML"),
}


@pytest.mark.parametrize(("spec", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_changed_in_place_is_refused(tmp_path, files, spec, reason):
    head = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\n"
    file = tmp_path / "s.yaml"
    file.write_text(f"{head}metadata: {{name: db, namespace: shop}}\n{spec}\n")
    before = file.read_bytes()
    ended = run_seal("set", file, "k", "--cert", files.cert, stdin=b"hunter2")
    assert ended.code == 1
    assert f"seal: error: {file}:" in ended.err
    assert reason in ended.err
    assert "hint: " in ended.err
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        pytest.param(["missing.yaml", "k"], 1, "cannot be read", id="no-file"),
        pytest.param(["-", "k"], 1, "in place", id="stdin-as-file"),
        pytest.param(["{file}", "a b"], 1, "none that a Secret can have", id="bad-key"),
        pytest.param(["{file}", "..x"], 1, "none that a Secret can have", id="dots"),
        pytest.param(["{file}"], 2, "KEY", id="no-key"),
        pytest.param(["{file}", "k", "value"], 2, "arguments", id="value-as-argument"),
        pytest.param(["{file}", "k", "--name", "x"], 1, "no SealedSecret of that name", id="name"),
        pytest.param(["{file}", "k", "--from-file", "/nope"], 1, "cannot be read", id="no-value"),
    ],
)
def test_bad_call_ends_with_its_code(file, files, arguments, code, reason):
    before = file.read_bytes()
    shown = [argument.format(file=file) for argument in arguments]
    ended = run_seal("set", *shown, "--cert", files.cert, stdin=b"x")
    assert (ended.code, ended.out) == (code, "")
    assert reason in ended.err
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["{file}", "k"], 0, id="good"),
        pytest.param(["{file}.none", "k"], 1, id="failed"),
        pytest.param(["{file}"], 2, id="usage"),
    ],
)
def test_process_ends_with_the_code(file, files, arguments, code):
    shown = [argument.format(file=file) for argument in arguments]
    assert seal_process("set", *shown, "--cert", files.cert, stdin=b"x").code == code


def test_expired_certificate_seals_nothing(file, files):
    before = file.read_bytes()
    ended = run_seal("set", file, "k", "--cert", files.expired_cert, stdin=b"x")
    assert ended.code == 1
    assert "expired certificate" in ended.err
    assert file.read_bytes() == before


def test_unset_of_an_absent_key_names_those_that_are_there(file):
    ended = run_seal("unset", file, "nope")
    assert ended.code == 1
    assert "its keys: password, user" in ended.err
