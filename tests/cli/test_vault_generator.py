"""VaultDynamicSecret in `plan` and `sync`: a real OpenBao hands out what is needed, once."""

from __future__ import annotations

import base64

import pytest

from tests.cli.kit import secret_data, write
from tests.support.openbao import shared_bao

GENERATORS = "generators.external-secrets.io/v1alpha1"


@pytest.fixture(scope="module")
def bao():
    return shared_bao()


def objects(bao, role, **spec):
    ref = {"generatorRef": {"kind": "VaultDynamicSecret", "name": "lease"}}
    token = bao.token("root")
    return [
        {
            "apiVersion": GENERATORS,
            "kind": "VaultDynamicSecret",
            "metadata": {"name": "lease", "namespace": "shop"},
            "spec": {
                "path": f"auth/token/create/{role}",
                "method": "POST",
                "resultType": "Auth",
                "provider": {
                    "server": bao.url,
                    "caBundle": base64.b64encode(bao.ca_pem).decode(),
                    "auth": {"tokenSecretRef": {"name": "bao", "key": "token"}},
                },
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "bao", "namespace": "shop"},
            "stringData": {"token": token},
        },
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": "db", "namespace": "shop"},
            "spec": {"dataFrom": [{"sourceRef": ref}], **spec},
        },
    ]


@pytest.mark.parametrize(
    "spec", [{}, {"refreshPolicy": "CreatedOnce"}, {"refreshInterval": "0"}], ids=str
)
def test_plan_asks_for_nothing_and_sync_once(cli, bao, manifests, out, spec):
    role = bao.unique("role")
    bao.ask("POST", f"auth/token/roles/{role}", {"allowed_policies": "default", "orphan": True})
    write(manifests / "a.yaml", *objects(bao, role, **spec))
    to = [manifests, "--to", f"dir:{out}"]

    def handed_out():
        return len(bao.ask("LIST", "auth/token/accessors")["data"]["keys"])

    before = handed_out()
    assert cli("plan", *to, "-o", "json").actions() == {"db": "create"}
    assert handed_out() == before
    assert cli("sync", *to).code == 0
    assert handed_out() == before + 1
    assert bao.lives(secret_data(out, "db")["client_token"].decode())
    for verb in ("plan", "sync", "plan"):
        assert cli(verb, *to, "-o", "json").actions() == {"db": "unchanged"}
    assert handed_out() == before + 1


@pytest.mark.parametrize("wrong", ["foreign", "policy-none", "store"])
def test_nothing_is_handed_out_for_what_cannot_be_written(cli, bao, manifests, out, wrong):
    role = bao.unique("role")
    bao.ask("POST", f"auth/token/roles/{role}", {"allowed_policies": "default", "orphan": True})
    spec = {}
    if wrong == "foreign":
        foreign = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "db", "namespace": "shop"},
            "data": {"k": "dg=="},
        }
        write(out / "shop" / "secrets" / "db.yaml", foreign)
    elif wrong == "policy-none":
        spec = {"target": {"creationPolicy": "None"}}
    else:
        ref = {"secretStoreRef": {"kind": "ClusterSecretStore", "name": "absent"}}
        spec = {**ref, "data": [{"secretKey": "x", "remoteRef": {"key": "app"}}]}
    write(manifests / "a.yaml", *objects(bao, role, **spec))
    before = len(bao.ask("LIST", "auth/token/accessors")["data"]["keys"])
    ended = cli("sync", manifests, "--to", f"dir:{out}")
    assert ended.code == (0 if wrong == "policy-none" else 1)
    assert len(bao.ask("LIST", "auth/token/accessors")["data"]["keys"]) == before
