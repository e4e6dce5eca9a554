"""Hooks on a real API server: they run, end and go; here the test ends them itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from secretsync.cluster.base import Propagation
from secretsync.gitops.diff.pairing import TRACKING
from secretsync.gitops.model import (
    ObjectKey,
    OperationPhase,
    ResourceResult,
    ResultCode,
    SyncPhase,
)
from secretsync.gitops.sync.hook_running import HOOK_FINALIZER, end_hooks
from tests.gitops.comparing_kit import config_map
from tests.gitops.sync_kit import MAPS, Scene, annotated, job, order

pytestmark = pytest.mark.built

COMPLETE = {
    "conditions": [
        {"type": "SuccessCriteriaMet", "status": "True"},
        {"type": "Complete", "status": "True"},
    ],
    "startTime": "2026-01-01T00:00:00Z",
    "completionTime": "2026-01-01T00:00:00Z",
    "succeeded": 1,
}

BROKEN = {
    "conditions": [
        {"type": "FailureTarget", "status": "True", "reason": "x"},
        {"type": "Failed", "status": "True", "message": "exit code 1"},
    ],
    "startTime": "2026-01-01T00:00:00Z",
}


def test_hooks_run_before_and_after_and_a_failed_one_runs_those_of_failure(scene: Scene) -> None:
    objects = (
        job("migrate", hook="PreSync"),
        annotated("web"),
        annotated("after", hook="PostSync"),
        annotated("mend", hook="SyncFail"),
    )
    done = {"conditions": [{"type": "Complete", "status": "True"}]}

    def run_jobs(status: Any) -> None:
        # Kubernetes has rules of its own for how a Job's status may move.
        scene.patch_status("batch/v1", "Job", "migrate", status)

    begun = "2026-01-01T00:00:00Z"
    met = {"type": "SuccessCriteriaMet", "status": "True"}
    scene.meanwhile = lambda: run_jobs(
        {
            **done,
            "conditions": [met, *done["conditions"]],
            "startTime": begun,
            "completionTime": begun,
            "succeeded": 1,
        }
    )
    found = scene.sync(*objects)
    assert found.phase is OperationPhase.SUCCEEDED, found
    assert order(found) == ["migrate", "web", "after"]
    by_name = {each.key.name: each for each in found.results}
    assert by_name["migrate"].hook_phase is OperationPhase.SUCCEEDED
    assert by_name["migrate"].sync_phase is SyncPhase.PRE_SYNC
    scene.meanwhile = lambda: run_jobs(BROKEN)
    scene.bench.cluster.delete(MAPS, scene.bench.namespace, "web")
    found = scene.sync(*objects)
    assert found.phase is OperationPhase.FAILED
    assert order(found) == ["migrate", "mend"]
    assert scene.get("ConfigMap", "web") is None


@pytest.mark.parametrize(
    ("policy", "stays"),
    [
        pytest.param("HookSucceeded", False, id="hook_succeeded_hook_exit0"),
        pytest.param("HookFailed", True, id="hook_failed_hook_exit0"),
        ("BeforeHookCreation", True),
        ("BeforeHookCreation,HookSucceeded", False),
    ],
)
def test_hook_delete_policy(scene: Scene, policy: str, stays: bool) -> None:
    """What has no health has succeeded once it is there."""
    hook = annotated("before", hook="PreSync", policy=policy)
    assert scene.sync(hook, annotated("web")).phase is OperationPhase.SUCCEEDED
    found = scene.get("ConfigMap", "before")
    assert (found is not None) is stays
    again = scene.sync(hook, annotated("web"))
    assert again.phase is OperationPhase.SUCCEEDED
    if "BeforeHookCreation" in policy and stays:
        now = scene.get("ConfigMap", "before")
        assert now["metadata"]["uid"] != found["metadata"]["uid"]


@pytest.mark.parametrize(
    ("policy", "stays"),
    [
        pytest.param("HookFailed", False, id="hook_failed_hook_exit1"),
        ("BeforeHookCreation,HookFailed", False),
        pytest.param("HookSucceeded", True, id="hook_succeeded_hook_exit1"),
        ("BeforeHookCreation", True),
    ],
)
def test_hook_delete_policy_of_a_hook_that_failed(scene: Scene, policy: str, stays: bool) -> None:
    scene.meanwhile = lambda: scene.patch_status("batch/v1", "Job", "migrate", BROKEN)
    found = scene.sync(job("migrate", hook="PreSync", policy=policy), annotated("web"))
    assert found.phase is OperationPhase.FAILED
    (result,) = found.results
    assert (result.hook_phase, result.message) == (OperationPhase.FAILED, "exit code 1")
    assert not scene.has("web")
    live = scene.get("Job", "migrate", "batch/v1")
    if stays:
        assert not live["metadata"].get("deletionTimestamp")
        assert HOOK_FINALIZER not in (live["metadata"].get("finalizers") or ())
    else:
        assert live is None


@pytest.mark.parametrize(("policy", "stays"), [("HookSucceeded", False), ("HookFailed", True)])
def test_hook_that_a_sync_names_is_its_own(scene: Scene, policy: str, stays: bool) -> None:
    hook = annotated("none", hook="PreSync", policy=policy)
    hook["metadata"]["generateName"] = "before-"
    del hook["metadata"]["name"]
    assert scene.sync(hook, annotated("web")).phase is OperationPhase.SUCCEEDED
    maps = scene.bench.cluster.list(MAPS, scene.bench.namespace).items
    left = [each for each in maps if each["metadata"]["name"].startswith("before-")]
    assert len(left) == stays
    for each in left:
        name = each["metadata"]["name"]
        assert each["metadata"]["annotations"][TRACKING].endswith(f"/{name}")


def test_hook_that_somebody_deletes_while_it_runs_has_failed(scene: Scene) -> None:
    kind = scene.bench.cluster.resolve("batch/v1", "Job")
    scene.meanwhile = lambda: scene.bench.cluster.delete(
        kind, scene.bench.namespace, "migrate", propagation=Propagation.BACKGROUND
    )
    found = scene.sync(job("migrate", hook="PreSync"), annotated("web"))
    assert found.phase is OperationPhase.FAILED
    assert "deleted in the meantime" in found.message
    assert scene.get("ConfigMap", "web") is None


def test_hook_is_held_until_its_end_was_seen(scene: Scene) -> None:
    """A Job that its own time to live deletes after it ended has ended well."""
    kind = scene.bench.cluster.resolve("batch/v1", "Job")
    held: list[bool] = []

    def meanwhile() -> None:
        live = scene.get("Job", "migrate", "batch/v1")
        held.append(HOOK_FINALIZER in live["metadata"]["finalizers"])
        if len(held) == 2:
            scene.patch_status("batch/v1", "Job", "migrate", COMPLETE)
            scene.bench.cluster.delete(
                kind, scene.bench.namespace, "migrate", propagation=Propagation.BACKGROUND
            )

    scene.meanwhile = meanwhile
    found = scene.sync(job("migrate", hook="PreSync"), annotated("web"))
    assert found.phase is OperationPhase.SUCCEEDED, found
    assert held[0]
    assert scene.get("Job", "migrate", "batch/v1") is None


def test_hook_that_has_ended_is_not_held(scene: Scene) -> None:
    scene.sync(annotated("before", hook="PreSync"), annotated("web"))
    assert "finalizers" not in scene.get("ConfigMap", "before")["metadata"]


def test_hook_that_a_kill_left_held_goes_before_it_runs_again(scene: Scene) -> None:
    scene.sync(annotated("before", hook="PreSync"), annotated("web"))
    scene.patch(MAPS, "before", {"metadata": {"finalizers": [HOOK_FINALIZER, "example.com/own"]}})
    scene.meanwhile = lambda: let_go(scene, "before")
    uid = scene.get("ConfigMap", "before")["metadata"]["uid"]
    found = scene.sync(annotated("before", hook="PreSync"), annotated("web"))
    assert found.phase is OperationPhase.SUCCEEDED, found
    assert scene.get("ConfigMap", "before")["metadata"]["uid"] != uid


def let_go(scene: Scene, name: str) -> None:
    """Take somebody else's finalizer off, once ours is off."""
    live = scene.get("ConfigMap", name)
    if live is not None and live["metadata"].get("finalizers") == ["example.com/own"]:
        scene.patch(MAPS, name, {"metadata": {"finalizers": None}})


def test_hook_that_never_ends_fails_the_sync_and_is_let_go(scene: Scene) -> None:
    scene.give_up_after(0.5)
    found = scene.sync(job("migrate", hook="PreSync"), annotated("web"))
    assert found.phase is OperationPhase.FAILED
    assert "not healthy in time" in found.message
    assert not scene.has("web")
    left = scene.get("Job", "migrate", "batch/v1")
    assert HOOK_FINALIZER not in (left["metadata"].get("finalizers") or ())


def test_hooks_that_run_end_with_a_sync_that_fails_without_them(scene: Scene) -> None:
    broken = annotated("broken")
    broken["metadata"]["labels"] = {"a": "not a label!"}
    found = scene.sync(job("during", hook="Sync"), broken)
    assert found.phase is OperationPhase.FAILED
    assert {str(each.hook_phase) for each in found.results if each.hook_type} == {"Failed"}
    live = scene.get("Job", "during", "batch/v1")
    assert live is None or live["metadata"].get("deletionTimestamp")


def test_sync_that_goes_on_finds_its_hook_and_makes_no_second_one(scene: Scene) -> None:
    scene.stop.set()
    begun = scene.sync(job("migrate", hook="PreSync"), annotated("web"))
    assert begun.phase is OperationPhase.RUNNING
    uid = scene.get("Job", "migrate", "batch/v1")["metadata"]["uid"]
    scene.stop.clear()
    scene.meanwhile = lambda: scene.patch_status("batch/v1", "Job", "migrate", COMPLETE)
    found = scene.sync(job("migrate", hook="PreSync"), annotated("web"), state=begun)
    assert found.phase is OperationPhase.SUCCEEDED, found
    assert scene.get("Job", "migrate", "batch/v1")["metadata"]["uid"] == uid


def test_status_that_names_others_objects_as_hooks_ends_none_of_them(scene: Scene) -> None:
    """More people can write the status of an Application than what it may name."""
    theirs = config_map("theirs", {"a": "1"}, namespace=scene.bench.namespace)
    scene.bench.cluster.create(MAPS, theirs, field_manager="somebody")
    key = ObjectKey("", "ConfigMap", scene.bench.namespace, "theirs")
    running = ResourceResult(
        key, "v1", SyncPhase.PRE_SYNC, hook_type="PreSync", hook_phase=OperationPhase.RUNNING
    )
    state = replace(scene.state(), results=(running,))
    ended = end_hooks(scene.bench.cluster, scene.bench.app, state)
    assert {each.hook_phase for each in ended.results} == {OperationPhase.FAILED}
    assert scene.has("theirs")


def test_status_of_a_sync_that_began_takes_nothing_of_others(scene: Scene) -> None:
    theirs = config_map("theirs", {"a": "1"}, namespace=scene.bench.namespace)
    scene.bench.cluster.create(MAPS, theirs, field_manager="somebody")
    key = ObjectKey("", "ConfigMap", scene.bench.namespace, "odd")
    done = ResourceResult(key, "v1", SyncPhase.SYNC, ResultCode.SYNCED)
    begun = replace(scene.state(), results=(done,))
    found = scene.sync(annotated("theirs", "2"), annotated("web"), state=begun)
    assert found.phase is OperationPhase.FAILED
    assert scene.get("ConfigMap", "theirs")["data"] == {"a": "1"}


def test_hook_that_an_operation_left_running_goes_when_it_is_ended(scene: Scene) -> None:
    scene.stop.set()
    begun = scene.sync(job("migrate", hook="PreSync"), annotated("web"))
    ended = end_hooks(scene.bench.cluster, scene.bench.app, begun)
    assert {each.hook_phase for each in ended.results} == {OperationPhase.FAILED}
    live = scene.get("Job", "migrate", "batch/v1")
    assert live is None or HOOK_FINALIZER not in (live["metadata"].get("finalizers") or ())
