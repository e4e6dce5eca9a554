"""Applications served by the service on a real API server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from secretsync.cluster.kubernetes import KubernetesCluster, open_kubernetes
from secretsync.controller import app_loop
from secretsync.controller.app_settings import AppSettings
from secretsync.controller.service import Service
from secretsync.controller.settings import Settings
from secretsync.gitops import runner
from secretsync.gitops.status.history import journal_of
from secretsync.gitops.status.operation_status import sync_operation
from tests.cli.kit import run_process
from tests.e2e.rig import eventually, settled, steady
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
        self._thread: threading.Thread | None = None

    def start(self, *, poll_interval_s: float = 1.0) -> None:
        """Start the service."""
        apps = AppSettings(poll_interval_s, self.world.folder / "cache", local=True)
        settings = Settings(namespace=self.namespace, apps=apps)
        service = Service(self.cluster, settings, self.stop)
        self._thread = threading.Thread(target=service.run, daemon=True)
        self._thread.start()
        eventually(lambda: service.ready, within_s=60)

    def end(self) -> None:
        """Stop the service."""
        self.stop.set()
        if self._thread is not None:
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

    def edit(self, name: str) -> str:
        """Edit a ConfigMap as kubectl does; return when, as managedFields say."""
        where, patch = (KINDS["ConfigMap"], self.namespace, name), {"data": {"a": "x"}}
        edited = self.cluster.merge_patch(*where, patch, field_manager="kubectl-edit")
        managers = edited["metadata"]["managedFields"]
        return next(each["time"] for each in managers if each["manager"] == "kubectl-edit")

    def told(self, reason: str) -> list[str]:
        """Return the messages of the events with a reason."""
        events = self.cluster.list(KINDS["Event"], self.namespace).items
        return [each["message"] for each in events if each["reason"] == reason]

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
    # Applications of the service's own namespace need no project that lets them in.
    monkeypatch.setenv("POD_NAMESPACE", kube_namespace)
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
    live.edit("a")
    eventually(lambda: live.value("a") == "1")
    second = world.repository.commit_objects("web/a.yaml", config_map("a", "2"), config_map("b"))
    eventually(lambda: live.synced(second), within_s=60)
    assert (live.value("a"), live.value("c")) == ("2", None)
    assert len(live.application()["status"]["history"]) == 2


@pytest.mark.parametrize("heals", [True, False], ids=["healed", "left"])
def test_drift_is_noticed_by_watch_and_told_with_who_did_it_and_when(
    live: Live, caplog: pytest.LogCaptureFixture, *, heals: bool
) -> None:
    revision = live.world.repository.commit_objects("web/a.yaml", config_map("a"))
    policy = {**HEALING, "automated": {"prune": True, "selfHeal": heals}}
    live.put(syncPolicy=policy)
    live.start(poll_interval_s=3600)  # Nothing but a watch can tell.
    eventually(lambda: live.synced(revision), within_s=60)
    at = live.edit("a")
    told = f"ConfigMap {live.namespace}/a drifted: data.a: changed by kubectl-edit at {at}"
    eventually(lambda: told in live.told("ResourceDrifted"), within_s=60)
    assert told in [getattr(each, "what", "") for each in caplog.records]

    def conditions() -> list[tuple[str, str]]:
        found = live.application()["status"].get("conditions") or ()
        return [(each["type"], each["message"]) for each in found]

    if not heals:
        eventually(lambda: ("ResourceDrifted", told) in conditions())
        assert live.value("a") == "x"
        return
    eventually(lambda: live.value("a") == "1")
    eventually(lambda: live.synced(revision) and not conditions())
    app = live.application()
    info = app["status"]["operationState"]["operation"]["info"]
    assert {"name": "Drift", "value": told} in info
    entry = journal_of(app["metadata"]["annotations"])[-1]
    assert (entry["action"], entry["drift"]) == ("heal", [told])
    listed = run_process("app", "history", f"{live.namespace}/web", "--all", "--to", "kube")
    assert told in listed.out.splitlines()[-1]


def argo(namespace: str) -> dict[str, Any]:
    """Return Argo CD's application controller, as its manifests have it."""
    labels = {
        "app.kubernetes.io/component": "application-controller",
        "app.kubernetes.io/name": "argocd-application-controller",
        "app.kubernetes.io/part-of": "argocd",
    }
    pod = {"containers": [{"name": "argo", "image": "registry.invalid/argocd"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {
            "name": "argocd-application-controller",
            "namespace": namespace,
            "labels": labels,
        },
        "spec": {
            "replicas": 1,
            "serviceName": "argo",
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def scale(live: Live, replicas: int) -> None:
    """Scale Argo CD's controller."""
    kind = live.cluster.resolve("apps/v1", "StatefulSet")
    name, patch = "argocd-application-controller", {"spec": {"replicas": replicas}}
    live.cluster.merge_patch(kind, live.namespace, name, patch, field_manager="kubectl-scale")


def test_applications_are_left_alone_while_argo_cd_runs(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    def stopped() -> int:
        return caplog.text.count("Applications are not served: Argo CD's")

    world = live.world
    first = world.repository.commit_objects("web/a.yaml", config_map("a"))
    live.put()
    kind = live.cluster.resolve("apps/v1", "StatefulSet")
    live.cluster.create(kind, argo(live.namespace), field_manager=MANAGER)
    live.start()
    steady(lambda: (live.application().get("status"), live.value("a")), for_s=3)
    assert live.value("a") is None
    assert stopped() == 1
    scale(live, 0)
    eventually(lambda: live.synced(first), within_s=60)
    scale(live, 1)
    # It may have asked already when it was scaled up; the round after that sees it.
    eventually(lambda: stopped() == 2)
    settled(lambda: live.application()["status"], for_s=3)
    world.repository.commit_objects("web/a.yaml", config_map("a", "2"))
    steady(lambda: live.value("a"), for_s=3)
    scale(live, 0)
    eventually(lambda: live.value("a") == "2", within_s=60)


def test_sync_under_way_ends_and_none_begins_when_argo_cd_comes(live: Live) -> None:
    # Without a controller manager a Job never ends.
    pod = {"restartPolicy": "Never", "containers": [{"name": "a", "image": "example.com/a:1"}]}
    hook = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "hook", "annotations": {"argocd.argoproj.io/hook": "PreSync"}},
        "spec": {"template": {"spec": pod}},
    }
    live.world.repository.commit_objects("web/a.yaml", config_map("a"), hook)
    live.put()
    live.start()
    job = live.cluster.resolve("batch/v1", "Job")
    eventually(lambda: live.cluster.get(job, live.namespace, "hook"), within_s=60)
    kind = live.cluster.resolve("apps/v1", "StatefulSet")
    live.cluster.create(kind, argo(live.namespace), field_manager=MANAGER)

    def state() -> dict[str, Any]:
        found: dict[str, Any] = live.application()["status"]["operationState"]
        return found

    eventually(lambda: state()["phase"] == "Failed", within_s=60)
    assert "Argo CD" in state()["message"]
    # Longer than what failed once waits to be tried again.
    steady(lambda: live.application()["status"], for_s=8)


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

    # What the last look before found is written after the sync; then nothing is any more.
    settled(versions, for_s=4)


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


def test_operation_for_an_earlier_revision_is_done_while_the_newest_is_broken(live: Live) -> None:
    repository = live.world.repository
    first = repository.commit_objects("web/a.yaml", config_map("a"))
    repository.commit({"web/a.yaml": "kind: [ConfigMap\n"}, "break it")
    live.put(syncPolicy={})
    live.start()

    def broken() -> bool:
        conditions = (live.application().get("status") or {}).get("conditions") or ()
        return [each["type"] for each in conditions] == ["ComparisonError"]

    eventually(broken, within_s=60)
    live.cluster.merge_patch(
        KINDS["Application"],
        live.namespace,
        "web",
        {"operation": {"initiatedBy": {"username": "ada"}, "sync": {"revision": first}}},
        field_manager="kubectl",
    )
    eventually(lambda: live.value("a") == "1", within_s=60)
    eventually(lambda: live.application()["status"]["operationState"]["phase"] == "Succeeded")
    assert "operation" not in live.application()
    assert broken()


def test_machine_that_cannot_keep_a_repository_makes_an_application_unknown_until_it_can(
    live: Live,
) -> None:
    first = live.world.repository.commit_objects("web/a.yaml", config_map("a"))
    cache = live.world.folder / "cache"
    live.put()
    cache.write_text("in the way")
    live.start()

    def said() -> tuple[Any, list[str]]:
        status = live.application().get("status") or {}
        types = [each["type"] for each in status.get("conditions") or ()]
        return (status.get("sync") or {}).get("status"), types

    eventually(lambda: said() == ("Unknown", ["ComparisonError"]), within_s=60)
    cache.unlink()
    eventually(lambda: live.synced(first), within_s=90)


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


def test_operation_of_a_command_is_left_to_it_until_it_dies(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "ALIVE_WITHIN_S", 8.0)
    monkeypatch.setattr(app_loop, "RETRY_S", 0.5)
    revision = live.world.repository.commit_objects("web/a.yaml", config_map("a"))
    live.put()
    where = (KINDS["Application"], live.namespace, "web")
    begun = {
        "phase": "Running",
        "message": "",
        "startedAt": "2026-01-02T03:04:05Z",
        "operation": sync_operation((revision,), multiple=False, username="ada", command="c"),
        "syncResult": {"revision": revision},
    }
    live.cluster.merge_patch(*where, {"status": {"operationState": begun}}, field_manager=MANAGER)
    live.start()
    for number in range(20):
        sign = {"metadata": {"annotations": {runner.ALIVE: f"ada {number}"}}}
        live.cluster.merge_patch(*where, sign, field_manager=MANAGER)
        assert live.application()["status"]["operationState"]["phase"] == "Running"
        time.sleep(0.5)
    assert live.value("a") is None
    eventually(lambda: live.synced(revision), within_s=60)
