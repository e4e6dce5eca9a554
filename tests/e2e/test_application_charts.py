"""The service with a chart behind a login: new versions arrive, a lost login prunes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from secretsync.controller.app_loop import REFRESH
from tests.e2e.rig import eventually
from tests.support.app_world import AppWorld
from tests.support.chart_server import ChartServer, chart_server
from tests.support.chart_world import CANARY, application, know, publish_anew

pytestmark = [pytest.mark.built, pytest.mark.timeout(300)]

WITHIN_S = 90.0


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


def data(world: AppWorld) -> dict[str, str]:
    found = world.get("configmaps", "web") or {}
    return dict(found.get("data") or {})


def test_chart_follows_its_range_and_values_and_survives_a_lost_login(
    world: AppWorld, server: ChartServer
) -> None:
    server.publish("web", "1.2.0")
    world.repository.commit({"production.yaml": "color: green\n"})
    know(world, server)
    world.put(application(world, server, {"automated": {"prune": True, "selfHeal": True}}))
    world.serve()
    eventually(lambda: data(world) == {"version": "1.2.0", "color": "green"}, within_s=WITHIN_S)

    server.publish("web", "1.3.0")
    server.publish("web", "2.0.0")
    eventually(lambda: data(world)["version"] == "1.3.0", within_s=WITHIN_S)
    world.repository.commit({"production.yaml": "color: red\n"})
    eventually(lambda: data(world)["color"] == "red", within_s=WITHIN_S)

    server.login = "reader:another"
    server.publish("web", "1.4.0")
    eventually(lambda: "refuses the login" in conditions(world), within_s=WITHIN_S)
    assert data(world) == {"version": "1.3.0", "color": "red"}
    know(world, server, "another")
    eventually(lambda: data(world)["version"] == "1.4.0", within_s=WITHIN_S)
    eventually(lambda: "refuses the login" not in conditions(world), within_s=WITHIN_S)
    # Later than the service's own writes, which the edit below would take away again.
    eventually(lambda: is_synced(world, "1.4.0"), within_s=WITHIN_S)

    # A version is what it was, until somebody asks for it anew.
    publish_anew(server, "1.4.0")
    app = world.get("applications.argoproj.io", "web", namespace="argocd") or {}
    annotations = {**(app["metadata"].get("annotations") or {}), REFRESH: "hard"}
    world.put({**app, "metadata": {**app["metadata"], "annotations": annotations}})
    eventually(lambda: data(world) == {"version": "anew"}, within_s=WITHIN_S)
    assert CANARY.encode() not in (world.folder / "service.log").read_bytes()


def is_synced(world: AppWorld, version: str) -> bool:
    status = world.status()
    sync = status.get("sync") or {}
    phase = (status.get("operationState") or {}).get("phase")
    chart, *_ = sync.get("revisions") or [""]
    return (sync.get("status"), chart, phase) == ("Synced", version, "Succeeded")


def conditions(world: AppWorld) -> str:
    return str(world.status().get("conditions") or "")
