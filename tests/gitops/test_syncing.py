"""A sync on a real API server: waves wait, a kill resumes, faults change nothing on doubt."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from secretsync.errors import ClusterUnavailable
from secretsync.gitops.model import (
    FIELD_MANAGER,
    OperationPhase,
    OperationState,
)
from tests.gitops.comparing_kit import deployment
from tests.gitops.sync_kit import ARGO, READY, Killed, Scene, annotated, job, order

pytestmark = pytest.mark.built


def test_waves_are_applied_in_order_and_each_waits_until_it_is_healthy(scene: Scene) -> None:
    web = deployment("web", replicas=1)
    web["metadata"]["annotations"] = {ARGO + "sync-wave": "1"}
    seen: list[bool] = []

    def kubelet() -> None:
        seen.append(scene.get("ConfigMap", "last") is None)
        if len(seen) == 3:
            scene.patch_status("apps/v1", "Deployment", "web", READY)

    scene.meanwhile = kubelet
    found = scene.sync(annotated("last", wave="2"), web, annotated("first"))
    assert (found.phase, order(found)) == (OperationPhase.SUCCEEDED, ["first", "web", "last"])
    assert seen == [True, True, True]


def test_last_wave_ends_when_it_is_applied(scene: Scene) -> None:
    found = scene.sync(deployment("web"))
    assert found.phase is OperationPhase.SUCCEEDED


def test_degraded_object_of_a_wave_stops_the_sync_before_the_next(scene: Scene) -> None:
    web = deployment("web", replicas=1)
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    status = {**READY, "conditions": [{**late, "message": "too late"}]}
    scene.meanwhile = lambda: scene.patch_status("apps/v1", "Deployment", "web", status)
    found = scene.sync(web, annotated("next", wave="1"))
    assert found.phase is OperationPhase.FAILED
    assert "degraded" in found.message
    assert scene.get("ConfigMap", "next") is None


def test_sync_that_is_killed_goes_on_with_the_next_object(scene: Scene) -> None:
    objects = [annotated(f"m{number}", wave=str(number)) for number in range(5)]
    reached: list[OperationState] = []

    def killed_after_two(state: OperationState) -> None:
        reached.append(state)
        if len(state.results) == 2:
            raise Killed

    with pytest.raises(Killed):
        scene.syncer.run(
            scene.bench.app,
            scene.bench.compare(*objects),
            scene.state(),
            progress=killed_after_two,
            now=lambda: datetime.now(UTC),
        )
    written = {name: scene.get("ConfigMap", name)["metadata"] for name in ("m0", "m1")}
    found = scene.sync(*objects, state=reached[-1])
    assert (found.phase, order(found)) == (OperationPhase.SUCCEEDED, [f"m{n}" for n in range(5)])
    for name, metadata in written.items():
        now = scene.get("ConfigMap", name)["metadata"]
        assert now["resourceVersion"] == metadata["resourceVersion"]


def test_crd_and_its_object_in_one_sync(scene: Scene) -> None:
    """The object waits for its definition, in whatever order they are written."""
    kind, group = "Widget", f"{scene.bench.namespace}.example.com"
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": "widgets", "singular": "widget"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "x-kubernetes-preserve-unknown-fields": True,
                        }
                    },
                }
            ],
        },
    }
    widget = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": "one"}, "spec": {}}

    found = scene.sync(widget, crd)
    assert found.phase is OperationPhase.SUCCEEDED, found
    assert order(found) == [f"widgets.{group}", "one"]
    assert scene.get(kind, "one", f"{group}/v1") is not None
    cluster = scene.bench.cluster
    cluster.delete(cluster.resolve(crd["apiVersion"], crd["kind"]), "", f"widgets.{group}")


def test_fields_are_owned_by_one_manager(scene: Scene) -> None:
    scene.sync(annotated("web"))
    managers = {
        each["manager"] for each in scene.get("ConfigMap", "web")["metadata"]["managedFields"]
    }
    assert managers == {FIELD_MANAGER}


def test_outage_while_a_sync_waits_is_no_success(scene: Scene, monkeypatch: Any) -> None:
    """What cannot be read is waited for: neither a hook nor a wave has ended by that."""
    blind = threading.Event()
    real = scene.bench.cluster.get

    def get(kind: Any, namespace: str, name: str) -> Any:
        if blind.is_set() and kind.kind in ("Job", "Deployment"):
            raise ClusterUnavailable("the API server does not answer")
        return real(kind, namespace, name)

    monkeypatch.setattr(scene.bench.cluster, "get", get)
    looks: list[bool] = []

    def meanwhile() -> None:
        looks.append(scene.get("ConfigMap", "next") is None)
        if len(looks) == 5:
            scene.stop.set()

    scene.meanwhile = meanwhile
    found = scene.bench.compare(job("migrate", hook="PreSync"), annotated("next"))
    blind.set()
    ended = scene.syncer.run(
        scene.bench.app,
        found,
        scene.state(),
        progress=scene.states.append,
        now=lambda: datetime.now(UTC),
    )
    assert ended.phase is OperationPhase.RUNNING
    assert looks == [True] * 5
