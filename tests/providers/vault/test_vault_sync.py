"""Stores at Vault and OpenBao through the whole pipeline: what it asks for and writes."""

from __future__ import annotations

import base64
import json

import pytest

from secretsync.cli import main

KEYS = 10
OBJECTS = 50


def external_secret(number):
    data = [
        {"secretKey": name, "remoteRef": {"key": f"app/key-{number % KEYS}", "property": name}}
        for name in ("user", "password")
    ]
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": f"es-{number}"},
        "spec": {"secretStoreRef": {"name": "kv"}, "data": data},
    }


@pytest.fixture(params=["vault", "openBao"])
def manifests(request, bao, front, mount, put, reader, tmp_path):
    for number in range(KEYS):
        put(f"app/key-{number}", user=f"user-{number}", password=f"canary-{number}")
    path = bao.method("approle")
    bao.ask("POST", f"auth/{path}/role/app", {"token_policies": [reader], "token_ttl": "1h"})
    role_id = bao.ask("GET", f"auth/{path}/role/app/role-id")["data"]["role_id"]
    secret_id = bao.ask("POST", f"auth/{path}/role/app/secret-id")["data"]["secret_id"]
    secret_ref = {"name": "login", "key": "id"}
    block = {
        "server": front.url,
        "path": mount,
        "caBundle": base64.b64encode(front.ca_pem).decode(),
        "auth": {"appRole": {"path": path, "roleId": role_id, "secretRef": secret_ref}},
    }
    items = [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "login"},
            "data": {"id": base64.b64encode(secret_id.encode()).decode()},
        },
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "SecretStore",
            "metadata": {"name": "kv"},
            "spec": {"provider": {request.param: block}},
        },
        *map(external_secret, range(OBJECTS)),
    ]
    path = tmp_path / "all.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    path.chmod(0o600)
    return path


def test_sync_reads_each_key_once_logs_in_once_and_revokes(
    front, mount, manifests, tmp_path, capfd
):
    arguments = ["sync", str(manifests), "--to", f"dir:{tmp_path / 'out'}", "-n", "web"]
    assert main(arguments) == 0
    assert f"{OBJECTS} create" in capfd.readouterr().out
    calls = front.calls()
    assert len(calls) == KEYS + 2
    assert calls[0].endswith("/login")
    assert calls[-1] == "POST /v1/auth/token/revoke-self"
    written = (tmp_path / "out" / "web" / "secrets" / "es-13.yaml").read_text()
    assert base64.b64encode(b"canary-3").decode() in written
    assert main(arguments) == 0
    assert f"{OBJECTS} unchanged" in capfd.readouterr().out
