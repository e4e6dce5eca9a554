"""`seal rotate`: a repository to a new key, whole files, resumable, no scope widened."""

from __future__ import annotations

import json

import pytest
import yaml

from sealing import Scope, seal_value, unseal_value
from secretsync.cli.seal.manifest_text import parse_manifest_text
from secretsync.cli.seal.resealing import ControllerResealer
from secretsync.cli.seal.sealed_objects import sealed_objects
from secretsync.errors import ClusterError
from tests.cli.kit import write
from tests.seal_verbs.kit import (
    NOW,
    current,
    encrypted,
    fingerprint,
    key_list,
    manifest,
    opened,
    run_seal,
)
from tests.sealing.kit import key_object, other_key, vector_key

NOTE = "secretsync.io/sealed-with"
WIDE = {"sealedsecrets.bitnami.com/namespace-wide": "true"}


@pytest.fixture
def repo(tmp_path):
    """Three files of SealedSecrets among others."""
    folder = tmp_path / "repo"
    write(folder / "a" / "db.yaml", manifest({"password": b"one", "user": b"two"}))
    write(folder / "b" / "two.yaml", manifest({"k": b"3"}, annotations=WIDE), manifest({"l": b"4"}))
    (folder / "c.json").write_text(json.dumps(manifest({"m": b"5"})))
    write(folder / "chart.yaml", "kind: {{ .Values.kind }}\n")
    write(folder / "cm.yaml", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})
    return folder


def rotate(repo, files, *more):
    return run_seal("rotate", repo, "--sealing-key", files.key, "--cert", files.new_cert, *more)


def test_every_value_opens_with_the_new_key_and_the_file_says_so(repo, files):
    ended = rotate(repo, files)
    assert ended.code == 0
    assert "3 rotated, 0 skipped, 0 failed; 5 values sealed" in ended.out
    new = other_key()
    assert opened(repo / "a" / "db.yaml", key=new) == {"password": b"one", "user": b"two"}
    wide = {"scope": Scope.NAMESPACE_WIDE, "name": ""}
    assert opened(repo / "b" / "two.yaml", key=new, **wide) == {"k": b"3"}
    assert opened(repo / "b" / "two.yaml", key=new, document=1) == {"l": b"4"}
    assert opened(repo / "c.json", key=new) == {"m": b"5"}
    first = yaml.safe_load((repo / "a" / "db.yaml").read_text())
    assert first["metadata"]["annotations"] == {NOTE: fingerprint(files.new_cert)}


def test_everything_but_values_and_annotation_stays(repo, files):
    file = repo / "a" / "db.yaml"
    text = f"# mine\n{file.read_text()}  template:   {{type: Opaque}}   # tpl\n"
    file.write_text(text)
    before = encrypted(file)
    rotate(repo, files)
    after = file.read_text()
    for key, value in encrypted(file).items():
        after = after.replace(value, before[key])
    note = f"  annotations:\n    {NOTE}: {fingerprint(files.new_cert)}\n"
    assert after.replace(note, "") == text


def test_second_run_skips_what_the_first_has_done(repo, files):
    rotate(repo, files)
    state = {path: path.read_bytes() for path in repo.rglob("*") if path.is_file()}
    ended = rotate(repo, files, "-o", "json")
    assert ended.code == 0
    assert ended.json["summary"] == {"rotated": 0, "skipped": 3, "failed": 0, "values": 0}
    assert {path: path.read_bytes() for path in repo.rglob("*") if path.is_file()} == state


def test_new_private_key_tells_what_is_done_without_annotation(repo, files):
    rotate(repo, files)
    file = repo / "c.json"
    obj = json.loads(file.read_text())
    del obj["metadata"]["annotations"]
    file.write_text(json.dumps(obj))
    assert rotate(file, files).code == 1, "the old key alone cannot tell"
    ended = rotate(repo, files, "--sealing-key", files.new_key)
    assert (ended.code, "0 rotated, 3 skipped" in ended.out) == (0, True)


def test_new_private_key_finds_a_value_that_the_annotation_hides(repo, files):
    rotate(repo, files)
    file = repo / "a" / "db.yaml"
    lie = yaml.safe_load(file.read_text())
    lie["spec"]["encryptedData"]["user"] = manifest({"u": b"late"})["spec"]["encryptedData"]["u"]
    write(file, lie)
    kept = encrypted(file)["password"]
    ended = rotate(repo, files, "--sealing-key", files.new_key)
    assert "1 rotated, 2 skipped, 0 failed; 1 values" in ended.out
    assert encrypted(file)["password"] == kept
    assert opened(file, key=other_key())["user"] == b"late"


def test_file_with_one_value_that_does_not_open_is_left_as_it_is(repo, files):
    file = repo / "b" / "two.yaml"
    file.write_text(file.read_text().replace("name: db", "name: moved"))
    before = file.read_bytes()
    ended = rotate(repo, files)
    assert ended.code == 1
    assert "2 rotated, 0 skipped, 1 failed" in ended.out
    assert f"{file}:" in ended.err
    assert "no key could decrypt secret (l)" in ended.err
    assert file.read_bytes() == before
    file.write_text(file.read_text().replace("name: moved", "name: db"))
    assert "1 rotated, 2 skipped, 0 failed" in rotate(repo, files).out


@pytest.mark.parametrize("spec", [None, {}, {"encryptedData": None}, {"encryptedData": {}}])
def test_object_without_values_is_skipped(tmp_path, files, spec):
    file = write(tmp_path / "s.yaml", {**manifest({}), "spec": spec})
    before = file.read_bytes()
    assert "0 rotated, 1 skipped, 0 failed" in rotate(file, files).out
    assert run_seal("check", file).code == 0
    assert file.read_bytes() == before


def test_template_that_is_wider_than_its_object_is_refused(tmp_path, files):
    template = {"metadata": {"annotations": {"sealedsecrets.bitnami.com/cluster-wide": "true"}}}
    file = write(tmp_path / "s.yaml", manifest({"k": b"v"}, template=template))
    before = file.read_bytes()
    ended = rotate(file, files)
    assert ended.code == 1
    assert "asks for scope cluster-wide" in ended.err
    assert file.read_bytes() == before


def test_old_form_is_rotated_as_one_blob(tmp_path, files):
    secret = {"kind": "Secret", "apiVersion": "v1", "data": {"k": "dg=="}}
    blob = seal_value(
        json.dumps(secret).encode(), current(vector_key()), now=NOW, namespace="shop", name="db"
    )
    obj = manifest({})
    obj["spec"] = {"data": blob}
    file = write(tmp_path / "s.yaml", obj)
    assert rotate(file, files).code == 0
    text = yaml.safe_load(file.read_text())["spec"]["data"]
    plain = unseal_value(text, [other_key()], namespace="shop", name="db")
    assert json.loads(plain) == secret


@pytest.mark.parametrize("form", ["pem", "secret", "list", "json"])
def test_private_keys_come_in_every_form_of_a_backup(repo, files, tmp_path, form):
    key = tmp_path / "key"
    secret = key_object("k", vector_key(), status="compromised")
    content = {
        "pem": vector_key().reveal_pem().decode(),
        "secret": yaml.safe_dump(secret),
        "list": yaml.safe_dump(key_list(other_key(1), vector_key())),
        "json": json.dumps(secret),
    }
    key.write_text(content[form])
    ended = run_seal("rotate", repo, "--sealing-key", key, "--cert", files.new_cert)
    assert ended.code == 0, ended.err


def test_keys_of_a_cluster_open_and_its_newest_seals(repo, files, tmp_path):
    root = tmp_path / "cluster"
    secrets = root / "kube-system" / "secrets"
    secrets.mkdir(parents=True, mode=0o700)
    for name, key, more in (
        ("old", vector_key(), {"status": "compromised"}),
        ("new", other_key(), {"end": NOW.replace(year=NOW.year + 1)}),
    ):
        file = write(secrets / f"{name}.yaml", key_object(name, key, **more))
        assert file.stat().st_mode & 0o777 == 0o600
    cluster = ("--to", f"dir:{root}", "--sealing-namespace", "kube-system")
    ended = run_seal("rotate", repo, *cluster)
    assert ended.code == 0, ended.err
    assert opened(repo / "c.json", key=other_key()) == {"m": b"5"}


def test_namespace_is_given_for_files_that_name_none(tmp_path, files):
    obj = manifest({"k": b"v"})
    del obj["metadata"]["namespace"]
    file = write(tmp_path / "s.yaml", obj)
    assert "metadata.namespace is missing" in rotate(file, files).err
    assert rotate(file, files, "-n", "shop").code == 0
    assert "namespace" not in yaml.safe_load(file.read_text())["metadata"]
    assert opened(file, key=other_key()) == {"k": b"v"}


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        pytest.param(["/nope"], 1, "it does not exist", id="no-path"),
        pytest.param(["-"], 1, "is not a file or folder", id="stdin"),
        pytest.param([], 2, "PATH", id="no-argument"),
        pytest.param(["{empty}"], 1, "no SealedSecret was found", id="nothing-there"),
        pytest.param(["{repo}", "-o", "xml"], 2, "invalid choice", id="form"),
    ],
)
def test_bad_call_ends_with_its_code(repo, files, tmp_path, arguments, code, reason):
    (tmp_path / "empty").mkdir()
    shown = [argument.format(repo=repo, empty=tmp_path / "empty") for argument in arguments]
    ended = run_seal("rotate", *shown, "--sealing-key", files.key, "--cert", files.new_cert)
    assert ended.code == code
    assert reason in ended.err


def test_expired_certificate_rotates_nothing(repo, files):
    before = (repo / "c.json").read_bytes()
    ended = run_seal("rotate", repo, "--sealing-key", files.key, "--cert", files.expired_cert)
    assert ended.code == 1
    assert "expired certificate" in ended.err
    assert (repo / "c.json").read_bytes() == before


def test_file_that_may_not_be_read_fails_alone(repo, files):
    (repo / "gone.yaml").symlink_to("/nope/SealedSecret.yaml")
    ended = rotate(repo, files)
    assert ended.code == 1
    assert "3 rotated, 0 skipped, 1 failed" in ended.out


# The controller as the way: what it answers is not trusted blindly.


def controller(answer, *, verifies=True):
    asked = []

    def rotate(body):
        asked.append(json.loads(body))
        return answer(asked[-1])

    made = ControllerResealer(
        current(other_key()), rotate, lambda _: verifies, pause=lambda _: None
    )
    return made, asked


def the_object(**options):
    text = yaml.safe_dump(manifest({"k": b"v", "l": b"w"}, **options)).encode()
    (sealed,) = sealed_objects(parse_manifest_text(text, file="f"))
    return sealed


def resealed(question, *, drop=(), template=None):
    values = manifest({"k": b"v", "l": b"w", "rendered": b"x"}, key=other_key())
    items = values["spec"]["encryptedData"]
    return {"spec": {"encryptedData": {k: v for k, v in items.items() if k not in drop}}}


def test_controller_is_asked_for_the_object_and_only_its_values_are_taken():
    made, asked = controller(resealed)
    sealed = the_object(annotations=WIDE)
    anew = made.resealed(sealed, sealed.bound_to())
    assert anew.keys() == {"k", "l"}
    assert asked[0]["metadata"] == {"name": "db", "namespace": "shop", "annotations": WIDE}
    assert asked[0]["spec"] == sealed.placed.value["spec"]


@pytest.mark.parametrize(
    ("answer", "verifies", "reason"),
    [
        pytest.param(lambda q: resealed(q, drop=("l",)), True, "no sealed value for l", id="lost"),
        pytest.param(lambda q: {}, True, "no sealed value for k", id="empty"),
        pytest.param(
            lambda q: {"spec": {"encryptedData": {"k": "AgB", "l": "AgB"}}},
            True,
            "no sealed value for k",
            id="junk",
        ),
        pytest.param(resealed, False, "does not open what it sealed anew", id="other-scope"),
    ],
)
def test_answer_that_would_lose_a_value_is_refused(answer, verifies, reason):
    made, _ = controller(answer, verifies=verifies)
    sealed = the_object()
    with pytest.raises(ClusterError, match=reason):
        made.resealed(sealed, sealed.bound_to())


def test_controller_that_is_asked_too_often_is_asked_again():
    class TooMany(ClusterError):
        http_status = 429

    answers = [TooMany("slow down"), ClusterError("limited"), None]
    answers[1].__cause__ = TooMany("slow down")

    def answer(question):
        error = answers.pop(0)
        if error is not None:
            raise error
        return resealed(question)

    made, asked = controller(answer)
    sealed = the_object()
    assert made.resealed(sealed, sealed.bound_to()).keys() == {"k", "l"}
    assert len(asked) == 3


def test_controller_is_not_asked_about_what_is_noted_as_done():
    made, asked = controller(resealed)
    note = {NOTE: other_key().fingerprint}
    sealed = the_object(annotations=note, key=other_key())
    assert made.resealed(sealed, sealed.bound_to()) == {}
    assert asked == []
