"""A rollback brings the values back that were deployed then, from real stores."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rig import INTERVAL, STORE, Rig, eventually, steady
from tests.e2e.store_worlds import STORE as TROUBLE
from tests.e2e.store_worlds import WORLDS
from tests.support.app_world import AppWorld, config_map

pytestmark = pytest.mark.timeout(600)

Hold = Callable[[str], None]
KINDS = ("secrets-manager", "parameter-store", "vault", "gcp")


@contextlib.contextmanager
def _store(rig: Rig, kind: str) -> Iterator[tuple[dict[str, str], Hold, dict[str, str]]]:
    """Serve a store; give its reference, what changes the value in it, and variables."""
    if kind == "secrets-manager":
        rig.store()
        reference = {"name": STORE, "kind": "ClusterSecretStore"}
        yield reference, lambda text: rig.upstream("db", text), {}
        return
    with WORLDS[kind](rig) as world:
        reference = {"name": TROUBLE, "kind": "SecretStore"}
        yield reference, lambda text: world.hold("db", text), dict(world.environment)


def _objects(reference: dict[str, str], value: str) -> list[dict[str, Any]]:
    secret = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "db"},
        "spec": {
            "refreshInterval": INTERVAL,
            "secretStoreRef": reference,
            "data": [{"secretKey": "password", "remoteRef": {"key": "db", "property": "password"}}],
        },
    }
    return [config_map("a", value), secret]


def _world(rig: Rig, folder: Path, env: dict[str, str]) -> AppWorld:
    world = AppWorld(folder, env={**rig.environment(), **env})
    destination = {"server": "https://kubernetes.default.svc", "namespace": rig.site.namespace}
    policy = {"automated": {"prune": True, "selfHeal": True}}
    world.put(world.application(policy=policy, destination=destination))
    return world


def _config(rig: Rig) -> str | None:
    found = rig.site.get("ConfigMap", "a")
    return None if found is None else str(found["data"]["a"])


@pytest.mark.parametrize("kind", KINDS)
def test_rollback_reads_the_versions_that_were_deployed_and_a_release_the_newest(
    dir_rig: Rig, tmp_path: Path, kind: str
) -> None:
    rig = dir_rig
    with _store(rig, kind) as (reference, hold, env):
        world = _world(rig, tmp_path, env)
        for text in ("v1", "v2"):
            hold(text)
            world.repository.commit_objects("web/all.yaml", *_objects(reference, text))
            done = world.run("sync")
            assert done.code == 0, done.err
            assert (_config(rig), rig.holds("db", text)) == (text, True)
        if kind != "secrets-manager":  # That keeps two versions for certain, no third.
            hold("v3")
        back = world.run("rollback")
        assert back.code == 0, back.err
        assert (_config(rig), rig.holds("db", "v1")) == ("v1", True)
        # Pinned: a sync changes nothing, though the store has something newer.
        assert world.run("sync").code == 0
        assert rig.holds("db", "v1")
        assert world.run("plan").code == 0
        hold("v3")
        assert world.run("rollback", "--release").code == 0
        assert world.run("sync").code == 0
        assert (_config(rig), rig.holds("db", "v3")) == ("v2", True)
        shown = world.run("history", "--all", "-o", "json")
        assert rig.canary not in shown.out


def test_rollback_holds_its_versions_while_the_service_refreshes(
    dir_rig: Rig, tmp_path: Path
) -> None:
    rig = dir_rig
    with _store(rig, "vault") as (reference, hold, env):
        world = _world(rig, tmp_path, env)
        for text in ("v1", "v2"):
            hold(text)
            world.repository.commit_objects("web/all.yaml", *_objects(reference, text))
            assert world.run("sync").code == 0
        assert world.run("rollback").code == 0
        hold("v3")
        rig.services.append(world.serve())
        # Several refreshes and polls long.
        assert steady(lambda: (_config(rig), rig.holds("db", "v1")), for_s=6) == ("v1", True)
        world.repository.commit_objects("web/all.yaml", *_objects(reference, "next"))
        eventually(lambda: _config(rig) == "next", within_s=60)
        rig.wait_holds("db", "v3", within_s=60)
