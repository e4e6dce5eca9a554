"""`secretsync sync`: what it writes, how often, and what it leaves alone."""

from __future__ import annotations

import json
import stat

import pytest
import yaml

from tests.cli.kit import (
    external_secret,
    files,
    run_process,
    secret_data,
    snapshot,
    store,
    write,
)

#: A manifest as people write it: no namespace, an older version, names of the guide.
SEED = """\
apiVersion: external-secrets.io/v1beta1
kind: ExternalSecret
metadata:
  name: database-credentials
spec:
  refreshInterval: 1h
  secretStoreRef:
    name: aws-secrets-manager
    kind: ClusterSecretStore
  target:
    name: database-credentials
  data:
    - secretKey: password
      remoteRef:
        key: production/database
        property: password
"""
FOREIGN = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "db", "namespace": "shop"},
    "data": {"theirs": "aGFuZHM="},
}


def test_sync_exits_0_1_or_2_by_how_much_of_it_went_well(api, manifests, out):
    good = write(manifests / "good.yaml", external_secret("good"))
    api.create("app/good", "value")
    to = ["--to", f"dir:{out}"]
    assert run_process("sync", str(manifests), *to).code == 0
    assert run_process("sync", str(manifests), *to).code == 0
    write(manifests / "bad.yaml", external_secret("missing"))
    assert run_process("sync", str(manifests), *to).code == 1
    good.unlink()
    assert run_process("sync", str(manifests), *to).code == 1, "all failed, all were attempted"
    assert run_process("sync", str(manifests / "nope"), *to).code == 2


def test_sync_of_stores_alone_has_nothing_to_do(cli, front, manifests, out):
    ended = cli("sync", manifests, "--to", f"dir:{out}")
    assert (ended.code, ended.err, files(out), front.count()) == (0, "", set(), 0)
    assert ended.out == "0 create, 0 update, 0 unchanged, 0 delete, 0 blocked\n"


def test_secret_is_a_private_file_of_a_private_folder_as_kubectl_prints_it(
    cli, api, manifests, out
):
    write(manifests / "a.yaml", external_secret("db", dataFrom=[{"extract": {"key": "app/db"}}]))
    version = api.create("app/db", json.dumps({"user": "shop", "pässword": "x"}))
    bad_key = cli("sync", manifests, "--to", f"dir:{out}")
    assert (bad_key.code, files(out)) == (1, set())
    version = api.put("app/db", json.dumps({"user": "shop", "password": "s3cret ü"}))
    assert cli("sync", manifests, "--to", f"dir:{out}").code == 0

    file = out / "shop" / "secrets" / "db.yaml"
    assert files(out) == {"shop/secrets/db.yaml"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    key = out / ".secretsync" / "install-key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    obj = yaml.safe_load(file.read_text())
    assert list(obj) == ["apiVersion", "kind", "metadata", "type", "data"]
    assert (obj["apiVersion"], obj["kind"], obj["type"]) == ("v1", "Secret", "Opaque")
    assert obj["data"] == {"password": "czNjcmV0IMO8", "user": "c2hvcA=="}
    metadata = obj["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("db", "shop")
    assert metadata["labels"]["reconcile.external-secrets.io/managed"] == "true"
    assert json.loads(metadata["annotations"]["secretsync.io/provider-versions"]) == {
        "ClusterSecretStore/aws:app/db": version
    }
    assert "ownerReferences" not in metadata, "no live ExternalSecret to point at"
    assert {"uid", "creationTimestamp"} < metadata.keys()


def test_seed_manifest_becomes_its_secret(cli, api, tmp_path, out):
    write(tmp_path / "in" / "es.yaml", SEED)
    write(tmp_path / "in" / "store.yaml", store("aws-secrets-manager"))
    api.create("production/database", json.dumps({"username": "u", "password": "pass word"}))
    ended = cli("sync", tmp_path / "in", "--to", f"dir:{out}")
    assert (ended.code, ended.err) == (0, "")
    assert files(out) == {"default/secrets/database-credentials.yaml"}
    assert secret_data(out, "database-credentials", "default") == {"password": b"pass word"}


def test_second_sync_writes_nothing(cli, api, manifests, out):
    write(manifests / "a.yaml", external_secret("a"), external_secret("b"))
    api.create("app/a", "value")
    api.create("app/b", "value")
    cli("sync", manifests, "--to", f"dir:{out}")
    before = snapshot(out)
    ended = cli("sync", manifests, "--to", f"dir:{out}")
    changed = {path for path, state in snapshot(out).items() if before.get(path) != state}
    assert ended.out.splitlines()[-1] == "0 create, 0 update, 2 unchanged, 0 delete, 0 blocked"
    # The lock names its holder: it is the one file that a run rewrites.
    assert changed <= {str(out / ".secretsync" / "lock")}


def test_rotation_writes_exactly_the_secret_it_concerns(cli, api, manifests, out):
    write(manifests / "a.yaml", *(external_secret(name) for name in ("a", "b", "c")))
    for name in ("a", "b", "c"):
        api.create(f"app/{name}", f"first {name}")
    cli("sync", manifests, "--to", f"dir:{out}")
    before = snapshot(out / "shop")
    api.put("app/b", "second b")
    ended = cli("sync", manifests, "--to", f"dir:{out}", "-o", "json")
    after = snapshot(out / "shop")
    assert ended.actions() == {"a": "unchanged", "b": "update", "c": "unchanged"}
    changed = {path for path in after if before[path] != after[path]}
    assert changed == {str(out / "shop/secrets"), str(out / "shop/secrets/b.yaml")}
    assert secret_data(out, "b") == {"value": b"second b"}


def test_hand_edited_secret_is_repaired_without_touching_others(cli, api, manifests, out):
    write(manifests / "a.yaml", external_secret("a"))
    api.create("app/a", "value")
    cli("sync", manifests, "--to", f"dir:{out}")
    file = out / "shop" / "secrets" / "a.yaml"
    file.write_text(file.read_text().replace("dmFsdWU=", "ZHJpZnQ="))
    ended = cli("sync", manifests, "--to", f"dir:{out}", "-o", "json")
    assert ended.actions() == {"a": "update"}
    assert secret_data(out, "a") == {"value": b"value"}


def test_namespace_option_is_for_objects_that_name_none(cli, api, manifests, out):
    bare = external_secret("bare", "app/a")
    del bare["metadata"]["namespace"]
    write(manifests / "a.yaml", bare, external_secret("named", "app/a"))
    api.create("app/a", "value")
    cli("sync", manifests, "--to", f"dir:{out}", "-n", "team")
    assert files(out) == {"team/secrets/bare.yaml", "shop/secrets/named.yaml"}


def test_standard_input_is_synced_and_keeps_no_inventory(api, out):
    text = "---\n".join(yaml.safe_dump(item) for item in (store(), external_secret("a")))
    api.create("app/a", "value")
    ended = run_process("sync", "-", "--to", f"dir:{out}", stdin=text.encode())
    assert (ended.code, ended.err) == (0, "")
    assert secret_data(out, "a") == {"value": b"value"}
    assert "secretsync.io/inventory" not in (out / "shop/secrets/a.yaml").read_text()


def test_foreign_secret_is_refused_with_its_remedy(cli, api, manifests, out):
    file = write(out / "shop" / "secrets" / "db.yaml", FOREIGN)
    source = write(manifests / "a.yaml", external_secret("db"))
    api.create("app/db", "value")
    before = file.read_bytes()
    ended = cli("sync", manifests, "--to", f"dir:{out}")
    assert ended.code == 1
    assert ended.err == (
        f"{source}:1: error: a Secret of that name exists and was not made by this "
        "ExternalSecret\n"
        "  object: ExternalSecret shop/db\n"
        "  remedy: annotate the ExternalSecret with secretsync.io/adopt=true to take it over, "
        "or give it another target.name\n"
    )
    assert file.read_bytes() == before


def test_adopt_annotation_takes_a_foreign_secret_over(cli, api, manifests, out):
    file = write(out / "shop" / "secrets" / "db.yaml", FOREIGN)
    adopting = external_secret("db", annotations={"secretsync.io/adopt": "true"})
    write(manifests / "a.yaml", adopting)
    api.create("app/db", "value")
    ended = cli("sync", manifests, "--to", f"dir:{out}", "-o", "json")
    assert (ended.code, ended.actions()) == (0, {"db": "update"})
    assert secret_data(out, "db") == {"value": b"value"}
    assert "adopt" not in file.read_text()
    write(manifests / "a.yaml", external_secret("db"))
    assert cli("sync", manifests, "--to", f"dir:{out}").code == 0, "it is ours now"


def test_target_that_others_may_read_is_refused(cli, api, manifests, out):
    write(manifests / "a.yaml", external_secret("a"), external_secret("b"))
    api.create("app/a", "value")
    api.create("app/b", "value")
    cli("sync", manifests, "--to", f"dir:{out}")
    file = out / "shop" / "secrets" / "a.yaml"
    file.chmod(0o644)
    ended = cli("sync", manifests, "--to", f"dir:{out}", "-o", "json")
    assert (ended.code, ended.actions()) == (1, {"a": "blocked", "b": "unchanged"})
    (problem,) = ended.json["problems"]
    assert f"{file}: group or others may read or write this Secret" in problem["message"]
    assert problem["remedy"] == f"run: chmod 600 {file}"


def test_two_owners_of_one_target_write_it_once(cli, api, manifests, out):
    target = {"target": {"name": "shared"}}
    write(manifests / "a.yaml", external_secret("a", **target), external_secret("b", **target))
    api.create("app/a", "from a")
    api.create("app/b", "from b")
    ended = cli("sync", manifests, "--to", f"dir:{out}")
    assert ended.code == 1
    assert "target is owned by another ExternalSecret: ExternalSecret shop/a" in ended.err
    assert secret_data(out, "shared") == {"value": b"from a"}


def test_deletion_policy_delete_needs_one_definite_absence_in_a_one_shot_run(
    cli, api, manifests, out
):
    delete = {"target": {"deletionPolicy": "Delete"}}
    write(manifests / "a.yaml", external_secret("a", **delete), external_secret("b", **delete))
    api.create("app/a", "value")
    api.create("app/b", "value")
    cli("sync", manifests, "--to", f"dir:{out}")
    api.call("DeleteSecret", SecretId="app/a", ForceDeleteWithoutRecovery=True)
    ended = cli("sync", manifests, "--to", f"dir:{out}", "-o", "json")
    assert (ended.code, ended.actions()) == (0, {"a": "delete", "b": "unchanged"})
    assert files(out) == {"shop/secrets/b.yaml"}


@pytest.mark.parametrize("policy", ["Delete", "Merge", "Retain"])
def test_denied_secret_deletes_nothing_whatever_the_policy(cli, api, front, manifests, out, policy):
    write(manifests / "a.yaml", external_secret("a", target={"deletionPolicy": policy}))
    api.create("app/a", "value")
    cli("sync", manifests, "--to", f"dir:{out}")
    before = snapshot(out / "shop")
    front.denied.add("app/a")
    ended = cli("sync", manifests, "--to", f"dir:{out}")
    assert ended.code == 1
    assert 'AWS denies GetSecretValue of "app/a"' in ended.err
    assert snapshot(out / "shop") == before


def test_running_writer_keeps_a_second_one_out(cli, api, manifests, out):
    write(manifests / "a.yaml", external_secret("a"))
    api.create("app/a", "value")
    cli("sync", manifests, "--to", f"dir:{out}")
    from secretsync.cluster.opening import open_cluster, parse_cluster

    held = open_cluster(parse_cluster(f"dir:{out}"))
    try:
        ended = run_process("sync", str(manifests), "--to", f"dir:{out}")
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith("secretsync: error: ")
        assert run_process("plan", str(manifests), "--to", f"dir:{out}").code == 0
    finally:
        held.close()


def test_home_of_the_user_may_be_named_by_a_tilde(cli, api, manifests, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    write(manifests / "a.yaml", external_secret("a"))
    api.create("app/a", "value")
    assert cli("sync", manifests, "--to", "dir:~/out").code == 0
    assert files(tmp_path / "home" / "out") == {"shop/secrets/a.yaml"}
    assert not (tmp_path / "~").exists()
