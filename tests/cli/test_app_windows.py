"""A command whose sync a window closes on, in the middle of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from secretsync.cli.app.session import AppRequest, opened
from secretsync.cli.app.showing import SealingFlags
from secretsync.cli.app.syncing import sync_once
from secretsync.refresh.clock import Clock
from tests.support.app_world import AppWorld, config_map

WINDOW = {"kind": "deny", "schedule": "0 13 * * *", "duration": "1h", "applications": ["*"]}


class Moving(Clock):
    """A clock on which the window closes as soon as the sync has begun."""

    def __init__(self, world: AppWorld) -> None:
        super().__init__()
        self._world = world

    def now(self) -> datetime:
        hour = 13 if self._world.status().get("operationState") else 12
        return datetime(2026, 7, 1, hour, 1, tzinfo=UTC)


@pytest.mark.parametrize("overrun", [False, True], ids=["ends", "overruns"])
def test_sync_of_a_command_ends_when_a_window_closes_on_it_unless_it_may_overrun(
    tmp_path: Path, *, overrun: bool
) -> None:
    world = AppWorld(tmp_path)
    world.repository.commit_objects("web/a.yaml", config_map("a"))
    world.put(world.application(project="shop"))
    project = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "shop", "namespace": "argocd"},
        "spec": {
            "sourceRepos": ["*"],
            "destinations": [{"server": "*", "namespace": "*"}],
            "syncWindows": [{**WINDOW, "syncOverrun": overrun}],
        },
    }
    path = world.path("argocd", "appprojects.argoproj.io", "shop")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(project))
    cache = str(tmp_path / "cache")
    request = AppRequest("argocd/web", f"dir:{world.root}", "", "text", cache)
    with opened(request, writes=True) as found:
        session = replace(found, clock=Moving(world))
        look = session.look(session.find())
        code = sync_once(session, look, SealingFlags((), ""), prune=None, action="sync")
    state = world.status()["operationState"]
    assert (code, state["phase"]) == ((0, "Succeeded") if overrun else (1, "Failed"))
    assert ("ended in the middle: a sync window is closed to it" in state["message"]) is not overrun
    assert world.value("a") == ("1" if overrun else None)
