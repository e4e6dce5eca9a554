"""SealedSecrets in `plan`, `sync`, `validate`, `status` and `refresh`."""

from __future__ import annotations

import stat

import pytest
import yaml

from tests.cli.kit import external_secret, files, secret_data, snapshot, store, write
from tests.cli.sealed_kit import (
    KEY_NAMESPACE,
    cluster_key,
    key_file,
    live_file,
    live_object,
    sealed_object,
)
from tests.sealing.kit import other_key

NO_KEY = "no key could decrypt secret: there is no private key to unseal with"


@pytest.fixture
def key(tmp_path):
    """The option that gives the key of the vectors."""
    return ["--sealing-key", key_file(tmp_path / "keys")]


@pytest.fixture
def folder(tmp_path):
    """A folder for PATH without any store."""
    return tmp_path / "sealed"


def _secret_paths(out):
    return {path for path in files(out) if "/secrets/" in path}


def test_plan_shows_what_sync_then_makes(cli, folder, key, out):
    write(folder / "db.yaml", sealed_object("db", {"password": "hunter2", "empty": ""}))
    to = [folder, "--to", f"dir:{out}", *key]
    planned = cli("plan", *to)
    assert planned.code == 1
    assert "create    Secret shop/db  (from SealedSecret shop/db)\n" in planned.out
    assert "hunter2" not in planned.out + planned.err
    assert files(out) == set()
    synced = cli("sync", *to, "-o", "json")
    assert synced.code == 0
    row = synced.row("db")
    assert (row["action"], row["reason"]) == ("create", "Unsealed")
    assert (row["kind"], row["from"]) == ("Secret", "SealedSecret shop/db")
    assert [entry["key"] for entry in row["keys"]] == ["empty", "password"]
    assert all(len(entry["after"]) == 12 for entry in row["keys"])
    assert secret_data(out, "db") == {"password": b"hunter2", "empty": b""}
    path = out / "shop/secrets/db.yaml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_second_sync_changes_nothing_and_plan_says_so(cli, folder, key, out):
    write(folder / "db.yaml", sealed_object("db"))
    to = [folder, "--to", f"dir:{out}", *key]
    cli("sync", *to)
    before = snapshot(out / "shop")
    assert cli("plan", *to).code == 0
    ended = cli("sync", *to)
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "unchanged Secret shop/db  (from SealedSecret shop/db)",
        "0 create, 0 update, 1 unchanged, 0 delete, 0 blocked",
    ]
    assert snapshot(out / "shop") == before


def test_both_kinds_run_side_by_side(cli, api, manifests, key, out):
    api.create("app/es", "value")
    write(manifests / "both.yaml", external_secret("es"), sealed_object("db"))
    ended = cli("sync", manifests, "--to", f"dir:{out}", *key, "-o", "json")
    assert ended.actions() == {"es": "create", "db": "create"}
    assert _secret_paths(out) == {"shop/secrets/db.yaml", "shop/secrets/es.yaml"}


def test_a_store_authenticates_with_a_sealed_secret_of_the_same_path(cli, api, manifests, key, out):
    api.create("app/es", "value")
    refs = {
        f"{name}SecretRef": {"name": "keys", "key": name, "namespace": "shop"}
        for name in ("accessKeyID", "secretAccessKey")
    }
    values = {"accessKeyID": "AKIASEALED", "secretAccessKey": "made-up"}
    write(manifests / "store.yaml", store(aws={"auth": {"secretRef": refs}}))
    write(manifests / "both.yaml", external_secret("es"), sealed_object("keys", values))
    ended = cli("sync", manifests, "--to", f"dir:{out}", *key)
    assert ended.code == 0, ended.err


def test_one_secret_wanted_by_both_kinds_has_one_owner(cli, api, manifests, key, out):
    api.create("app/db", "value")
    write(manifests / "both.yaml", external_secret("db"), sealed_object("db"))
    to = [manifests, "--to", f"dir:{out}", *key]
    runs = [cli("sync", *to, "-o", "json"), cli("sync", *to, "-o", "json")]
    for run in runs:
        assert run.code == 1
        assert "blocked" in {row["action"] for row in run.json["objects"]}
        assert "is owned by another" in run.err
    assert runs[0].json["summary"]["create"] == 1
    assert runs[1].json["summary"]["unchanged"] == 1


def test_a_sealed_secret_that_left_path_is_extra_and_is_pruned(cli, folder, key, out):
    for name in ("a", "b", "c"):
        write(folder / f"{name}.yaml", sealed_object(name))
    to = [folder, "--to", f"dir:{out}", *key, "-o", "json"]
    cli("sync", *to)
    (folder / "b.yaml").unlink()
    assert cli("plan", *to).row("b")["action"] == "extra"
    assert cli("sync", *to).row("b")["action"] == "extra"
    pruned = cli("sync", *to, "--prune")
    assert pruned.actions() == {"a": "unchanged", "c": "unchanged", "b": "delete"}
    assert _secret_paths(out) == {"shop/secrets/a.yaml", "shop/secrets/c.yaml"}


def test_a_sealed_secret_that_does_not_open_keeps_its_secret_from_pruning(cli, folder, key, out):
    for name in ("a", "b", "c"):
        write(folder / f"{name}.yaml", sealed_object(name))
    to = [folder, "--to", f"dir:{out}", *key, "--prune"]
    cli("sync", *to)
    write(folder / "b.yaml", sealed_object("b", {"x": "y"}, key=other_key()))
    assert cli("sync", *to).code == 1
    assert _secret_paths(out) == {f"shop/secrets/{name}.yaml" for name in "abc"}


def test_what_a_live_sealed_secret_owns_by_now_is_not_pruned(cli, folder, key, out):
    for name in ("a", "b", "c"):
        write(folder / f"{name}.yaml", sealed_object(name))
    to = [folder, "--to", f"dir:{out}", *key]
    cli("sync", *to)
    live_file(out, sealed_object("b"))
    assert cli("refresh", "sealedsecret/b", *to[1:], "-n", "shop").code == 0
    (folder / "b.yaml").unlink()
    assert "extra" not in cli("sync", *to, "--prune").out
    assert "shop/secrets/b.yaml" in files(out)


# Keys


def test_the_clusters_own_keys_are_used_where_no_file_is_given(cli, folder, out):
    cluster_key(out)
    write(folder / "db.yaml", sealed_object("db", {"a": "1"}))
    to = [folder, "--to", f"dir:{out}"]
    ended = cli("sync", *to, "--sealing-namespace", KEY_NAMESPACE)
    assert ended.code == 0, ended.err
    assert secret_data(out, "db") == {"a": b"1"}


def test_the_clusters_keys_are_looked_for_in_the_services_namespace(cli, folder, out, monkeypatch):
    monkeypatch.setenv("POD_NAMESPACE", KEY_NAMESPACE)
    cluster_key(out)
    write(folder / "db.yaml", sealed_object("db"))
    assert cli("sync", folder, "--to", f"dir:{out}").code == 0


def test_several_files_of_keys_are_one_ring(cli, tmp_path, folder, out):
    files_of_keys = [
        key_file(tmp_path, name="new.pem", key=other_key(7)),
        key_file(tmp_path, name="old.pem"),
    ]
    write(folder / "a.yaml", sealed_object("a"), sealed_object("b", key=other_key(7)))
    options = [text for path in files_of_keys for text in ("--sealing-key", path)]
    ended = cli("sync", folder, "--to", f"dir:{out}", *options, "-o", "json")
    assert ended.actions() == {"a": "create", "b": "create"}


@pytest.mark.parametrize("verb", ["plan", "sync"])
def test_without_keys_each_sealed_secret_says_so_and_nothing_else_suffers(
    cli, api, manifests, out, verb
):
    api.create("app/es", "value")
    write(manifests / "all.yaml", external_secret("es"), sealed_object("a"), sealed_object("b"))
    ended = cli(verb, manifests, "--to", f"dir:{out}", "-o", "json")
    assert ended.code == {"plan": 2, "sync": 1}[verb]
    assert ended.actions() == {"es": "create", "a": "blocked", "b": "blocked"}
    assert ended.err.count(NO_KEY) == 2
    assert "--sealing-key FILE" in ended.err
    assert [problem["object"] for problem in ended.json["problems"]] == [
        "SealedSecret shop/a",
        "SealedSecret shop/b",
    ]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="missing"),
        pytest.param("", id="empty"),
        pytest.param(
            "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\n", id="pem"
        ),
        pytest.param("hello: world\n", id="yaml"),
    ],
)
def test_a_file_that_holds_no_key_stops_the_run_before_it_begins(
    cli, tmp_path, folder, out, content
):
    write(folder / "db.yaml", sealed_object("db"))
    path = tmp_path / "broken.pem"
    if content is not None:
        write(path, content)
    ended = cli("sync", folder, "--to", f"dir:{out}", "--sealing-key", path)
    assert ended.code == 2
    assert f"secretsync: error: {path}: " in ended.err
    assert not out.exists()


def test_a_broken_key_in_the_cluster_is_named_and_good_ones_open(cli, folder, out):
    cluster_key(out)
    broken = yaml.safe_load(cluster_key(out, "sealed-secrets-keybroken").read_text())
    broken["data"]["tls.key"] = "AAAA"
    write(out / KEY_NAMESPACE / "secrets" / "sealed-secrets-keybroken.yaml", broken)
    write(folder / "a.yaml", sealed_object("good"), sealed_object("bad", key=other_key()))
    to = [folder, "--to", f"dir:{out}", "--sealing-namespace", KEY_NAMESPACE]
    ended = cli("sync", *to, "-o", "json")
    assert ended.actions() == {"good": "create", "bad": "blocked"}
    assert "not usable: key Secret sealed-secrets-keybroken: " in ended.err


# Faults of an object


def test_a_fault_names_file_line_object_field_and_remedy(cli, folder, key, out):
    write(folder / "db.yaml", sealed_object("db", {"good": "1", "password": "2"}))
    text = (folder / "db.yaml").read_text()
    bad = "\n".join(
        "    password: AAAA" if line.startswith("    password:") else line
        for line in text.splitlines()
    )
    write(folder / "db.yaml", bad)
    ended = cli("sync", folder, "--to", f"dir:{out}", *key)
    number = 1 + bad.splitlines().index("    password: AAAA")
    assert f"db.yaml:{number}: error: no key could decrypt secret (password)\n" in ended.err
    assert "  object: SealedSecret shop/db\n  field:  spec.encryptedData.password\n" in ended.err
    assert "  remedy: seal it with this cluster's certificate, for namespace shop" in ended.err


def test_a_foreign_secret_is_refused_untouched_and_adopted_on_request(cli, folder, key, out):
    foreign = {"apiVersion": "v1", "kind": "Secret", "data": {"theirs": "eA=="}}
    foreign["metadata"] = {"name": "db", "namespace": "shop"}
    write(out / "shop/secrets/db.yaml", foreign)
    obj = sealed_object("db", {"a": "1"})
    write(folder / "db.yaml", obj)
    to = [folder, "--to", f"dir:{out}", *key]
    ended = cli("sync", *to)
    assert ended.code == 1
    assert 'Resource "db" already exists and is not managed by SealedSecret' in ended.err
    assert "secretsync.io/adopt=true" in ended.err
    assert secret_data(out, "db") == {"theirs": b"x"}
    obj["metadata"]["annotations"] = {"secretsync.io/adopt": "true"}
    write(folder / "db.yaml", obj)
    assert cli("sync", *to).code == 0
    assert secret_data(out, "db") == {"a": b"1"}


@pytest.mark.parametrize("verb", ["plan", "sync"])
def test_an_object_of_the_wrong_shape_stops_only_itself(cli, folder, key, out, verb):
    wrong = sealed_object("wrong")
    wrong["spec"]["encryptedData"]["password"] = 12
    write(folder / "all.yaml", wrong, sealed_object("right"))
    ended = cli(verb, folder, "--to", f"dir:{out}", *key, "-o", "json")
    assert ended.code == {"plan": 2, "sync": 1}[verb]
    assert ended.actions() == {"right": "create"}
    assert "spec.encryptedData.password" in ended.err


# validate


def test_validate_looks_into_envelopes_without_a_key(cli, folder):
    cut = sealed_object("cut")
    cut["spec"]["encryptedData"] |= {"short": "AgA=", "blank": "a b"}
    write(folder / "all.yaml", cut, sealed_object("good"))
    ended = cli("validate", folder)
    assert (ended.code, ended.out) == (1, "1 valid, 2 errors, 0 warnings\n")
    assert "SealedSecret data is too short" in ended.err
    assert "illegal base64 data at input byte 1" in ended.err
    assert ended.err.count("  object: SealedSecret shop/cut\n") == 2
    document = cli("validate", folder, "-o", "json").json
    assert document["valid"] == 1
    assert {problem["field"] for problem in document["problems"]} == {
        "spec.encryptedData.short",
        "spec.encryptedData.blank",
    }


# Objects that live in the cluster


def test_status_shows_sealed_secrets_and_refresh_makes_them_good(cli, out, key):
    live_file(out, sealed_object("db", {"a": "1"}))
    to = ["--to", f"dir:{out}", "-n", "shop"]
    before = cli("status", *to, "-o", "json")
    assert (before.code, before.row("db")["reason"]) == (1, "NotSynced")
    refreshed = cli("refresh", "sealedsecret/db", *to, *key, "-o", "json")
    assert refreshed.code == 0, refreshed.err
    assert refreshed.row("db")["action"] == "create"
    assert secret_data(out, "db") == {"a": b"1"}
    after = cli("status", "sealedsecrets/db", *to, "-o", "json")
    row = after.row("db")
    assert (after.code, row["kind"], row["reason"]) == (0, "SealedSecret", "Synced")
    assert row["age_s"] < 60
    condition = live_object(out, "db")["status"]["conditions"][0]
    assert condition["lastUpdateTime"] == condition["lastTransitionTime"]
    assert {"reason", "message"}.isdisjoint(condition)


def test_status_shows_what_a_run_from_files_made(cli, folder, out, key):
    write(folder / "db.yaml", sealed_object("db"))
    cli("sync", folder, "--to", f"dir:{out}", *key)
    row = cli("status", "secret/db", "--to", f"dir:{out}", "-o", "json").row("db")
    assert (row["kind"], row["good"], row["reason"]) == ("Secret", True, "SecretSynced")
    live_file(out, sealed_object("db"))
    cli("refresh", "sealedsecret/db", "--to", f"dir:{out}", "-n", "shop", *key)
    rows = cli("status", "--to", f"dir:{out}", "-o", "json").json["objects"]
    assert [row["kind"] for row in rows] == ["SealedSecret"]


def test_a_refreshed_secret_belongs_to_its_sealed_secret(cli, out, key):
    live_file(out, sealed_object("db"))
    cli("refresh", "sealedsecret/db", "--to", f"dir:{out}", "-n", "shop", *key)
    secret = yaml.safe_load((out / "shop/secrets/db.yaml").read_text())
    (owner,) = secret["metadata"]["ownerReferences"]
    assert owner == {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "name": "db",
        "uid": live_object(out, "db")["metadata"]["uid"],
        "controller": True,
    }


def test_a_failure_stands_in_the_status_until_it_is_over(cli, out, key):
    obj = sealed_object("db", key=other_key())
    live_file(out, obj)
    to = ["--to", f"dir:{out}", "-n", "shop"]
    refreshed = cli("refresh", "sealedsecret/db", *to, *key)
    assert refreshed.code == 1
    row = cli("status", "sealedsecret/db", *to, "-o", "json").row("db")
    assert (row["good"], row["reason"]) == (False, "NotSynced")
    assert row["message"].startswith("no key could decrypt secret (password); ")
    good = live_object(out, "db")
    good["spec"] = sealed_object("db")["spec"]
    live_file(out, good)
    assert cli("refresh", "sealedsecret/db", *to, *key).code == 0
    assert cli("status", "sealedsecret/db", *to, "-o", "json").row("db")["message"] == ""


def test_refresh_without_such_an_object_attempts_nothing(cli, out, key):
    live_file(out, sealed_object("db"))
    ended = cli("refresh", "sealedsecret/nope", "--to", f"dir:{out}", "-n", "shop", *key)
    assert ended.code == 2
    assert "SealedSecret shop/nope does not exist" in ended.err
