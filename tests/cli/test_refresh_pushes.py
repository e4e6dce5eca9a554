"""`secretsync refresh` of PushSecrets: compared with their stores now, statuses written."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.kit import files, store, write

CANARY = "canary-51d0-must-not-show"
PUSHES = "shop/pushsecrets.external-secrets.io"
WRITES = ("CreateSecret", "PutSecretValue", "DeleteSecret", "TagResource")
GENERATED = {"generatorRef": {"kind": "Password", "name": "new"}}


def push_secret(name: str = "out", place: str = "", **spec: Any) -> dict[str, Any]:
    remote = {"remoteKey": place or f"pushed/{name}"}
    return {
        "apiVersion": "external-secrets.io/v1alpha1",
        "kind": "PushSecret",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "secretStoreRefs": [{"name": "own"}],
            "selector": {"secret": {"name": "source"}},
            "data": [{"match": {"secretKey": "password", "remoteRef": remote}}],
            **spec,
        },
    }


@pytest.fixture
def cluster(api, out) -> Path:
    """A store, a Secret, a generator and a PushSecret, as people put them there."""
    encoded = base64.b64encode(CANARY.encode()).decode()
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "source", "namespace": "shop"},
        "data": {"password": encoded},
    }
    password = {
        "apiVersion": "generators.external-secrets.io/v1alpha1",
        "kind": "Password",
        "metadata": {"name": "new", "namespace": "shop"},
        "spec": {"length": 24},
    }
    own = store("own", namespace="shop")
    (out / "shop/secrets").mkdir(parents=True, mode=0o700)
    write(out / "shop/secrets/source.yaml", secret)
    write(out / "shop/secretstores.external-secrets.io/own.yaml", own)
    write(out / "shop/passwords.generators.external-secrets.io/new.yaml", password)
    write(out / PUSHES / "out.yaml", push_secret())
    return out


def held(api, place: str = "pushed/out") -> bytes:
    return base64.b64decode(api.call("GetSecretValue", SecretId=place)["SecretBinary"])


def status(cluster: Path, name: str = "out") -> dict[str, Any]:
    found = yaml.safe_load((cluster / PUSHES / f"{name}.yaml").read_text())
    return found.get("status") or {}


def writes(front) -> int:
    counted = sum(front.count(each) for each in WRITES)
    front.calls.clear()
    return counted


@pytest.mark.parametrize("kind", ["pushsecret", "PushSecrets", "ps"])
def test_refresh_of_a_push_secret_pushes_and_writes_its_status(cli, cluster, api, front, kind):
    to = (f"{kind}/out", "--to", f"dir:{cluster}", "-n", "shop")
    ended = cli("refresh", *to, "-o", "json")
    assert (ended.code, ended.err) == (0, "")
    assert ended.actions() == {"out": "update"}
    assert (writes(front), held(api)) == (1, CANARY.encode())
    [ready] = status(cluster)["conditions"]
    assert (ready["status"], ready["reason"]) == ("True", "Synced")
    assert list(status(cluster)["syncedPushSecrets"]["SecretStore/own"]) == ["pushed/out"]
    assert status(cluster)["refreshTime"]
    again = cli("refresh", *to)
    assert (again.code, writes(front)) == (0, 0)
    assert "unchanged SecretStore/own pushed/out" in again.out
    assert CANARY not in ended.out + again.out


def test_refresh_deletes_what_an_edit_took_away(cli, cluster, front):
    both = [
        {"match": {"secretKey": "password", "remoteRef": {"remoteKey": key}}} for key in ("a", "b")
    ]
    to = ("refresh", "ps/out", "--to", f"dir:{cluster}", "-n", "shop")
    write(cluster / PUSHES / "out.yaml", push_secret(data=both, deletionPolicy="Delete"))
    assert cli(*to).code == 0
    file = cluster / PUSHES / "out.yaml"
    edited = yaml.safe_load(file.read_text())
    edited["spec"]["data"] = both[:1]
    write(file, edited)
    writes(front)
    assert cli(*to).code == 0
    assert front.count("DeleteSecret") == 1
    assert list(status(cluster)["syncedPushSecrets"]["SecretStore/own"]) == ["a"]


def test_refresh_of_a_younger_rival_leaves_the_place_to_the_older(cli, cluster, api, front):
    to = ("--to", f"dir:{cluster}", "-n", "shop")
    assert cli("refresh", "ps/out", *to).code == 0
    rival = push_secret("rival", "pushed/out", selector=GENERATED)
    rival["metadata"]["creationTimestamp"] = "2999-01-01T00:00:00Z"
    write(cluster / PUSHES / "rival.yaml", rival)
    writes(front)
    ended = cli("refresh", "ps/rival", *to)
    assert (ended.code, writes(front), held(api)) == (1, 0, CANARY.encode())
    assert "is pushed by PushSecret shop/out, which is older" in ended.err
    assert status(cluster, "rival")["conditions"][0]["reason"] == "Errored"


def test_generated_value_is_made_anew_for_who_is_named_and_not_for_the_store(cli, cluster, api):
    write(cluster / PUSHES / "made.yaml", push_secret("made", selector=GENERATED))
    to = ("--to", f"dir:{cluster}", "-n", "shop")
    assert cli("refresh", "ps/made", *to).code == 0
    first = held(api, "pushed/made")
    assert cli("refresh", "ss/own", *to).code == 0
    assert (held(api, "pushed/made"), held(api)) == (first, CANARY.encode())
    assert cli("refresh", "ps/made", *to).code == 0
    assert held(api, "pushed/made") != first


def test_generated_value_that_is_made_once_stays(cli, cluster, api):
    once = push_secret("made", selector=GENERATED, refreshInterval="0")
    write(cluster / PUSHES / "made.yaml", once)
    to = ("refresh", "ps/made", "--to", f"dir:{cluster}", "-n", "shop")
    assert cli(*to).code == 0
    first = held(api, "pushed/made")
    again = cli(*to)
    assert (again.code, held(api, "pushed/made")) == (0, first)
    assert "is not made again" in again.out


def test_refresh_of_a_maker_pushes_what_it_made_and_nothing_else(cli, cluster, api, front):
    maker = {
        "apiVersion": "external-secrets.io/v1alpha1",
        "kind": "ClusterPushSecret",
        "metadata": {"name": "everywhere", "uid": "u1"},
        "spec": {"pushSecretSpec": push_secret()["spec"]},
    }
    folder = cluster / "_cluster/clusterpushsecrets.external-secrets.io"
    write(folder / "everywhere.yaml", maker)
    child = push_secret("made")
    owner = {"kind": "ClusterPushSecret", "name": "everywhere", "uid": "u1", "controller": True}
    owner["apiVersion"] = maker["apiVersion"]
    child["metadata"]["ownerReferences"] = [owner]
    write(cluster / PUSHES / "made.yaml", child)
    ended = cli("refresh", "clusterpushsecret/everywhere", "--to", f"dir:{cluster}", "-o", "json")
    assert (ended.code, ended.actions()) == (0, {"made": "update"})
    assert (writes(front), held(api, "pushed/made")) == (1, CANARY.encode())


def test_push_that_fails_is_told_and_noted(cli, cluster, api):
    api.create("pushed/out", "theirs")
    ended = cli("refresh", "ps/out", "--to", f"dir:{cluster}", "-n", "shop")
    assert ended.code == 1
    assert "managed-by=external-secrets" in ended.err
    assert "managed-by=external-secrets" in status(cluster)["conditions"][0]["message"]
    assert CANARY not in ended.err + ended.out


@pytest.mark.parametrize(
    ("named", "said"),
    [
        pytest.param("ps/none", "does not exist", id="absent"),
        pytest.param("clusterpushsecret/none", "does not exist", id="no-maker"),
        pytest.param("ps/bad", "exactly one of secret and generatorRef", id="invalid"),
        pytest.param("ces/any", "does not exist", id="no-reading-maker"),
    ],
)
def test_refresh_of_what_cannot_be_pushed_says_why(cli, cluster, front, named, said):
    write(cluster / PUSHES / "bad.yaml", push_secret("bad", selector={}))
    before = files(cluster)
    front.calls.clear()
    ended = cli("refresh", named, "--to", f"dir:{cluster}", "-n", "shop")
    assert (ended.code, front.calls, files(cluster)) == (2, [], before)
    assert said in ended.err
