"""CreatedOnce and refreshInterval 0 in `plan` and `sync`: made once, then left alone."""

from __future__ import annotations

import pytest

from tests.cli.kit import external_secret, files, secret_data, snapshot, write

ONCE = pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"refreshPolicy": "CreatedOnce"}, id="CreatedOnce"),
        pytest.param({"refreshPolicy": "CreatedOnce", "refreshInterval": "1h"}, id="with interval"),
        pytest.param({"refreshInterval": "0"}, id="interval 0"),
        pytest.param({"refreshInterval": "0s", "refreshPolicy": "Periodic"}, id="Periodic 0s"),
    ],
)


@ONCE
def test_it_is_created_and_then_neither_fetched_nor_changed(cli, api, front, manifests, out, spec):
    write(manifests / "a.yaml", external_secret("a", **spec))
    api.create("app/a", "first")
    to = [manifests, "--to", f"dir:{out}", "-o", "json"]
    assert cli("plan", *to).actions() == {"a": "create"}
    assert cli("sync", *to).actions() == {"a": "create"}
    api.put("app/a", "second")
    before, calls = snapshot(out / "shop"), front.count()
    planned, synced = cli("plan", *to), cli("sync", *to)
    assert (planned.code, planned.actions()) == (0, {"a": "unchanged"})
    assert (synced.code, synced.actions()) == (0, {"a": "unchanged"})
    assert synced.row("a")["message"] == "secret exists and is not refreshed again"
    assert front.count() == calls
    assert snapshot(out / "shop") == before
    assert secret_data(out, "a") == {"value": b"first"}


@ONCE
def test_changed_manifest_does_not_refresh_it_either(cli, api, front, manifests, out, spec):
    write(manifests / "a.yaml", external_secret("a", **spec))
    api.create("app/a", "first")
    cli("sync", manifests, "--to", f"dir:{out}")
    calls = front.count()
    write(manifests / "a.yaml", external_secret("a", "app/other", **spec))
    assert cli("sync", manifests, "--to", f"dir:{out}").code == 0
    assert front.count() == calls
    assert secret_data(out, "a") == {"value": b"first"}


@pytest.mark.parametrize("policy", ["Owner", "Orphan", "CreateOrMerge"])
def test_it_is_known_by_what_it_wrote_whatever_the_creation_policy(
    cli, api, front, manifests, out, policy
):
    spec = {"refreshPolicy": "CreatedOnce", "target": {"creationPolicy": policy}}
    write(manifests / "a.yaml", external_secret("a", **spec))
    api.create("app/a", "first")
    cli("sync", manifests, "--to", f"dir:{out}")
    calls = front.count()
    assert cli("sync", manifests, "--to", f"dir:{out}").code == 0
    assert front.count() == calls


def test_it_is_created_again_when_its_secret_is_gone(cli, api, manifests, out):
    write(manifests / "a.yaml", external_secret("a", refreshPolicy="CreatedOnce"))
    api.create("app/a", "first")
    cli("sync", manifests, "--to", f"dir:{out}")
    api.put("app/a", "second")
    (out / "shop" / "secrets" / "a.yaml").unlink()
    ended = cli("sync", manifests, "--to", f"dir:{out}", "-o", "json")
    assert ended.actions() == {"a": "create"}
    assert secret_data(out, "a") == {"value": b"second"}


def test_foreign_secret_does_not_count_as_created(cli, api, manifests, out):
    foreign = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "a", "namespace": "shop"},
        "data": {"value": "dGhlaXJz"},
    }
    write(out / "shop" / "secrets" / "a.yaml", foreign)
    write(manifests / "a.yaml", external_secret("a", refreshPolicy="CreatedOnce"))
    api.create("app/a", "ours")
    ended = cli("sync", manifests, "--to", f"dir:{out}")
    assert ended.code == 1
    assert "was not made by this ExternalSecret" in ended.err
    assert secret_data(out, "a") == {"value": b"theirs"}


def test_only_those_made_once_are_left_out_of_the_read(cli, api, front, manifests, out):
    write(
        manifests / "a.yaml",
        external_secret("once", refreshPolicy="CreatedOnce"),
        external_secret("often"),
        external_secret("changes", refreshPolicy="OnChange"),
        external_secret("hourly", refreshInterval="1h"),
    )
    names = ("once", "often", "changes", "hourly")
    for name in names:
        api.create(f"app/{name}", "first")
    cli("sync", manifests, "--to", f"dir:{out}")
    front.calls.clear()
    ended = cli("sync", manifests, "--to", f"dir:{out}", "-o", "json")
    assert list(ended.actions().items()) == [(name, "unchanged") for name in names]
    (call,) = front.calls
    assert call.operation == "BatchGetSecretValue"
    assert sorted(call.params["SecretIdList"]) == ["app/changes", "app/hourly", "app/often"]


def test_secret_that_was_made_once_is_wanted_and_not_pruned(cli, api, manifests, out):
    write(manifests / "a.yaml", external_secret("a", refreshPolicy="CreatedOnce"))
    api.create("app/a", "first")
    cli("sync", manifests, "--to", f"dir:{out}")
    ended = cli("sync", manifests, "--to", f"dir:{out}", "--prune")
    assert (ended.code, files(out)) == (0, {"shop/secrets/a.yaml"})


def test_store_that_is_gone_does_not_matter_once_it_was_made(cli, api, manifests, out):
    write(manifests / "a.yaml", external_secret("a", refreshPolicy="CreatedOnce"))
    api.create("app/a", "first")
    cli("sync", manifests, "--to", f"dir:{out}")
    (manifests / "store.yaml").unlink()
    assert cli("sync", manifests, "--to", f"dir:{out}").code == 0
