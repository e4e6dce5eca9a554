"""SIGKILL in the middle of syncs, with the real API server as the only memory."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from tests.cli.kit import ROOT
from tests.e2e.rig import eventually
from tests.e2e.test_application_verbs_kube import Site, site  # noqa: F401 - a fixture
from tests.support.app_world import hundred_in_waves
from tests.support.service import RunningService

pytestmark = [
    pytest.mark.built,
    pytest.mark.e2e,
    pytest.mark.xdist_group("application-kills"),
    pytest.mark.timeout(900),
]

NAME = "kills"
KILLS = 50
#: Without a controller manager nobody ends a foreground deletion.
POLICY = {
    "automated": {"prune": True, "selfHeal": True},
    "syncOptions": ["CreateNamespace=true", "PrunePropagationPolicy=background"],
}


class Killed:
    """One Application of a hundred objects, and the services that serve it in turn."""

    def __init__(self, place: Site) -> None:
        self.place = place
        self.services: list[RunningService] = []

    def commit(self, generation: int) -> str:
        objects = hundred_in_waves(generation)
        return self.place.repository.commit_objects(f"{NAME}/all.yaml", *objects)

    def serve(self) -> RunningService:
        cache = str(self.place.folder / "service-cache")
        service = RunningService(
            ["--to", "kube", "--cache-dir", cache, "--poll-interval", "1"],
            env={"KUBECONFIG": str(self.place.server.kubeconfig), "PYTHONPATH": str(ROOT)},
            log=self.place.folder / "service.log",
        )
        self.services.append(service)
        return service

    def values(self) -> dict[str, str]:
        items = self.place.cluster.list(KINDS["ConfigMap"], NAME).items
        return {each["metadata"]["name"]: each["data"]["a"] for each in items if "data" in each}

    def status(self) -> dict[str, Any]:
        found = self.place.cluster.get(KINDS["Application"], "argocd", NAME) or {}
        status: dict[str, Any] = found.get("status") or {}
        return status


@pytest.fixture
def killed(site: Site) -> Iterator[Killed]:  # noqa: F811 - the fixture
    found = Killed(site)
    yield found
    for service in found.services:
        service.kill()


def test_sync_killed_at_fifty_moments_converges_at_the_api_server(killed: Killed) -> None:
    """A hundred objects in waves, with prune, and SIGKILL at seeded moments."""
    moments = random.Random(11)  # noqa: S311 - the same moments at each run
    killed.commit(0)
    spec = {**killed.place.app_spec(NAME), "syncPolicy": POLICY}
    application = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": NAME, "namespace": "argocd"},
        "spec": spec,
    }
    killed.place.cluster.create(KINDS["Application"], application, field_manager="somebody")
    began = time.monotonic()
    service = killed.serve()
    eventually(lambda: len(killed.values()) == 95, within_s=180)
    whole_s = min(3.0, time.monotonic() - began)
    service.kill()
    caught = 0
    for kill in range(1, KILLS + 1):
        killed.commit(kill)
        service = killed.serve()
        time.sleep(moments.uniform(0.3, 1.0) * whole_s)
        assert service.is_running
        service.kill()
        # What a commit lets go comes back with the next, so little is away at any moment.
        assert len(killed.values()) >= 80, f"pruned on doubt by kill {kill}"
        caught += killed.status().get("operationState", {}).get("phase") == "Running"
    assert caught >= 5, "the moments lie beside the syncs"
    killed.serve()
    there = {each["metadata"]["name"]: str(KILLS) for each in hundred_in_waves(KILLS)}
    eventually(lambda: killed.values() == there, within_s=180)
    eventually(lambda: killed.status()["sync"]["status"] == "Synced", within_s=120)
    eventually(lambda: {each["name"] for each in killed.status()["resources"]} == set(there))
