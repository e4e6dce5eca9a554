"""Stores at Google through the whole pipeline: what the command asks for and writes."""

from __future__ import annotations

import base64
import json

import pytest

from secretsync.cli import main
from tests.support.gcp_account import PROJECT
from tests.support.gcp_tokens import key_file

KEYS = 10
OBJECTS = 50


def external_secret(number):
    data = [
        {
            "secretKey": name,
            "remoteRef": {"key": f"key-{number % KEYS}", "property": name},
        }
        for name in ("user", "password")
    ]
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": f"es-{number}"},
        "spec": {"secretStoreRef": {"name": "gcp"}, "data": data},
    }


@pytest.fixture
def manifests(server, environment, tmp_path):
    for number in range(KEYS):
        value = {"user": f"user-{number}", "password": f"canary-{number}"}
        server.account.put(f"key-{number}", json.dumps(value))
    selector = {"name": "gcp", "key": "key.json"}
    auth = {"secretRef": {"secretAccessKeySecretRef": selector}}
    key = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "gcp"},
        "data": {"key.json": base64.b64encode(key_file()).decode()},
    }
    store = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "gcp"},
        "spec": {"provider": {"gcpsm": {"projectID": PROJECT, "auth": auth}}},
    }
    items = [key, store, *map(external_secret, range(OBJECTS))]
    path = tmp_path / "all.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    path.chmod(0o600)
    return path


def test_sync_reads_each_key_once_and_logs_in_once(server, manifests, tmp_path, capfd):
    arguments = ["sync", str(manifests), "--to", f"dir:{tmp_path / 'out'}", "-n", "web"]
    assert main(arguments) == 0
    assert f"{OBJECTS} create" in capfd.readouterr().out
    assert server.count("AccessSecretVersion") == server.count("GetSecretVersion") == KEYS
    assert server.tokens.count() == 1
    written = (tmp_path / "out" / "web" / "secrets" / "es-13.yaml").read_text()
    assert base64.b64encode(b"canary-3").decode() in written
    assert main(arguments) == 0
    assert f"{OBJECTS} unchanged" in capfd.readouterr().out


@pytest.mark.parametrize("trouble", ["fail", "garble", "cut_off"])
def test_a_service_in_trouble_leaves_the_old_secrets(server, manifests, tmp_path, capfd, trouble):
    arguments = ["sync", str(manifests), "--to", f"dir:{tmp_path / 'out'}", "-n", "web"]
    main(arguments)
    path = tmp_path / "out" / "web" / "secrets" / "es-13.yaml"
    before = path.read_bytes()
    server.account.put("key-3", '{"user": "new", "password": "new"}')
    getattr(server, trouble)()
    assert main(arguments) == 1
    captured = capfd.readouterr()
    assert "canary" not in captured.out + captured.err
    assert path.read_bytes() == before
