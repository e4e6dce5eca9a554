"""Applications served by the service on a real API server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from secretsync.cluster.kubernetes import KubernetesCluster, open_kubernetes
from secretsync.controller.app_settings import AppSettings
from secretsync.controller.service import Service
from secretsync.controller.settings import Settings
from tests.e2e.rig import eventually, steady
from tests.support.app_world import AppWorld, config_map
from tests.support.kube import KubeServer

CRDS = Path(__file__).parents[2] / "deploy" / "applications" / "crds.yaml"
# Without a controller manager nobody ends a foreground deletion.
HEALING = {
    "automated": {"prune": True, "selfHeal": True},
    "syncOptions": ["PrunePropagationPolicy=background"],
}
MANAGER = "somebody"


class Live:
    """One service, one namespace, one repository."""

    def __init__(self, cluster: KubernetesCluster, namespace: str, folder: Path) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.world = AppWorld(folder)
        self.stop = threading.Event()
        apps = AppSettings(1.0, folder / "cache", local=True)
        self.service = Service(cluster, Settings(namespace=namespace, apps=apps), self.stop)
        self._thread = threading.Thread(target=self.service.run, daemon=True)

    def start(self) -> None:
        """Start the service."""
        self._thread.start()
        eventually(lambda: self.service.ready, within_s=60)

    def end(self) -> None:
        """Stop the service."""
        self.stop.set()
        self._thread.join(30)

    def put(self, **changes: Any) -> None:
        """Create the Application."""
        app = self.world.application(policy=HEALING, **changes)
        app["metadata"]["namespace"] = self.namespace
        app["spec"]["destination"]["namespace"] = self.namespace
        self.cluster.create(KINDS["Application"], app, field_manager=MANAGER)

    def application(self) -> dict[str, Any]:
        """Return the Application as it is."""
        return self.cluster.get(KINDS["Application"], self.namespace, "web") or {}

    def synced(self, revision: str) -> bool:
        """Return whether a revision is deployed."""
        status = self.application().get("status") or {}
        phase = (status.get("operationState") or {}).get("phase")
        sync = status.get("sync") or {}
        return (sync.get("status"), sync.get("revision"), phase) == (
            "Synced",
            revision,
            "Succeeded",
        )

    def value(self, name: str) -> str | None:
        """Return what a ConfigMap holds."""
        found = self.cluster.get(KINDS["ConfigMap"], self.namespace, name)
        return None if found is None else found["data"]["a"]


@pytest.fixture
def live(
    kube_server: KubeServer,
    kube_namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Live]:
    """A service that has not started."""
    kube_server.admin.install_crds(CRDS)
    monkeypatch.setenv("KUBECONFIG", str(kube_server.kubeconfig))
    cluster = open_kubernetes()
    found = Live(cluster, kube_namespace, tmp_path)
    yield found
    found.end()
    cluster.close()


def test_commit_is_applied_drift_healed_and_what_left_git_pruned(live: Live) -> None:
    world = live.world
    first = world.repository.commit_objects(
        "web/a.yaml", config_map("a"), config_map("b"), config_map("c")
    )
    live.put()
    live.start()
    eventually(lambda: live.synced(first), within_s=60)
    live.cluster.merge_patch(
        KINDS["ConfigMap"], live.namespace, "a", {"data": {"a": "x"}}, field_manager="kubectl-edit"
    )
    eventually(lambda: live.value("a") == "1")
    events = live.cluster.list(KINDS["Event"], live.namespace).items
    told = [each["message"] for each in events if each["reason"] == "ResourceDrifted"]
    assert any("kubectl-edit" in each for each in told)
    second = world.repository.commit_objects("web/a.yaml", config_map("a", "2"), config_map("b"))
    eventually(lambda: live.synced(second), within_s=60)
    assert (live.value("a"), live.value("c")) == ("2", None)
    assert len(live.application()["status"]["history"]) == 2


def test_cycle_without_change_writes_nothing(live: Live) -> None:
    revision = live.world.repository.commit_objects("web/a.yaml", config_map("a"))
    live.put()
    live.start()
    eventually(lambda: live.synced(revision), within_s=60)

    def versions() -> tuple[str, ...]:
        objects = (
            live.application(),
            live.cluster.get(KINDS["ConfigMap"], live.namespace, "a") or {},
        )
        return tuple(each["metadata"]["resourceVersion"] for each in objects)

    steady(versions, for_s=1)
    steady(versions, for_s=3)


def test_operation_field_patched_starts_a_sync(live: Live) -> None:
    revision = live.world.repository.commit_objects("web/a.yaml", config_map("a"))
    live.put(syncPolicy={})
    live.start()
    eventually(lambda: live.application().get("status", {}).get("sync"))
    live.cluster.merge_patch(
        KINDS["Application"],
        live.namespace,
        "web",
        {"operation": {"initiatedBy": {"username": "ada"}, "sync": {"revision": revision}}},
        field_manager="kubectl",
    )
    eventually(lambda: live.synced(revision), within_s=60)
    assert "operation" not in live.application()


def test_application_with_finalizer_deleted_takes_its_objects_with_it(live: Live) -> None:
    revision = live.world.repository.commit_objects("web/a.yaml", config_map("a"))
    live.put()
    live.cluster.merge_patch(
        KINDS["Application"],
        live.namespace,
        "web",
        {"metadata": {"finalizers": ["resources-finalizer.argocd.argoproj.io/background"]}},
        field_manager=MANAGER,
    )
    live.start()
    eventually(lambda: live.synced(revision), within_s=60)
    live.cluster.delete(KINDS["Application"], live.namespace, "web")
    eventually(lambda: not live.application(), within_s=60)
    assert live.value("a") is None


def test_terminate_with_running_hooks(live: Live) -> None:
    """TestTerminateWithRunningHooks: the hook goes, the operation ends as failed."""
    # Without a controller manager a Job never ends.
    pod = {
        "restartPolicy": "Never",
        "containers": [{"name": "main", "image": "example.com/hook:1"}],
    }
    hook = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "hook", "annotations": {"argocd.argoproj.io/hook": "PreSync"}},
        "spec": {"template": {"spec": pod}},
    }
    live.world.repository.commit_objects("web/a.yaml", config_map("a"), hook)
    live.put(syncPolicy={})
    live.start()
    patch: dict[str, Any] = {"operation": {"initiatedBy": {"username": "ada"}, "sync": {}}}
    where = (KINDS["Application"], live.namespace, "web")
    live.cluster.merge_patch(*where, patch, field_manager="kubectl")
    job = live.cluster.resolve("batch/v1", "Job")
    eventually(lambda: live.cluster.get(job, live.namespace, "hook"), within_s=60)
    terminating = {"status": {"operationState": {"phase": "Terminating"}}}
    live.cluster.merge_patch(*where, terminating, field_manager="kubectl")

    def ended() -> bool:
        state = live.application()["status"]["operationState"]
        return (state["phase"], state["message"]) == ("Failed", "Operation terminated")

    eventually(ended, within_s=60)
    assert live.value("a") is None
    gone = live.cluster.get(job, live.namespace, "hook")
    assert gone is None or gone["metadata"].get("deletionTimestamp")


def test_sync_with_create_namespace(live: Live) -> None:
    """TestSyncWithCreateNamespace."""
    revision = live.world.repository.commit_objects("web/a.yaml", config_map("a"))
    namespace = f"{live.namespace}-made"
    policy = {**HEALING, "syncOptions": ["CreateNamespace=true"]}
    live.put(syncPolicy=policy)
    destination = {"spec": {"destination": {"namespace": namespace}}}
    where = (KINDS["Application"], live.namespace, "web")
    live.cluster.merge_patch(*where, destination, field_manager=MANAGER)
    live.start()
    eventually(lambda: live.synced(revision), within_s=60)
    assert live.cluster.get(KINDS["ConfigMap"], namespace, "a") is not None
    made = live.cluster.get(KINDS["Namespace"], "", namespace)
    assert made is not None
    assert "argocd.argoproj.io/tracking-id" not in (made["metadata"].get("annotations") or {})
