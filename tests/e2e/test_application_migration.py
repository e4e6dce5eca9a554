"""Argo CD is scaled down and ours starts: nothing of what it applied is written.

Objects and the Application are as Argo CD leaves them, with the managedFields that its
controller has: `argocd-controller`, by Update where it applies client-side, by Apply where
`ServerSideApply=true` is set.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from secretsync.cluster.base import KINDS
from secretsync.cluster.kubernetes import KubernetesCluster, open_kubernetes
from secretsync.gitops.model import FIELD_MANAGER
from secretsync.gitops.objects.normalizing import LAST_APPLIED
from tests.e2e.rig import eventually, steady
from tests.gitops.comparing_kit import config_map, deployment
from tests.support.git_repository import GitRepository
from tests.support.gitops_site import gitops_site
from tests.support.kube import KubeServer
from tests.support.service import RunningService

pytestmark = [
    pytest.mark.built,
    pytest.mark.xdist_group("application-migration"),
    pytest.mark.timeout(600),
]

ARGO_MANAGER = "argocd-controller"
TRACKING = "argocd.argoproj.io/tracking-id"
PASSWORD = "made-up-for-the-migration"


class Company:
    """An API server that Argo CD has served so far, and its repository."""

    def __init__(self, folder: Path, server: KubeServer, url: str) -> None:
        self.folder, self.server, self.url = folder, server, url
        self.repository = GitRepository(folder / "git" / "shop")
        self.cluster: KubernetesCluster = open_kubernetes()
        self.service: RunningService | None = None

    def applied_by_argo(
        self, name: str, objects: list[dict[str, Any]], *, server_side: bool
    ) -> str:
        """Leave an application as Argo CD leaves it; return its revision."""
        text = yaml.safe_dump_all(objects)
        revision = self.repository.commit({f"{name}/all.yaml": text}, f"add {name}")
        self.server.admin.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        for obj in objects:
            self._apply(name, obj, server_side=server_side)
        self._application(name, revision, objects)
        return revision

    def _apply(self, name: str, obj: dict[str, Any], *, server_side: bool) -> None:
        group, _, _ = obj["apiVersion"].rpartition("/")
        place = f"{name}/{obj['metadata']['name']}"
        annotations = {
            **(obj["metadata"].get("annotations") or {}),
            TRACKING: f"{name}:{group}/{obj['kind']}:{place}",
        }
        metadata = {**obj["metadata"], "namespace": name, "annotations": annotations}
        target = {**obj, "metadata": metadata}
        kind = self.cluster.resolve(obj["apiVersion"], obj["kind"])
        if server_side:
            self.cluster.apply(kind, target, field_manager=ARGO_MANAGER)
            return
        copied = {**annotations, LAST_APPLIED: json.dumps(target)}
        made = {**target, "metadata": {**metadata, "annotations": copied}}
        self.cluster.create(kind, made, field_manager=ARGO_MANAGER)

    def _application(self, name: str, revision: str, objects: list[dict[str, Any]]) -> None:
        source = {"repoURL": self.url, "path": name, "targetRevision": "main"}
        destination = {"server": "https://kubernetes.default.svc", "namespace": name}
        listed = []
        for obj in objects:
            group, _, version = obj["apiVersion"].rpartition("/")
            listed.append(
                {
                    **({"group": group} if group else {}),
                    "version": version,
                    "kind": obj["kind"],
                    "namespace": name,
                    "name": obj["metadata"]["name"],
                    "status": "Synced",
                }
            )
        ended = "2026-01-02T03:04:05Z"
        app = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {
                "name": name,
                "namespace": "argocd",
                "finalizers": ["resources-finalizer.argocd.argoproj.io"],
            },
            "spec": {
                "project": "default",
                "source": source,
                "destination": destination,
                "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
            },
        }
        status = {
            "resources": listed,
            "sync": {
                "status": "Synced",
                "revision": revision,
                "comparedTo": {"source": source, "destination": destination},
            },
            "health": {"status": "Healthy"},
            "history": [
                {
                    "id": 0,
                    "revision": revision,
                    "source": source,
                    "deployStartedAt": ended,
                    "deployedAt": ended,
                }
            ],
            "operationState": {
                "operation": {"sync": {"revision": revision}},
                "phase": "Succeeded",
                "startedAt": ended,
                "finishedAt": ended,
                "syncResult": {"revision": revision, "source": source, "resources": []},
            },
        }
        # Argo CD's definition has no status subresource: the status is in the object.
        self.cluster.create(
            KINDS["Application"], {**app, "status": status}, field_manager=ARGO_MANAGER
        )

    def start(self) -> None:
        """Start ours."""
        env = {"KUBECONFIG": str(self.server.kubeconfig), "XDG_CACHE_HOME": str(self.folder)}
        log = self.folder / "service.log"
        self.service = RunningService(["--to", "kube", "--poll-interval", "1"], env=env, log=log)
        self.service.wait_ready()

    def app(self, name: str) -> dict[str, Any]:
        """Return an Application."""
        found = self.cluster.get(KINDS["Application"], "argocd", name)
        assert found is not None
        return found

    def live(self, name: str, obj: dict[str, Any]) -> dict[str, Any]:
        """Return an object as it is."""
        kind = self.cluster.resolve(obj["apiVersion"], obj["kind"])
        found = self.cluster.get(kind, name, obj["metadata"]["name"])
        assert found is not None
        return found

    def versions(self, name: str, objects: list[dict[str, Any]]) -> list[str]:
        """Return the versions of all objects."""
        return [self.live(name, obj)["metadata"]["resourceVersion"] for obj in objects]

    def close(self) -> None:
        """End the service."""
        if self.service is not None:
            self.service.kill()
        self.cluster.close()


def objects(value: str = "1", *, more: bool = True) -> list[dict[str, Any]]:
    """Return what the repository has."""
    data = {"a": value} | ({"leaves": "x"} if more else {})
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "login"},
        "stringData": {"password": PASSWORD},
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }
    return [config_map("settings", data), secret, service, deployment("web")]


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with gitops_site(tmp_path) as site:
        found = Company(tmp_path, site.server, site.know("shop"))
        yield found
        found.close()


def test_migration_from_argo_cd_writes_no_object(company: Company) -> None:
    """Client-side and server-side; ownership moves with the first real change, field by field."""
    wanted = objects()
    names = {"client-side": False, "server-side": True}
    for name, server_side in names.items():
        company.applied_by_argo(name, wanted, server_side=server_side)
    before = {name: company.versions(name, wanted) for name in names}
    company.start()

    def looked_at() -> bool:
        statuses = {name: company.app(name)["status"] for name in names}
        assert all(each["sync"]["status"] == "Synced" for each in statuses.values()), statuses
        # Ours has looked: Argo CD's status above had no such field.
        return all("reconciledAt" in each for each in statuses.values())

    eventually(looked_at, within_s=120)
    after = steady(lambda: {name: company.versions(name, wanted) for name in names}, for_s=4)
    assert after == before
    for name in names:
        status = company.app(name)["status"]
        assert [each["id"] for each in status["history"]] == [0], "no sync was needed"
        assert status["operationState"]["finishedAt"] == "2026-01-02T03:04:05Z"
    changed = objects("2", more=False)
    text = yaml.safe_dump_all(changed)
    company.repository.commit({f"{name}/all.yaml": text for name in names}, "change both")
    for name in names:
        eventually(
            lambda name=name: company.live(name, wanted[0])["data"] == {"a": "2"}, within_s=120
        )
        settings = company.live(name, wanted[0])["metadata"]
        assert {each["manager"] for each in settings["managedFields"]} == {FIELD_MANAGER}
        assert LAST_APPLIED not in settings["annotations"]
        # What did not change keeps its version: nothing is written for the takeover alone.
        assert company.versions(name, wanted)[1:] == before[name][1:]
    assert company.service is not None
    assert PASSWORD not in company.service.log_text()


def test_migration_from_argo_cd_prunes_what_left_git_meanwhile(company: Company) -> None:
    """What Argo CD tracked and nobody wants any more goes, by the inventory of its status."""
    company.applied_by_argo("shop", [*objects(), config_map("old")], server_side=False)
    company.repository.commit({"shop/all.yaml": yaml.safe_dump_all(objects())}, "drop old")
    company.start()
    maps = KINDS["ConfigMap"]

    def marked() -> bool:
        # Without a garbage collector here, a foreground deletion marks and stays.
        found = company.cluster.get(maps, "shop", "old")
        return found is None or bool(found["metadata"].get("deletionTimestamp"))

    eventually(marked, within_s=120)
    assert company.cluster.get(maps, "shop", "settings") is not None
