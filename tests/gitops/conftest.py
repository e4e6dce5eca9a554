"""Fixtures of the GitOps tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from secretsync.cluster.kubernetes import KubernetesCluster, open_kubernetes
from tests.gitops.comparing_kit import Bench, application
from tests.gitops.sync_kit import Scene
from tests.support.kube import KubeServer


@pytest.fixture
def scene(
    kube_server: KubeServer, kube_namespace: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    """An application that a test syncs into a namespace of a real API server."""
    monkeypatch.setenv("KUBECONFIG", str(kube_server.kubeconfig))
    cluster: KubernetesCluster = open_kubernetes()
    bench = Bench(cluster, kube_namespace, application(namespace=kube_namespace))
    yield Scene(bench)
    bench.jq.close()
    cluster.close()
