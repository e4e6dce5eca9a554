"""The table of Kubernetes' kinds against the real API server, and the guesses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secretsync.cluster.base import KINDS, Kind, Propagation
from secretsync.cluster.directory import DirectoryCluster
from secretsync.cluster.known_kinds import builtin_kinds, guessed_kind, known_kind
from secretsync.cluster.kubernetes import KubernetesCluster
from secretsync.errors import ClusterUnavailable, Forbidden, NotFound
from tests.contract.cluster_cases import CONFIG_MAP, CRD, WAIT_S, definition
from tests.support.kube import KubeServer


def served_kinds(server: KubeServer) -> set[Kind]:
    """Return what the server's own discovery lists, without custom resources."""
    groups = server.admin.request("GET", "/apis")["groups"]
    names = ["v1", *(each["groupVersion"] for group in groups for each in group["versions"])]
    found = set()
    for name in names:
        group = name.rpartition("/")[0]
        listed = server.admin.request("GET", f"/apis/{name}" if group else f"/api/{name}")
        for each in listed["resources"]:
            if "/" not in each["name"]:
                found.add(Kind(each["kind"], each["name"], group, "v1", each["namespaced"]))
    known_groups = {kind.group for kind in builtin_kinds()}
    return {kind for kind in found if kind.group in known_groups or kind.group.endswith(".k8s.io")}


def test_the_table_knows_every_kind_that_the_server_serves(kube_server: KubeServer) -> None:
    known = {replace(kind, version="v1") for kind in builtin_kinds()}
    assert served_kinds(kube_server) - known == set()


def test_every_kind_in_the_table_resolves_to_itself() -> None:
    for kind in builtin_kinds():
        assert known_kind(kind.api_version, kind.kind) == kind


@pytest.mark.parametrize(
    ("api_version", "kind", "plural", "namespaced"),
    [
        ("monitoring.coreos.com/v1", "ServiceMonitor", "servicemonitors", True),
        ("cert-manager.io/v1", "ClusterIssuer", "clusterissuers", False),
        ("kyverno.io/v1", "ClusterPolicy", "clusterpolicies", False),
        ("gateway.networking.k8s.io/v1", "GatewayClass", "gatewayclasses", False),
        ("gateway.networking.k8s.io/v1", "Gateway", "gateways", True),
        ("postgresql.cnpg.io/v1", "Cluster", "clusters", True),
        ("cluster.x-k8s.io/v1beta1", "ClusterClass", "clusterclasses", True),
        ("addons.cluster.x-k8s.io/v1beta1", "ClusterResourceSet", "clusterresourcesets", True),
    ],
)
def test_a_custom_kind_is_guessed(
    api_version: str, kind: str, plural: str, *, namespaced: bool
) -> None:
    guess = guessed_kind(api_version, kind)
    assert (guess.plural, guess.namespaced, guess.api_version) == (plural, namespaced, api_version)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[DirectoryCluster]:
    cluster = DirectoryCluster(tmp_path, now=lambda: datetime.now(UTC))
    yield cluster
    cluster.close()


def test_kinds_we_speak_of_need_no_definition(directory: DirectoryCluster) -> None:
    for kind in KINDS.values():
        assert directory.resolve(kind.api_version, kind.kind) == kind


def test_a_broken_definition_says_nothing(directory: DirectoryCluster, tmp_path: Path) -> None:
    made = definition("example.com", kind="Mouse", plural="mice", scope="Cluster")
    directory.create(CRD, made, field_manager="creator")
    assert directory.resolve("example.com/v1", "Mouse").plural == "mice"
    (tmp_path / "_cluster" / CRD.folder / "mice.example.com.yaml").write_text("spec: [")
    assert directory.resolve("example.com/v1", "Mouse").plural == "mouses"


def test_discovery_is_asked_once_for_each_api_version(
    kube: KubernetesCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    request = kube._api.transport.request

    def counted(method: str, target: str, **options):
        asked.append(target)
        return request(method, target, **options)

    monkeypatch.setattr(kube._api.transport, "request", counted)
    for kind in ("Deployment", "StatefulSet", "DaemonSet", "Deployment"):
        kube.resolve("apps/v1", kind)
    assert asked == ["/apis/apps/v1"]
    with pytest.raises(NotFound):
        kube.resolve("absent.example.com/v1", "Mouse")
    assert asked[1:] == ["/apis/absent.example.com/v1", "/apis"]


def test_a_404_that_the_list_of_groups_contradicts_is_no_absence(
    kube: KubernetesCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    discover = kube._api.discover

    def without_apps(path: str, decoder, **options):
        return None if path == "/apis/apps/v1" else discover(path, decoder, **options)

    monkeypatch.setattr(kube._api, "discover", without_apps)
    with pytest.raises(ClusterUnavailable):
        kube.resolve("apps/v1", "Deployment")


def test_deletion_treats_what_it_owns_as_propagation_says(
    kube: KubernetesCluster, kube_server: KubeServer, kube_namespace: str
) -> None:
    with kube_server.controller_manager():
        left = {}
        for propagation in Propagation:
            name = propagation.lower()
            where = (CONFIG_MAP, kube_namespace)
            owner = kube.create(CONFIG_MAP, config_map(name, kube_namespace), field_manager="t")
            reference = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "name": name,
                "uid": owner["metadata"]["uid"],
            }
            owned = config_map(f"{name}-owned", kube_namespace, ownerReferences=[reference])
            kube.create(CONFIG_MAP, owned, field_manager="t")
            kube.delete(*where, name, propagation=propagation)
            awaited(lambda where=where, name=name: kube.get(*where, name) is None)
            if propagation is not Propagation.ORPHAN:
                awaited(lambda where=where, name=name: kube.get(*where, f"{name}-owned") is None)
            left[propagation] = kube.get(*where, f"{name}-owned")
    orphan = left[Propagation.ORPHAN]
    assert orphan is not None
    assert "ownerReferences" not in orphan["metadata"]


def config_map(name: str, namespace: str, **metadata):
    return {"metadata": {"name": name, "namespace": namespace, **metadata}, "data": {}}


def awaited(condition) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_reader_answers_dry_runs_and_leaves_the_folder_as_it_is(tmp_path: Path) -> None:
    root = tmp_path / "out"
    reader = DirectoryCluster(root, read_only=True, now=lambda: datetime.now(UTC))
    kind = reader.resolve("apps/v1", "Deployment")
    obj = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"replicas": 1}}
    shown = reader.apply(kind, obj, field_manager="applier", dry_run=True)
    assert shown["metadata"]["generation"] == 1
    assert not root.exists()
    with pytest.raises(Forbidden):
        reader.apply(kind, obj, field_manager="applier")
    reader.close()
