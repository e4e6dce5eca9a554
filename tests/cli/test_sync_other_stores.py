"""`sync` through stores that need no cloud: fake, directory, webhook, the cluster itself."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.kit import ESO, external_secret, files, secret_data, write
from tests.support.web import WebServer, fault, json_reply, web_server

CANARY = "canary-9f1c-must-not-show"


@pytest.fixture
def server():
    with web_server(lambda request: json_reply("{}")) as made:
        yield made


@pytest.fixture(autouse=True)
def nothing_allowed(monkeypatch):
    for name in ("SECRETSYNC_WEBHOOK_NETWORKS", "SECRETSYNC_DIRECTORY_ROOTS"):
        monkeypatch.delenv(name, raising=False)


def store(provider: str, block: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": ESO,
        "kind": "SecretStore",
        "metadata": {"name": "own", "namespace": "shop"},
        "spec": {"provider": {provider: block}},
    }


def secret(name: str, labels: dict[str, str], **values: str) -> dict[str, Any]:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    meta = {"name": name, "namespace": "shop", "labels": labels}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data}


def wanting(*remotes: dict[str, str], **more: Any) -> dict[str, Any]:
    data = [{"secretKey": f"k{at}", "remoteRef": remote} for at, remote in enumerate(remotes)]
    return external_secret("a", secretStoreRef={"name": "own"}, data=data, **more)


@pytest.fixture
def synced(cli, tmp_path, out):
    """Write objects and run `sync` over them."""

    def run(*objects: dict[str, Any]):
        return cli("sync", write(tmp_path / "in.yaml", *objects), "--to", f"dir:{out}")

    return run


def data(out: Path, name: str = "a") -> dict[str, str] | None:
    if f"shop/secrets/{name}.yaml" not in files(out):
        return None
    return {key: value.decode() for key, value in secret_data(out, name).items()}


def test_fake_store_gives_versions_properties_and_finds(synced, out):
    values = [
        {"key": "db", "value": "one", "version": "v1"},
        {"key": "db", "value": "two", "version": "v2"},
        {"key": "json", "value": '{"a": {"b": "c"}}'},
    ]
    item = wanting(
        {"key": "db", "version": "v1"},
        {"key": "db"},
        {"key": "json", "property": "a.b"},
        dataFrom=[{"find": {"name": {"regexp": "^d"}}}],
    )
    ended = synced(store("fake", {"data": values}), item)
    assert ended.code == 0, ended.err
    assert data(out) == {"k0": "one", "k1": "two", "k2": "c", "db": "two"}


def test_directory_store_is_served_only_below_an_allowed_root(tmp_path, monkeypatch, synced, out):
    folder = tmp_path / "files"
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "db").write_text('{"tls.key": "k"}')
    objects = (
        store("directory", {"path": str(folder)}),
        wanting({"key": "app/db", "property": "tls.key"}),
    )
    refused = synced(*objects)
    assert refused.code == 1
    assert "may not read that folder" in refused.err
    assert data(out) is None
    monkeypatch.setenv("SECRETSYNC_DIRECTORY_ROOTS", str(tmp_path))
    assert synced(*objects).code == 0
    assert data(out) == {"k0": "k"}


def hook(server: WebServer) -> list[dict[str, Any]]:
    block = {
        "url": f"{server.url}/get?k={{{{ .remoteRef.key }}}}&p={{{{ .remoteRef.property }}}}",
        "headers": {"Authorization": "Bearer {{ .auth.token }}"},
        "result": {"jsonPath": "$.value"},
        "secrets": [{"name": "auth", "secretRef": {"name": "hook"}}],
        "caBundle": base64.b64encode(server.ca_pem).decode(),
    }
    label = {"external-secrets.io/type": "webhook"}
    return [
        store("webhook", block),
        secret("hook", label, token=CANARY),
        wanting({"key": "a b", "property": "p"}, {"key": "a b", "property": "q"}),
    ]


def test_webhook_store_sends_key_property_and_credentials(monkeypatch, server, synced, out):
    monkeypatch.setenv("SECRETSYNC_WEBHOOK_NETWORKS", "127.0.0.1")
    server.handler = lambda request: json_reply(json.dumps({"value": request.path[-1]}))
    ended = synced(*hook(server))
    assert ended.code == 0, ended.err
    assert data(out) == {"k0": "p", "k1": "q"}
    assert sorted(request.path for request in server.requests) == [
        "/get?k=a+b&p=p",
        "/get?k=a+b&p=q",
    ]
    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {CANARY}"}


@pytest.mark.parametrize("name", ["html", "half-body", "server-error", "redirect", "empty", "huge"])
def test_webhook_that_goes_wrong_leaves_the_old_secret(
    tmp_path, monkeypatch, server, name, synced, cli, out
):
    monkeypatch.setenv("SECRETSYNC_WEBHOOK_NETWORKS", "127.0.0.1")
    server.handler = lambda request: json_reply('{"value": "good"}')
    assert synced(*hook(server)).code == 0
    server.handler = lambda request: fault(name)
    ended = cli("--debug", "sync", tmp_path / "in.yaml", "--to", f"dir:{out}")
    assert ended.code == 1
    assert data(out) == {"k0": "good", "k1": "good"}
    assert CANARY not in ended.out + ended.err
    assert "good" not in ended.out + ended.err


def test_webhook_of_a_private_network_is_refused_and_others_go_on(server, synced, out):
    objects = hook(server)
    fake = store("fake", {"data": [{"key": "x", "value": "yours"}]})
    fake["metadata"]["name"] = "other"
    fine = external_secret(
        "b",
        secretStoreRef={"name": "other"},
        data=[{"secretKey": "k", "remoteRef": {"key": "x"}}],
    )
    ended = synced(*objects, fake, fine)
    assert ended.code == 1
    assert "may not reach" in ended.err
    assert server.requests == []
    assert data(out, "b") == {"k": "yours"}


def test_credentials_without_the_label_are_not_handed_out(monkeypatch, server, synced, out):
    monkeypatch.setenv("SECRETSYNC_WEBHOOK_NETWORKS", "127.0.0.1")
    objects = hook(server)
    objects[1]["metadata"]["labels"] = {}
    ended = synced(*objects)
    assert ended.code == 1
    assert "kubectl label secret -n shop hook external-secrets.io/type=webhook" in ended.err
    assert server.requests == []
    assert CANARY not in ended.out + ended.err


def test_kubernetes_store_of_a_directory_reads_the_directory(synced, out):
    write(
        out / "team/secrets/db.yaml",
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "db", "namespace": "team"},
            "data": {"tls.crt": base64.b64encode(b"pem").decode()},
        },
    )
    block = {
        "server": {"url": "https://kubernetes.default.svc"},
        "auth": {"serviceAccount": {"name": "reader"}},
        "remoteNamespace": "team",
    }
    ended = synced(store("kubernetes", block), wanting({"key": "db", "property": "tls.crt"}))
    assert ended.code == 0, ended.err
    assert data(out) == {"k0": "pem"}
