"""Fixtures of the cluster tests: identities at the shared API server, and one to break."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from secretsync.cluster.kubernetes import KubernetesCluster, Timeouts, open_kubernetes
from tests.support.kube import KubeServer

OpenAs = Callable[..., KubernetesCluster]


@pytest.fixture
def open_as(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAs]:
    """Open a cluster by a kubeconfig file; closed when the test ends."""
    opened = []

    def open_with(kubeconfig: Path, timeouts: Timeouts | None = None) -> KubernetesCluster:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        cluster = open_kubernetes(timeouts=timeouts)
        opened.append(cluster)
        return cluster

    yield open_with
    for cluster in opened:
        cluster.close()


@pytest.fixture
def kube(kube_server: KubeServer, open_as: OpenAs) -> KubernetesCluster:
    """The shared API server as its administrator."""
    return open_as(kube_server.kubeconfig)


@pytest.fixture(scope="module")
def fragile_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeServer]:
    """A server of the module's own that tests may stop and freeze; without WatchList."""
    server = KubeServer(
        tmp_path_factory.mktemp("fragile"), apiserver_flags=["--feature-gates=WatchList=false"]
    )
    server.start()
    yield server
    server.stop()
