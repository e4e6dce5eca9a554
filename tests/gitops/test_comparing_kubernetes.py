"""Comparing where only a real API server has the thing: defaults, takeover, managers' times."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from secretsync.cluster.kubernetes import KubernetesCluster, open_kubernetes
from secretsync.gitops.diff.drift import drifts_of
from secretsync.gitops.diff.takeover import takeover_patch
from secretsync.gitops.model import FIELD_MANAGER, SyncStatus
from secretsync.gitops.objects.normalizing import LAST_APPLIED
from tests.gitops.comparing_kit import Bench, application, config_map, deployment
from tests.gitops.comparing_objects import SECRET_KINDS
from tests.support.kube import KubeServer

CONFIG_MAP = KINDS["ConfigMap"]
CRDS = Path(__file__).parents[2] / "deploy" / "crds"


@pytest.fixture
def bench(
    kube_server: KubeServer, kube_namespace: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    monkeypatch.setenv("KUBECONFIG", str(kube_server.kubeconfig))
    cluster: KubernetesCluster = open_kubernetes()
    made = Bench(cluster, kube_namespace, application(namespace=kube_namespace))
    yield made
    made.jq.close()
    cluster.close()


def test_a_value_written_otherwise_is_no_change(bench: Bench) -> None:
    """Quantities, nulls, stringData: the cluster says when two spellings mean one thing."""
    wanted = deployment("a")
    resources = wanted["spec"]["template"]["spec"]["containers"][0]["resources"]
    resources["requests"] = {"cpu": "0.1", "memory": "65536Ki"}
    wanted["metadata"]["creationTimestamp"] = None
    bench.apply(wanted)
    assert bench.compare(wanted).status is SyncStatus.SYNCED
    assert bench.asked == ["get", "dry-run"]
    bench.compare(wanted)
    assert bench.asked == ["get"]


def test_a_fresh_sync_of_secrets_in_git_is_clean(bench: Bench, kube_server: KubeServer) -> None:
    """The defaults that their definitions fill in are nobody's difference."""
    kube_server.admin.install_crds(CRDS)
    bench.apply(*SECRET_KINDS)
    found = bench.compare(*SECRET_KINDS)
    assert [(str(pair.key), pair.changes) for pair in found.pairs if pair.changes] == []
    assert found.status is SyncStatus.SYNCED


def test_what_argo_cd_applied_is_synced_and_nothing_is_written(bench: Bench) -> None:
    """The migration: the same objects, with Argo CD's tracking, applied client-side."""
    live = argo_applied(bench, config_map("a", {"x": "1", "y": "2"}))
    found = bench.compare(config_map("a", {"x": "1", "y": "2"}))
    assert (found.status, found.pairs[0].ours) == (SyncStatus.SYNCED, True)
    now = bench.cluster.get(CONFIG_MAP, bench.namespace, "a")
    assert now is not None
    assert now["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]


@pytest.mark.parametrize("server_side", [False, True])
def test_a_field_that_leaves_the_sources_after_argo_cd_is_shown_and_goes(
    bench: Bench, *, server_side: bool
) -> None:
    argo_applied(bench, config_map("a", {"x": "1", "y": "2"}), server_side=server_side)
    wanted = config_map("a", {"x": "1"})
    pair = bench.compare(wanted).pairs[0]
    assert [(each.path, each.live, each.target) for each in pair.changes] == [("data.y", "2", None)]
    assert pair.live is not None
    patch = takeover_patch(pair.live)
    assert patch is not None
    where = (CONFIG_MAP, bench.namespace, "a")
    bench.cluster.merge_patch(*where, patch, field_manager=FIELD_MANAGER)
    bench.apply(wanted)
    live = bench.cluster.get(*where)
    assert live is not None
    assert live["data"] == {"x": "1"}
    assert LAST_APPLIED not in live["metadata"].get("annotations", {})
    managers = {each["manager"] for each in live["metadata"]["managedFields"]}
    assert managers == {FIELD_MANAGER}
    assert bench.compare(wanted).status is SyncStatus.SYNCED
    assert bench.asked == ["get"]


def argo_applied(bench: Bench, obj: dict[str, Any], *, server_side: bool = False) -> dict[str, Any]:
    """Leave an object as Argo CD leaves it."""
    target = bench.compare(obj).pairs[0].target
    assert target is not None
    if server_side:
        return bench.cluster.apply(CONFIG_MAP, target, field_manager="argocd-controller")
    metadata = target["metadata"]
    annotations = {**metadata["annotations"], LAST_APPLIED: json.dumps(target)}
    made = {**target, "metadata": {**metadata, "annotations": annotations}}
    return bench.cluster.create(CONFIG_MAP, made, field_manager="argocd-controller")


def test_drift_names_the_manager_and_its_time(bench: Bench) -> None:
    bench.apply(config_map("a", {"x": "1"}))
    where = (CONFIG_MAP, bench.namespace, "a")
    before = datetime.now(UTC).replace(microsecond=0)
    bench.cluster.merge_patch(*where, {"data": {"x": "9"}}, field_manager="kubectl-edit")
    (drift,) = drifts_of(bench.compare(config_map("a", {"x": "1"})).pairs[0])
    assert (drift.actor.manager, drift.paths) == ("kubectl-edit", ("data.x",))
    written = datetime.fromisoformat(drift.actor.time)
    assert before <= written <= datetime.now(UTC) + timedelta(seconds=1)


def test_a_scaled_deployment_names_who_scaled_it(bench: Bench) -> None:
    bench.apply(deployment("web"))
    kind = bench.cluster.resolve("apps/v1", "Deployment")
    where = (kind, bench.namespace, "web")
    bench.cluster.merge_patch(*where, {"spec": {"replicas": 5}}, field_manager="kubectl-scale")
    pair = bench.compare(deployment("web")).pairs[0]
    assert [(each.path, each.live, each.target) for each in pair.changes] == [
        ("spec.replicas", 5, 2)
    ]
    assert drifts_of(pair)[0].actor.manager == "kubectl-scale"


def test_a_namespace_that_is_not_there_makes_its_objects_missing(bench: Bench) -> None:
    bench.app = application(namespace="absent-" + bench.namespace)
    found = bench.compare(config_map("a"))
    assert (found.status, found.pairs[0].live) == (SyncStatus.OUT_OF_SYNC, None)


def test_an_identity_that_may_not_read_makes_it_unknown(
    bench: Bench, kube_server: KubeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kube_server.user_kubeconfig("nobody")))
    cluster = open_kubernetes()
    other = Bench(cluster, bench.namespace, bench.app)
    try:
        found = other.compare(config_map("a"))
        assert found.status is SyncStatus.UNKNOWN
        assert "nobody" in found.conditions[0][1]
    finally:
        cluster.close()
