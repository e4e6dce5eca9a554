"""The example repository on a real API server, served as a company would have it.

The service is a process of its own; Git's server program gives it the repository over HTTPS.
The controllers of Kubernetes work on Deployments and Jobs; only the node is played.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from secretsync.cluster.base import KINDS
from secretsync.cluster.kubernetes import KubernetesCluster, open_kubernetes
from tests.e2e.rig import eventually, settled, steady
from tests.e2e.sealed_rig import key_object
from tests.support.gitops_example import CANARY, ExampleRepository
from tests.support.gitops_site import gitops_site
from tests.support.kube import KubeServer
from tests.support.kubelet import WORKLOAD_CONTROLLERS, kubelet
from tests.support.service import RunningService
from tests.support.tools import tool_path

pytestmark = [
    pytest.mark.built,
    pytest.mark.xdist_group("application-examples-kube"),
    pytest.mark.timeout(600),
]

MANAGER = "somebody"
#: What nobody issues, since no cert-manager runs.
WAITING = {"issuers": "Progressing", "root": "Progressing"}


class Company:
    """An API server with the root application, and the service that serves it."""

    def __init__(self, folder: Path, server: KubeServer, url: str) -> None:
        self.server = server
        self.folder = folder
        self.repository = ExampleRepository(folder / "git" / "shop", url=url)
        self.cluster: KubernetesCluster = open_kubernetes()
        self.service: RunningService | None = None

    def put(self, kind: str, obj: dict[str, Any]) -> None:
        """Create an object, as somebody would."""
        self.cluster.create(KINDS[kind], obj, field_manager=MANAGER)

    def start(self) -> RunningService:
        """Start the service."""
        env = {"KUBECONFIG": str(self.server.kubeconfig), "XDG_CACHE_HOME": str(self.folder)}
        arguments = ["--to", "kube", "--poll-interval", "1"]
        log = self.folder / "service.log"
        self.service = RunningService(arguments, env=env, log=log, sealing=True)
        self.service.wait_ready()
        return self.service

    def applications(self) -> dict[str, dict[str, Any]]:
        """Return the Applications by name."""
        items = self.cluster.list(KINDS["Application"], "argocd").items
        return {each["metadata"]["name"]: each for each in items}

    def states(self) -> dict[str, tuple[str, str]]:
        """Return sync and health of each Application."""
        found = {}
        for name, app in self.applications().items():
            status = app.get("status") or {}
            sync, health = status.get("sync") or {}, status.get("health") or {}
            found[name] = (str(sync.get("status")), str(health.get("status")))
        return found

    def versions(self) -> dict[str, str]:
        """Return the version of every object of the applications, theirs included."""
        found = {}
        for name, app in self.applications().items():
            found[f"Application {name}"] = app["metadata"]["resourceVersion"]
            for each in app["status"].get("resources") or ():
                version = (
                    f"{each['group']}/{each['version']}" if each.get("group") else each["version"]
                )
                kind = self.cluster.resolve(version, each["kind"])
                obj = self.cluster.get(kind, each.get("namespace", ""), each["name"])
                assert obj is not None, f"{name}: {each} is gone"
                found[f"{each['kind']} {each.get('namespace')}/{each['name']}"] = obj["metadata"][
                    "resourceVersion"
                ]
        return found

    def close(self) -> None:
        """End the service."""
        if self.service is not None:
            self.service.kill()
        self.cluster.close()


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Everything synced for the first time."""
    for name in ("kustomize", "helm"):
        tool_path(name)
    folder = tmp_path_factory.mktemp("company")
    with contextlib.ExitStack() as stack:
        site = stack.enter_context(gitops_site(folder))
        server, url = site.server, site.know("shop")
        found = Company(folder, server, url)
        stack.callback(found.close)
        found.put("Secret", key_object("sealed-secrets-keyaaaaa", "secretsync-system"))
        server.start_controller_manager(WORKLOAD_CONTROLLERS)
        stack.enter_context(kubelet(server))
        found.put("Application", yaml.safe_load(found.repository.root.read_text()))
        found.start()
        wanted = {name: ("Synced", WAITING.get(name, "Healthy")) for name in found.repository.names}
        wanted["root"] = ("Synced", WAITING["root"])
        eventually(lambda: _same(found.states(), wanted), within_s=240)
        yield found


def _same(found: Any, wanted: Any) -> bool:
    assert found == wanted, {k: v for k, v in found.items() if v != wanted.get(k)}
    return True


def test_every_example_becomes_synced_and_healthy_in_kubernetes(company: Company) -> None:
    phases = {
        name: app["status"]["operationState"]["phase"]
        for name, app in company.applications().items()
    }
    assert phases == dict.fromkeys(phases, "Succeeded")
    assert len(phases) >= 13


def test_examples_looked_at_again_write_nothing(company: Company) -> None:
    # What the last child became is in the status of the root a moment later.
    settled(company.versions, for_s=3, within_s=120)
    steady(company.versions, for_s=5)


def test_examples_run_their_hooks_and_leave_what_their_policies_leave(company: Company) -> None:
    jobs = company.cluster.list(company.cluster.resolve("batch/v1", "Job")).items
    # The migration and the checks of the charts go when they succeed; the test stays.
    left = [
        each["metadata"]["name"] for each in jobs if not each["metadata"].get("deletionTimestamp")
    ]
    assert left == ["smoke-test"]
    results = company.applications()["worker"]["status"]["operationState"]["syncResult"][
        "resources"
    ]
    hooks = {each["hookType"]: each["hookPhase"] for each in results if each.get("hookType")}
    assert hooks == {"PreSync": "Succeeded", "PostSync": "Succeeded"}


def test_examples_show_no_value_in_kubernetes(company: Company) -> None:
    assert company.service is not None
    texts = [company.service.log_text(), company.service.metrics_page()]
    kinds = [KINDS["Application"], KINDS["Event"], KINDS["ExternalSecret"], KINDS["SealedSecret"]]
    texts += [str(each) for kind in kinds for each in company.cluster.list(kind).items]
    for text in texts:
        assert CANARY not in text
        # The values of the store are in its manifest, and nowhere else.
        assert "made-up-for" not in text


def test_autoscaler_of_an_example_keeps_what_it_wrote(company: Company) -> None:
    kind = company.cluster.resolve("apps/v1", "Deployment")
    patch = {"spec": {"replicas": 5}}
    company.cluster.merge_patch(kind, "reports", "reports", patch, field_manager="autoscaler")

    def replicas() -> int:
        found = company.cluster.get(kind, "reports", "reports") or {}
        return int(found["spec"]["replicas"])

    assert steady(replicas, for_s=4) == 5
    eventually(lambda: company.states()["reports"] == ("Synced", "Healthy"), within_s=60)


def test_application_that_leaves_the_root_takes_its_objects_with_it(company: Company) -> None:
    """The last test of the file: one application is gone after it."""
    (company.repository.folder / "argocd/applications/mail.yaml").unlink()
    company.repository.commit({})
    eventually(lambda: "mail" not in company.applications(), within_s=120)
    eventually(lambda: "smtp" not in _secrets(company, "mail"), within_s=60)
    eventually(lambda: "mail" not in _listed(company), within_s=60)


def _listed(company: Company) -> set[str]:
    root = company.applications()["root"]
    return {each["name"] for each in root["status"]["resources"]}


def _secrets(company: Company, namespace: str) -> list[str]:
    return [
        each["metadata"]["name"] for each in company.cluster.list(KINDS["Secret"], namespace).items
    ]
