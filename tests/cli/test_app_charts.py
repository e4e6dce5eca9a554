"""`secretsync app` with a chart of a repository that only its cluster knows how to reach."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.app_world import AppWorld
from tests.support.chart_server import ChartServer, chart_server
from tests.support.chart_world import CANARY, application, know, publish_anew

pytestmark = pytest.mark.built


@pytest.fixture
def server() -> Iterator[ChartServer]:
    with chart_server() as found:
        found.login = f"reader:{CANARY}"
        yield found


@pytest.fixture
def world(tmp_path: Path) -> Iterator[AppWorld]:
    found = AppWorld(tmp_path)
    yield found
    found.close()


def test_chart_with_values_of_git_is_synced_and_its_login_is_nowhere(
    world: AppWorld, server: ChartServer
) -> None:
    server.publish("web", "1.2.0")
    world.repository.commit({"production.yaml": "color: green\n"})
    file = world.file(application(world, server))
    refused = world.run("plan", app=file)
    assert refused.code == 2
    assert "certificate" in refused.err
    know(world, server)
    done = world.run("sync", app=file)
    assert done.code == 0, done.err
    assert (world.get("configmaps", "web") or {})["data"] == {"version": "1.2.0", "color": "green"}
    assert world.run("plan", app=file).code == 0
    history = world.run("history", "-o", "json")
    server.publish("web", "1.3.0")
    moved = world.run("plan", app=file)
    assert moved.code == 1
    assert "1.3.0" in moved.out
    assert world.status()["history"][0]["revisions"][0] == "1.2.0"
    shown = "".join(each.out + each.err for each in (refused, done, history, moved))
    assert CANARY not in shown
    secret = world.path("argocd", "secrets", "charts")
    held = [path for path in world.folder.rglob("*") if path.is_file() and path != secret]
    assert not any(CANARY.encode() in path.read_bytes() for path in held)
    encoded = base64.b64encode(f"reader:{CANARY}".encode())
    assert not any(encoded in path.read_bytes() for path in held)


def test_version_that_was_published_again_is_seen_by_a_hard_refresh_alone(
    world: AppWorld, server: ChartServer
) -> None:
    server.publish("web", "1.2.0")
    world.repository.commit({"production.yaml": "color: green\n"})
    know(world, server)
    file = world.file(application(world, server))
    assert world.run("sync", app=file).code == 0
    publish_anew(server, "1.2.0")
    assert world.run("plan", app=file).code == 0
    planned = world.run("plan", "--hard-refresh", app=file)
    assert planned.code == 1, planned.err
    assert "update" in planned.out
    done = world.run("sync", "--hard-refresh", app=file)
    assert done.code == 0, done.err
    assert (world.get("configmaps", "web") or {})["data"] == {"version": "anew"}
    assert world.run("plan", app=file).code == 0
