"""A sync on a real API server: waves wait, hooks run and go, options hold, a kill resumes.

Nothing runs pods here: what a kubelet or a Job's controller would write, the test writes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from secretsync.cluster.base import KINDS, Propagation
from secretsync.cluster.kubernetes import KubernetesCluster, open_kubernetes
from secretsync.errors import ClusterUnavailable
from secretsync.gitops.health import health_of
from secretsync.gitops.model import (
    FIELD_MANAGER,
    OperationPhase,
    OperationState,
    ResultCode,
    SyncPhase,
)
from secretsync.gitops.syncing import Syncer
from tests.e2e.rig import eventually
from tests.gitops.comparing_kit import Bench, application, config_map, deployment
from tests.support.kube import KubeServer

pytestmark = pytest.mark.built

ARGO = "argocd.argoproj.io/"
MAPS = KINDS["ConfigMap"]
READY = {
    "observedGeneration": 1,
    "replicas": 1,
    "updatedReplicas": 1,
    "readyReplicas": 1,
    "availableReplicas": 1,
}


class Killed(BaseException):
    """Stands for the end of the process."""


class Scene:
    """An application, its syncer, and what the cluster's controllers would do."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.stop = threading.Event()
        self.states: list[OperationState] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.syncer = Syncer(
            bench.cluster,
            health_of,
            runs_hooks=True,
            wait=self._wait,
            wave_within=timedelta(seconds=20),
        )

    def _wait(self, seconds: float) -> bool:
        self.meanwhile()
        return not self.stop.wait(min(seconds, 0.05))

    def state(self, **sync: Any) -> OperationState:
        return OperationState(
            {"sync": sync}, OperationPhase.RUNNING, datetime.now(UTC), revisions=("0123456789",)
        )

    def sync(
        self, *objects: Any, state: OperationState | None = None, app: Any = None, **sync: Any
    ) -> OperationState:
        bench = self.bench
        bench.app = app or bench.app
        return self.syncer.run(
            bench.app,
            bench.compare(*objects),
            state or self.state(**sync),
            progress=self.states.append,
            now=lambda: datetime.now(UTC),
        )

    def app(self, *options: str, **more: Any) -> Any:
        policy = {"syncOptions": list(options)}
        return application(namespace=self.bench.namespace, syncPolicy=policy, **more)

    def get(self, kind: str, name: str, api_version: str = "v1") -> Any:
        found = self.bench.cluster.resolve(api_version, kind)
        return self.bench.cluster.get(found, self.bench.namespace, name)

    def patch_status(self, api_version: str, kind: str, name: str, status: Any) -> None:
        if self.get(kind, name, api_version) is not None:
            found = self.bench.cluster.resolve(api_version, kind)
            self.bench.cluster.patch_status(
                found, self.bench.namespace, name, status, field_manager="kubelet"
            )


@pytest.fixture
def scene(
    kube_server: KubeServer, kube_namespace: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    monkeypatch.setenv("KUBECONFIG", str(kube_server.kubeconfig))
    cluster: KubernetesCluster = open_kubernetes()
    bench = Bench(cluster, kube_namespace, application(namespace=kube_namespace))
    yield Scene(bench)
    bench.jq.close()
    cluster.close()


def annotated(name: str, data: str = "1", **annotations: str) -> Any:
    names = {
        "hook": "hook",
        "policy": "hook-delete-policy",
        "wave": "sync-wave",
        "options": "sync-options",
    }
    made = {ARGO + names[key]: value for key, value in annotations.items()}
    return config_map(name, {"a": data}, annotations=made)


def job(name: str, **annotations: str) -> Any:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "x"}]}}
    made = annotated(name, **annotations)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": made["metadata"],
        "spec": {"template": template},
    }


def order(state: OperationState) -> list[str]:
    return [each.key.name for each in state.results]


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
    target = {"type": "FailureTarget", "status": "True", "reason": "x"}
    failed = {"type": "Failed", "status": "True", "message": "exit code 1"}
    scene.meanwhile = lambda: run_jobs({"conditions": [target, failed], "startTime": begun})
    scene.bench.cluster.delete(MAPS, scene.bench.namespace, "web")
    found = scene.sync(*objects)
    assert found.phase is OperationPhase.FAILED
    assert order(found) == ["migrate", "mend"]
    assert scene.get("ConfigMap", "web") is None


@pytest.mark.parametrize(
    ("policy", "stays"),
    [
        ("HookSucceeded", False),
        ("HookFailed", True),
        ("BeforeHookCreation", True),
        ("BeforeHookCreation,HookSucceeded", False),
    ],
)
def test_hook_delete_policy(scene: Scene, policy: str, stays: bool) -> None:
    """TestHookDeletePolicy*: what has no health has succeeded once it is there."""
    hook = annotated("before", hook="PreSync", policy=policy)
    assert scene.sync(hook, annotated("web")).phase is OperationPhase.SUCCEEDED
    found = scene.get("ConfigMap", "before")
    assert (found is not None) is stays
    again = scene.sync(hook, annotated("web"))
    assert again.phase is OperationPhase.SUCCEEDED
    if "BeforeHookCreation" in policy and stays:
        now = scene.get("ConfigMap", "before")
        assert now["metadata"]["uid"] != found["metadata"]["uid"]


def test_prune_skips_what_is_kept_and_deletes_the_rest(
    scene: Scene, kube_server: KubeServer
) -> None:
    with kube_server.controller_manager(["garbage-collector-controller"]):
        _prune(scene)


def _prune(scene: Scene) -> None:
    objects = [
        annotated("goes"),
        annotated("stays", options="Prune=false"),
        annotated("asks", options="Prune=confirm"),
        annotated("web"),
    ]
    scene.sync(*objects)
    had = scene.bench.had(*objects)
    app = application(namespace=scene.bench.namespace, status=had)
    unasked = scene.sync(annotated("web"), app=app)
    assert {each.code for each in unasked.results if each.key.name != "web"} == {
        ResultCode.PRUNE_SKIPPED
    }
    found = scene.sync(annotated("web"), app=app, prune=True)
    codes = {each.key.name: each.code for each in found.results}
    assert codes == {
        "goes": ResultCode.PRUNED,
        "stays": ResultCode.PRUNE_SKIPPED,
        "asks": ResultCode.PRUNE_SKIPPED,
        "web": ResultCode.SYNCED,
    }
    approved = {ARGO + "deletion-approved": "2999-01-01T00:00:00Z"}
    app = application(namespace=scene.bench.namespace, status=had, annotations=approved)
    found = scene.sync(annotated("web"), app=app, prune=True)
    assert scene.get("ConfigMap", "asks") is None
    assert scene.get("ConfigMap", "stays") is not None


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


def test_replace_and_force_write_otherwise_than_an_apply(scene: Scene) -> None:
    cluster, namespace = scene.bench.cluster, scene.bench.namespace
    scene.sync(annotated("web"))
    cluster.merge_patch(MAPS, namespace, "web", {"data": {"theirs": "x"}}, field_manager="somebody")
    scene.sync(annotated("web", "2"))
    assert scene.get("ConfigMap", "web")["data"] == {"a": "2", "theirs": "x"}
    found = scene.sync(annotated("web", "3", options="Replace=true"))
    assert scene.get("ConfigMap", "web")["data"] == {"a": "3"}
    assert "replaced" in found.results[0].message
    frozen = {**config_map("frozen", {"a": "1"}), "immutable": True}
    scene.sync(frozen)
    before = scene.get("ConfigMap", "frozen")["metadata"]["uid"]
    changed = {**frozen, "data": {"a": "2"}}
    assert scene.sync(changed).phase is OperationPhase.FAILED
    changed["metadata"] = {
        **frozen["metadata"],
        "annotations": {ARGO + "sync-options": "Force=true"},
    }
    assert scene.sync(changed).phase is OperationPhase.SUCCEEDED
    assert scene.get("ConfigMap", "frozen")["metadata"]["uid"] != before


def test_create_namespace_makes_it_and_keeps_its_metadata(scene: Scene) -> None:
    """TestSyncWithCreateNamespace."""
    namespace = f"{scene.bench.namespace}-new"
    policy = {
        "syncOptions": ["CreateNamespace=true"],
        "managedNamespaceMetadata": {"labels": {"team": "a"}},
    }
    scene.bench.namespace = namespace
    app = application(namespace=namespace, syncPolicy=policy)
    found = scene.sync(annotated("web"), app=app)
    assert found.phase is OperationPhase.SUCCEEDED, found
    made = scene.bench.cluster.get(KINDS["Namespace"], "", namespace)
    assert made is not None
    assert made["metadata"]["labels"]["team"] == "a"
    assert scene.get("ConfigMap", "web") is not None


def test_apply_out_of_sync_only_leaves_the_rest_alone(scene: Scene) -> None:
    """TestSyncWithApplyOutOfSyncOnly."""
    scene.sync(annotated("one"), annotated("two"))
    app = scene.app("ApplyOutOfSyncOnly=true")
    found = scene.sync(annotated("one"), annotated("two", "2"), app=app)
    assert order(found) == ["two"]


def test_resource_of_another_application_is_not_taken(scene: Scene) -> None:
    other = application("other", namespace=scene.bench.namespace)
    scene.sync(annotated("web"), app=other)
    app = application(
        namespace=scene.bench.namespace,
        syncPolicy={"syncOptions": ["FailOnSharedResource=true"]},
    )
    found = scene.sync(annotated("web", "2"), app=app)
    assert found.phase is OperationPhase.FAILED
    assert scene.get("ConfigMap", "web")["data"] == {"a": "1"}


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

    def synced() -> bool:
        return scene.sync(widget, crd).phase is OperationPhase.SUCCEEDED

    eventually(synced)
    assert scene.get(kind, "one", f"{group}/v1") is not None
    cluster = scene.bench.cluster
    cluster.delete(cluster.resolve(crd["apiVersion"], crd["kind"]), "", f"widgets.{group}")


def test_unusable_object_lets_nothing_be_applied(scene: Scene) -> None:
    """TestSyncWithCreateNamespaceDryRunError: as a dry run of everything would."""
    broken = {"apiVersion": "nowhere.example.com/v1", "kind": "Odd", "metadata": {"name": "x"}}
    found = scene.sync(annotated("web"), broken)
    assert found.phase is OperationPhase.FAILED
    assert scene.get("ConfigMap", "web") is None
    app = scene.app("SkipDryRunOnMissingResource=true")
    found = scene.sync(annotated("web"), broken, app=app)
    assert found.phase is OperationPhase.FAILED
    assert scene.get("ConfigMap", "web") is not None


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


def test_hook_that_somebody_deletes_while_it_runs_has_failed(scene: Scene) -> None:
    kind = scene.bench.cluster.resolve("batch/v1", "Job")
    scene.meanwhile = lambda: scene.bench.cluster.delete(
        kind, scene.bench.namespace, "migrate", propagation=Propagation.BACKGROUND
    )
    found = scene.sync(job("migrate", hook="PreSync"), annotated("web"))
    assert found.phase is OperationPhase.FAILED
    assert "deleted in the meantime" in found.message
    assert scene.get("ConfigMap", "web") is None
