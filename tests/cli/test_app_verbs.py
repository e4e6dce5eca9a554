"""`secretsync app wait`, `tree`, `terminate` and `history` on a directory, as processes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_app import CANARY, external_secret, store
from tests.support.app_world import AppWorld, config_map

#: What an operation says of a hook that it waits for.
HOOK = {
    "group": "batch",
    "version": "v1",
    "kind": "Job",
    "namespace": "shop",
    "name": "migrate",
    "syncPhase": "PreSync",
    "hookType": "PreSync",
    "hookPhase": "Running",
}
#: What JSON names the application by, as plan and sync do.
WEB = {"namespace": "argocd", "name": "web"}
#: An operation that a command was killed in.
RUNNING = {
    "operation": {"initiatedBy": {"username": "ada"}, "sync": {"prune": True}},
    "phase": "Running",
    "startedAt": "2026-01-01T00:00:00Z",
    "syncResult": {"revision": "0123456789", "resources": [HOOK]},
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[AppWorld]:
    """A repository of one application, which the directory has and never synced."""
    found = AppWorld(tmp_path)
    found.repository.commit_objects("web/a.yaml", config_map("a"))
    found.put(found.application())
    yield found
    found.close()


def stored(world: AppWorld) -> dict[str, Any]:
    """Return the Application as the directory has it."""
    found = world.get("applications.argoproj.io", "web", namespace="argocd")
    assert found is not None
    return found


def left_running(world: AppWorld) -> None:
    """Let the status say that an operation is under way."""
    found = stored(world)
    world.put({**found, "status": {**(found.get("status") or {}), "operationState": RUNNING}})


def test_wait_for_what_is_synced_ends_at_once(world: AppWorld) -> None:
    assert world.run("sync").code == 0
    found = world.run("wait")
    assert (found.code, found.err) == (0, "")
    assert found.out == "Application argocd/web: Synced, Healthy, Succeeded\n"
    shown = world.run("wait", "-o", "json", "--timeout", "60")
    assert shown.code == 0
    expected = {"name": "web", "sync": "Synced", "health": "Healthy", "missing": []}
    assert expected.items() <= shown.json.items()


def test_wait_ends_when_somebody_syncs_meanwhile(world: AppWorld) -> None:
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(world.run, "wait", "--timeout", "90")
        assert world.run("plan").code == 1
        assert not waiting.done()
        assert world.run("sync").code == 0
        ended = waiting.result()
    assert ended.code == 0
    assert "Synced, Healthy, Succeeded" in ended.out


@pytest.mark.parametrize(
    ("flags", "missing"),
    [
        ([], ["sync", "health", "operation"]),
        (["--sync"], ["sync"]),
        (["--health"], ["health"]),
        (["--operation"], ["operation"]),
        (["--operation", "--sync"], ["sync", "operation"]),
    ],
)
def test_wait_that_is_not_in_time_names_what_is_missing(
    world: AppWorld, flags: list[str], missing: list[str]
) -> None:
    left_running(world)
    found = world.run("wait", "--timeout", "0.1", *flags)
    assert found.code == 1
    assert found.out == "Application argocd/web: Unknown, Unknown, Running\n"
    assert found.err == f"secretsync: not in time: {', '.join(missing)}\n"
    shown = world.run("wait", "--timeout", "0.1", "-o", "json", *flags)
    assert (shown.code, shown.json["missing"], shown.json["application"]) == (1, missing, WEB)
    assert shown.err == found.err


def test_tree_shows_objects_and_the_secrets_behind_them(world: AppWorld) -> None:
    world.repository.commit_objects("web/all.yaml", store(), external_secret())
    assert world.run("sync").code == 0
    found = world.run("tree", "-o", "json")
    assert found.code == 0
    assert found.json["application"] == WEB
    by_name = {node["name"]: node for node in found.json["objects"]}
    assert {name: (node["kind"], node["status"]) for name, node in by_name.items()} == {
        "a": ("ConfigMap", "Synced"),
        "fake": ("SecretStore", "Synced"),
        "db": ("ExternalSecret", "Synced"),
    }
    behind = {name: node["children"] for name, node in by_name.items() if node["children"]}
    secret = {"kind": "Secret", "namespace": "shop", "name": "db", "status": "exists"}
    assert behind == {"db": [{**secret, "health": "", "children": []}]}
    text = world.run("tree").out
    first, *lines = text.splitlines()
    assert first == "Application argocd/web"
    places = [line.lstrip("│├└─ ").split()[:2] for line in lines]
    assert places.index(["Secret", "shop/db"]) == places.index(["ExternalSecret", "shop/db"]) + 1
    assert sorted(map(" ".join, places)) == [
        "ConfigMap shop/a",
        "ExternalSecret shop/db",
        "Secret shop/db",
        "SecretStore shop/fake",
    ]
    assert CANARY not in found.out + text
    world.path("shop", "secrets", "db").unlink()
    assert "Secret shop/db  missing" in world.run("tree").out


def test_terminate_ends_an_operation_that_was_left_running(world: AppWorld) -> None:
    assert world.run("sync").code == 0
    left_running(world)
    found = world.run("terminate", "-o", "json")
    assert (found.code, found.err) == (0, "")
    assert found.json == {"application": WEB, "phase": "Failed"}
    state = world.status()["operationState"]
    assert (state["phase"], state["message"]) == ("Failed", "Operation terminated")
    assert state["finishedAt"] > state["startedAt"]
    assert state["operation"] == RUNNING["operation"]
    (hook,) = state["syncResult"]["resources"]
    assert (hook["name"], hook["hookPhase"]) == ("migrate", "Failed")
    assert world.value("a") == "1"
    assert world.run("wait", "--operation").code == 0
    again = world.run("terminate")
    assert again.code == 2
    assert "no operation is under way" in again.err


def test_terminate_takes_an_operation_that_nobody_began(world: AppWorld) -> None:
    world.put({**stored(world), "operation": {"initiatedBy": {"username": "ada"}, "sync": {}}})
    assert world.run("terminate").code == 0
    assert "operation" not in stored(world)
    assert world.value("a") is None


def test_history_names_the_author_of_each_commit(world: AppWorld) -> None:
    assert world.run("sync").code == 0
    world.repository.put({"web/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n"})
    world.repository.git("add", "--all")
    author = "Ada Example <ada@example.invalid>"
    world.repository.git("commit", "--quiet", "--message", "hers", f"--author={author}")
    assert world.run("sync").code == 0
    found = world.run("history", "--all", "-o", "json").json
    authors = ["An Author <author@example.invalid>", author]
    assert [each["author"] for each in found] == authors
    assert [each["id"] for each in found] == [0, 1]
    text = world.run("history", "--all").out
    assert all(each in text for each in authors)
