"""Applications served by the running service: what Argo CD's own tests ask of it."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.rig import eventually, settled, steady
from tests.support.app_world import AppWorld, config_map, hundred_in_waves
from tests.support.service import RunningService

HEALING = {"automated": {"prune": True, "selfHeal": True}}
GIT_CALLS = "secretsync_git_calls_total"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[AppWorld]:
    """A repository, and a directory that a service may serve."""
    found = AppWorld(tmp_path)
    yield found
    found.close()


def is_synced(world: AppWorld, revision: str) -> bool:
    """Return whether the status says that a revision is deployed."""
    status = world.status()
    sync = status.get("sync") or {}
    phase = (status.get("operationState") or {}).get("phase")
    return (sync.get("status"), sync.get("revision"), phase) == ("Synced", revision, "Succeeded")


def test_auto_sync_self_heal_enabled(world: AppWorld) -> None:
    """TestAutoSyncSelfHealEnabled."""
    revision = world.repository.commit_objects("web/a.yaml", config_map("a"))
    world.put(world.application(policy=HEALING))
    world.serve()
    eventually(lambda: is_synced(world, revision))
    world.edit("a", "somebody's")
    eventually(lambda: world.value("a") == "1")
    assert eventually(lambda: world.events("ResourceDrifted"))
    world.path("shop", "configmaps", "a").unlink()
    eventually(lambda: world.value("a") == "1")
    eventually(lambda: is_synced(world, revision))
    actions = [each["action"] for each in world.run("history", "--all", "-o", "json").json]
    assert actions.count("heal") >= 2
    assert len(world.status()["history"]) == 1


def test_auto_sync_self_heal_disabled(world: AppWorld) -> None:
    """TestAutoSyncSelfHealDisabled: drift is told of and left, the next commit is applied."""
    revision = world.repository.commit_objects("web/a.yaml", config_map("a"))
    world.put(world.application(policy={"automated": {}}))
    world.serve()
    eventually(lambda: is_synced(world, revision))
    world.edit("a", "somebody's")
    eventually(lambda: world.status()["sync"]["status"] == "OutOfSync")
    assert steady(lambda: world.value("a"), for_s=3) == "somebody's"
    revision = world.repository.commit_objects("web/a.yaml", config_map("a", "2"))
    eventually(lambda: world.value("a") == "2")
    eventually(lambda: is_synced(world, revision))


def test_auto_sync_allow_empty_can_be_disabled_in_the_service(world: AppWorld) -> None:
    """TestAutoSyncAllowEmptyCanBeDisabled: an empty render deletes nothing."""
    world.repository.commit_objects("web/a.yaml", config_map("a"))
    world.put(world.application(policy=HEALING))
    world.serve()
    eventually(lambda: world.value("a") == "1")
    folder = world.repository.folder / "web"
    (folder / "README.md").write_text("nothing left\n")
    world.repository.commit_objects("web/a.yaml")
    eventually(lambda: "wipe out" in str(world.status().get("conditions")))
    assert steady(lambda: world.value("a"), for_s=2) == "1"


def test_auto_sync_retry_and_refresh_enabled(world: AppWorld) -> None:
    """TestAutoSyncRetryAndRefreshEnabled: what failed is tried again, a commit goes first."""
    broken = {**config_map("broken"), "metadata": {"name": "Not_A_Name"}}
    world.repository.commit_objects("web/a.yaml", config_map("a"), broken)
    policy = {**HEALING, "retry": {"limit": 5, "backoff": {"duration": "1s", "maxDuration": "2s"}}}
    world.put(world.application(policy=policy))
    world.serve()
    eventually(lambda: (world.status().get("operationState") or {}).get("retryCount", 0) >= 2)
    assert world.status()["operationState"]["phase"] in ("Failed", "Running")
    revision = world.repository.commit_objects("web/a.yaml", config_map("a", "2"))
    eventually(lambda: is_synced(world, revision))
    assert world.value("a") == "2"


def test_pruning_that_nobody_agreed_to_is_waited_for_in_silence(world: AppWorld) -> None:
    asks = config_map("asks", **{"argocd.argoproj.io/sync-options": "Prune=confirm"})
    others = [config_map(name) for name in "abcd"]
    world.repository.commit_objects("web/a.yaml", asks, *others)
    world.put(world.application(policy=HEALING))
    world.serve("--poll-interval", "3600")

    def annotated(name: str, value: str) -> None:
        live = world.get("applications.argoproj.io", "web", namespace="argocd")
        assert live is not None
        live["metadata"].setdefault("annotations", {})[f"argocd.argoproj.io/{name}"] = value
        world.put(live)

    def refreshed() -> bool:
        live = world.get("applications.argoproj.io", "web", namespace="argocd") or {}
        return "argocd.argoproj.io/refresh" not in live["metadata"]["annotations"]

    def actions() -> list[str]:
        return [each["action"] for each in world.run("history", "--all", "-o", "json").json]

    # The journal is the last word of a sync: what the test writes then is nobody's loss.
    eventually(lambda: actions() == ["sync"])
    world.repository.commit_objects("web/a.yaml", *others)
    annotated("refresh", "normal")
    eventually(lambda: actions() == ["sync", "sync"])
    assert "PruneSkipped" in str(world.status()["operationState"])
    for _ in range(3):
        annotated("refresh", "normal")
        eventually(refreshed)
    assert (actions(), world.value("asks")) == (["sync", "sync"], "1")
    annotated("deletion-approved", "2999-01-01T00:00:00Z")
    eventually(lambda: world.value("asks") is None)
    eventually(lambda: actions() == ["sync", "sync", "heal"])


def test_status_that_nobody_foresaw_is_told_of_and_stops_nothing(world: AppWorld) -> None:
    world.repository.commit_objects("web/a.yaml", config_map("a"))
    odd = {"phase": "Succeeded", "startedAt": "2026-01-01T00:00:00Z", "operation": "odd"}
    world.put({**world.application(), "status": {"operationState": odd}})
    world.repository.commit_objects("other/b.yaml", config_map("b"))
    world.serve()
    eventually(lambda: "an error that nobody foresaw" in str(world.status().get("conditions")))
    world.put(world.application("other", policy=HEALING))
    eventually(lambda: world.value("b") == "1")


def test_operation_field_starts_a_sync_and_is_taken(world: AppWorld) -> None:
    revision = world.repository.commit_objects("web/a.yaml", config_map("a"))
    world.put(world.application())
    world.serve()
    eventually(lambda: (world.status().get("sync") or {}).get("status") == "OutOfSync")
    assert world.value("a") is None
    asked = world.get("applications.argoproj.io", "web", namespace="argocd")
    assert asked is not None
    world.put({**asked, "operation": {"initiatedBy": {"username": "ada"}, "sync": {}}})
    eventually(lambda: is_synced(world, revision))
    found = world.get("applications.argoproj.io", "web", namespace="argocd")
    assert found is not None
    assert "operation" not in found
    by = found["status"]["operationState"]["operation"]["initiatedBy"]
    assert by == {"username": "ada"}


@pytest.mark.parametrize("newest", [False, True], ids=["pinned", "refresh"])
def test_operation_with_retry_is_tried_again_at_its_revision_or_with_refresh_the_newest(
    world: AppWorld, *, newest: bool
) -> None:
    broken = {**config_map("broken"), "metadata": {"name": "Not_A_Name"}}
    first = world.repository.commit_objects("web/a.yaml", config_map("a"), broken)
    retry = {"limit": -1, "refresh": newest, "backoff": {"duration": "1s", "maxDuration": "1s"}}
    operation = {"initiatedBy": {"username": "ada"}, "sync": {}, "retry": retry}
    world.put({**world.application(), "operation": operation})
    world.serve()

    def state() -> dict[str, Any]:
        found: dict[str, Any] = world.status().get("operationState") or {}
        return found

    eventually(lambda: state().get("retryCount", 0) >= 1)
    second = world.repository.commit_objects("web/a.yaml", config_map("a", "2"))
    if newest:
        eventually(lambda: is_synced(world, second))
        return
    eventually(lambda: world.status()["sync"].get("revision") == second)
    before = state()["retryCount"]
    eventually(lambda: state()["retryCount"] >= before + 2)
    assert (state()["syncResult"]["revision"], world.value("a")) == (first, "1")


def test_skip_reconcile_leaves_an_application_alone(world: AppWorld) -> None:
    world.repository.commit_objects("web/a.yaml", config_map("a"))
    application = world.application(policy=HEALING)
    application["metadata"]["annotations"] = {"argocd.argoproj.io/skip-reconcile": "true"}
    world.put(application)
    world.serve()
    assert steady(lambda: (world.value("a"), world.status()), for_s=3) == (None, {})
    application["metadata"].pop("annotations")
    world.put(application)
    eventually(lambda: world.value("a") == "1")


def test_refresh_annotation_is_taken_and_looks_at_once(world: AppWorld) -> None:
    revision = world.repository.commit_objects("web/a.yaml", config_map("a"))
    world.put(world.application(policy=HEALING))
    world.serve("--poll-interval", "3600")
    # Later than the service's own writes, which would take the annotation away again.
    eventually(lambda: is_synced(world, revision))
    world.repository.commit_objects("web/a.yaml", config_map("a", "2"))
    live = world.get("applications.argoproj.io", "web", namespace="argocd")
    assert live is not None
    live["metadata"].setdefault("annotations", {})["argocd.argoproj.io/refresh"] = "normal"
    world.put(live)
    eventually(lambda: world.value("a") == "2")


def test_rollback_holds_with_automation_on_until_the_next_commit(world: AppWorld) -> None:
    world.repository.commit_objects("web/a.yaml", config_map("a", "1"))
    world.put(world.application(policy=HEALING))
    world.run("sync")
    world.repository.commit_objects("web/a.yaml", config_map("a", "2"))
    world.run("sync")
    assert world.run("rollback").code == 0
    world.serve()
    eventually(lambda: "RolledBack" in str(world.status().get("conditions")))
    assert steady(lambda: world.value("a"), for_s=4) == "1"
    world.edit("a", "somebody's")
    eventually(lambda: world.value("a") == "1")
    world.repository.commit_objects("web/a.yaml", config_map("a", "3"))
    eventually(lambda: world.value("a") == "3")
    eventually(lambda: "RolledBack" not in str(world.status().get("conditions")))


def test_cycle_without_change_writes_and_renders_nothing(world: AppWorld) -> None:
    revision = world.repository.commit_objects("web/a.yaml", config_map("a"))
    world.put(world.application(policy=HEALING))
    service = world.serve()
    eventually(lambda: is_synced(world, revision))
    before = settled(lambda: work_of(service), for_s=1.5)
    asked = service.total(GIT_CALLS, verb="ls-remote")
    assert before["writes"] > 0
    assert before["renders"] > 0
    eventually(lambda: service.total(GIT_CALLS, verb="ls-remote") >= asked + 3, within_s=60)
    assert work_of(service) == before


def work_of(service: RunningService) -> dict[str, float]:
    """Return what a service has done by its own counts, but for asking which commits there are."""
    # From one page: it asks for commits all the time, in between two pages too.
    git = sum(number for of, number in service.series(GIT_CALLS) if of["verb"] != "ls-remote")
    renders = service.total("secretsync_app_renders_total")
    return {"writes": service.writes(), "renders": renders, "other git calls": git}


def test_repository_that_goes_away_prunes_nothing_and_is_told_of(world: AppWorld) -> None:
    revision = world.repository.commit_objects("web/a.yaml", config_map("a"))
    world.put(world.application(policy=HEALING))
    world.serve()
    eventually(lambda: is_synced(world, revision))
    moved = world.folder / "moved"
    world.repository.folder.rename(moved)
    eventually(lambda: world.status()["sync"]["status"] == "Unknown")
    assert world.value("a") == "1"
    moved.rename(world.repository.folder)
    eventually(lambda: is_synced(world, revision))


def test_deleted_application_takes_its_objects_with_it(world: AppWorld) -> None:
    revision = world.repository.commit_objects("web/a.yaml", config_map("a"), config_map("b"))
    application = world.application(policy=HEALING)
    application["metadata"]["finalizers"] = ["resources-finalizer.argocd.argoproj.io"]
    world.put(application)
    world.serve()
    eventually(lambda: is_synced(world, revision))
    live = world.get("applications.argoproj.io", "web", namespace="argocd")
    assert live is not None
    live["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    world.put(live)
    eventually(lambda: (world.value("a"), world.value("b")) == (None, None))
    eventually(lambda: world.get("applications.argoproj.io", "web", namespace="argocd") is None)


@pytest.mark.timeout(900)
def test_sync_killed_at_fifty_moments_converges(world: AppWorld) -> None:
    """A hundred objects in waves, with prune, and SIGKILL at seeded moments."""
    moments = random.Random(7)  # noqa: S311 - the same moments at each run
    world.repository.commit_objects("web/all.yaml", *hundred_in_waves(0))
    world.put(world.application(policy=HEALING))
    began = time.monotonic()
    service = world.serve()
    eventually(lambda: len(names(world)) == 95, within_s=120)
    whole_s = min(3.0, time.monotonic() - began)
    service.kill()
    for kill in range(1, 51):
        world.repository.commit_objects("web/all.yaml", *hundred_in_waves(kill))
        service = world.serve(ready=False)
        time.sleep(moments.uniform(0.3, 1.0) * whole_s)
        service.kill()
        world.services.remove(service)
        for name in names(world):
            assert world.value(name) is not None, f"{name} is torn"
    service = world.serve()
    there = {each["metadata"]["name"] for each in hundred_in_waves(50)}
    eventually(lambda: names(world) == there, within_s=120)
    eventually(lambda: {world.value(name) for name in there} == {"50"}, within_s=60)
    eventually(lambda: world.status()["sync"]["status"] == "Synced", within_s=60)
    listed = {each["name"] for each in world.status()["resources"]}
    assert listed == there


def names(world: AppWorld) -> set[str]:
    """Return the names of the ConfigMaps that are there, each a whole file."""
    folder = world.root / "shop" / "configmaps"
    found = set()
    for file in folder.glob("*.yaml") if folder.exists() else ():
        if file.name.startswith("."):
            continue
        with contextlib.suppress(FileNotFoundError):  # Pruned since the folder was listed.
            assert yaml.safe_load(file.read_text()), f"{file.name} is torn"
            found.add(file.stem)
    return found
