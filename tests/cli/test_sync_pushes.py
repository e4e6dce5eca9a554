"""PushSecrets and makers of objects in PATH: validated, planned, synced."""

from __future__ import annotations

import base64
import json

from tests.cli.kit import external_secret, files, secret_data, store, write

CANARY = "canary-9f1c-must-not-show"
WRITES = ("CreateSecret", "PutSecretValue", "DeleteSecret", "TagResource")


def secret(name="source", **values):
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "shop"},
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
    }


def push_secret(name="out", **spec):
    entry = {"match": {"secretKey": "password", "remoteRef": {"remoteKey": f"pushed/{name}"}}}
    return {
        "apiVersion": "external-secrets.io/v1alpha1",
        "kind": "PushSecret",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "secretStoreRefs": [{"name": "own"}],
            "selector": {"secret": {"name": "source"}},
            "data": [entry],
            **spec,
        },
    }


def namespace(name, **labels):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def maker(spec, name="everywhere", **more):
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ClusterExternalSecret",
        "metadata": {"name": name},
        "spec": {
            "externalSecretSpec": spec,
            "namespaceSelectors": [{"matchLabels": {"team": "web"}}],
            **more,
        },
    }


def writes(front):
    counted = sum(front.count(each) for each in WRITES)
    front.calls.clear()
    return counted


def test_push_is_planned_synced_and_then_unchanged(cli, front, tmp_path, out):
    file = write(
        tmp_path / "in.yaml",
        store("own", namespace="shop"),
        secret(password=CANARY),
        push_secret(),
    )
    file.chmod(0o600)
    to = ("--to", f"dir:{out}")
    assert cli("validate", file).code == 0
    planned = cli("plan", file, *to)
    assert (planned.code, writes(front)) == (1, 0)
    assert "update    PushSecret shop/out" in planned.out
    assert "push      SecretStore/own pushed/out" in planned.out
    synced = cli("sync", file, *to)
    assert (synced.code, synced.err, writes(front)) == (0, "", 1)
    again = cli("sync", file, *to)
    assert (again.code, writes(front)) == (0, 0)
    assert "unchanged SecretStore/own pushed/out" in again.out
    assert cli("plan", file, *to).code == 0
    shown = cli("plan", file, *to, "-o", "json")
    [row] = json.loads(shown.out)["objects"]
    assert row["kind"] == "PushSecret"
    assert row["places"] == [
        {"store": "SecretStore/own", "place": "pushed/out", "action": "unchanged", "message": ""}
    ]
    everything = planned.out + synced.out + again.out + shown.out + planned.err + shown.err
    assert CANARY not in everything
    assert base64.b64encode(CANARY.encode()).decode() not in everything


def test_push_of_what_the_same_sync_makes_waits_in_the_plan(cli, api, front, tmp_path, out):
    api.create("app/a", CANARY)
    made = external_secret(
        "a",
        secretStoreRef={"name": "own"},
        target={"name": "source"},
        data=[{"secretKey": "password", "remoteRef": {"key": "app/a"}}],
    )
    file = write(tmp_path / "in.yaml", store("own", namespace="shop"), made, push_secret())
    planned = cli("plan", file, "--to", f"dir:{out}")
    assert planned.code == 1
    assert "Secret shop/source is made by sync first" in planned.out
    assert cli("sync", file, "--to", f"dir:{out}").code == 0
    found = api.call("GetSecretValue", SecretId="pushed/out")
    assert base64.b64decode(found["SecretBinary"]).decode() == CANARY


def test_push_that_fails_is_a_problem_at_its_line(cli, api, front, tmp_path, out):
    api.create("pushed/out", "theirs")
    file = write(
        tmp_path / "in.yaml", store("own", namespace="shop"), secret(password=CANARY), push_secret()
    )
    file.chmod(0o600)
    ended = cli("sync", file, "--to", f"dir:{out}")
    assert ended.code == 1
    assert "object: PushSecret shop/out" in ended.err
    assert "field:  spec.data[0]" in ended.err
    assert "managed-by=external-secrets" in ended.err
    assert api.call("GetSecretValue", SecretId="pushed/out")["SecretString"] == "theirs"
    assert CANARY not in ended.err + ended.out


def test_generated_value_is_pushed_once_and_stays(cli, api, front, tmp_path, out):
    password = {
        "apiVersion": "generators.external-secrets.io/v1alpha1",
        "kind": "Password",
        "metadata": {"name": "new", "namespace": "shop"},
        "spec": {"length": 24},
    }
    item = push_secret(selector={"generatorRef": {"kind": "Password", "name": "new"}})
    file = write(tmp_path / "in.yaml", store("own", namespace="shop"), password, item)
    to = ("--to", f"dir:{out}")
    planned = cli("plan", file, *to)
    assert (planned.code, front.calls) == (1, [])
    assert "its generator runs at sync" in planned.out
    assert cli("sync", file, *to).code == 0
    first = api.call("GetSecretValue", SecretId="pushed/out")["SecretBinary"]
    assert cli("sync", file, *to).code == 0
    assert api.call("GetSecretValue", SecretId="pushed/out")["SecretBinary"] == first


def test_maker_makes_external_secrets_in_namespaces_of_path_and_cluster(cli, api, tmp_path, out):
    api.create("app/a", CANARY)
    spec = {
        "secretStoreRef": {"name": "all", "kind": "ClusterSecretStore"},
        "data": [{"secretKey": "password", "remoteRef": {"key": "app/a"}}],
    }
    write(out / "_cluster/namespaces/b.yaml", namespace("b", team="web"))
    file = write(
        tmp_path / "in.yaml",
        store("all"),
        maker(spec),
        namespace("a", team="web"),
        namespace("c", team="shop"),
    )
    ended = cli("sync", file, "--to", f"dir:{out}")
    assert (ended.code, ended.err) == (0, "")
    assert {each for each in files(out) if "/secrets/" in each} == {
        "a/secrets/everywhere.yaml",
        "b/secrets/everywhere.yaml",
    }
    assert secret_data(out, "everywhere", "a") == {"password": CANARY.encode()}
    assert cli("plan", file, "--to", f"dir:{out}").code == 0


def test_maker_never_takes_over_what_path_has(cli, api, tmp_path, out):
    api.create("app/a", "mine")
    spec = {
        "secretStoreRef": {"name": "all", "kind": "ClusterSecretStore"},
        "data": [{"secretKey": "password", "remoteRef": {"key": "app/other"}}],
    }
    file = write(
        tmp_path / "in.yaml",
        store("all"),
        external_secret("a", secretStoreRef={"name": "all", "kind": "ClusterSecretStore"}),
        maker(spec, "a"),
        namespace("shop", team="web"),
    )
    ended = cli("sync", file, "--to", f"dir:{out}")
    assert ended.code == 1
    assert "ExternalSecret shop/a is given by PATH already, and stays as it is" in ended.err
    assert (out / "shop/secrets/a.yaml").exists()
