"""What the field `operation` asks for is taken, and a kill at any moment does not lose it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secretsync.cluster.base import KINDS, Cluster
from secretsync.cluster.directory import DirectoryCluster
from secretsync.cluster.kubernetes import open_kubernetes
from secretsync.errors import Conflict
from secretsync.gitops.model import OperationPhase, OperationState
from secretsync.gitops.status.app_store import AppStore
from secretsync.gitops.status.operation_status import raw_sources, state_status
from secretsync.resources.application import Application
from tests.gitops.comparing_kit import application
from tests.support.kube import KubeServer

CRDS = Path(__file__).parents[2] / "deploy" / "applications" / "crds.yaml"
APPS = KINDS["Application"]
ASKED = {"initiatedBy": {"username": "ada"}, "sync": {"prune": True}}
NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Killed(BaseException):
    """Stands for the end of the process."""


class Mortal:
    """A cluster whose user dies after so many writes."""

    def __init__(self, inner: Cluster, after: int) -> None:
        self._inner = inner
        self.left = after

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if name not in ("merge_patch", "patch_status"):
            return value

        def written(*args: Any, **options: Any) -> Any:
            if self.left == 0:
                raise Killed
            found = value(*args, **options)
            self.left -= 1
            return found

        return written


@pytest.fixture(params=["dir", pytest.param("kube", marks=pytest.mark.built)])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    """A directory, and an API server without a status subresource."""
    if request.param == "dir":
        yield DirectoryCluster(tmp_path, default_namespace="argocd", now=lambda: NOW)
        return
    server: KubeServer = request.getfixturevalue("kube_server")
    server.admin.install_crds(CRDS)
    request.getfixturevalue("monkeypatch").setenv("KUBECONFIG", str(server.kubeconfig))
    with contextlib.closing(open_kubernetes()) as found:
        yield found


@pytest.fixture
def asked(cluster: Cluster, request: pytest.FixtureRequest) -> Application:
    """An Application that somebody asks for a sync of."""
    namespace = "argocd"
    if cluster.collects_garbage:
        namespace = request.getfixturevalue("kube_namespace")
    raw = {**application(namespace="shop").raw, "operation": ASKED}
    raw.pop("status")
    raw["metadata"] = {"name": "web", "namespace": namespace}
    cluster.create(APPS, raw, field_manager="somebody")
    found = AppStore(cluster).get(namespace, "web")
    assert found is not None
    return found


def begun(app: Application) -> dict[str, Any]:
    state = OperationState(ASKED, OperationPhase.RUNNING, NOW, revisions=("r1",))
    return {"operationState": state_status(state, raw_sources(app))}


def seen(cluster: Cluster, app: Application) -> tuple[Any, Any]:
    """Return what is asked for, and which operation runs."""
    found = cluster.get(APPS, app.meta.namespace, "web") or {}
    state = (found.get("status") or {}).get("operationState") or {}
    return found.get("operation"), state.get("operation") if state.get("phase") else None


@pytest.mark.parametrize("knows", [False, True])
@pytest.mark.parametrize("after", range(4))
def test_operation_is_asked_for_or_runs_wherever_a_process_dies(
    cluster: Cluster, asked: Application, *, after: int, knows: bool
) -> None:
    mortal: Any = Mortal(cluster, after)
    store = AppStore(mortal)
    if knows:  # Whether the CRD has a status subresource shows at the first write of one.
        mortal.left = -1
        store.write_status(asked, {"sync": {"status": "Unknown"}})
        mortal.left = after
        read = store.get(asked.meta.namespace, "web")
        assert read is not None
        asked = read
    with contextlib.suppress(Killed):
        store.take_operation(asked, status=begun(asked))
    wanted, running = seen(cluster, asked)
    assert ASKED in (wanted, running)
    if after == 3:
        assert (wanted, running) == (None, ASKED)


@pytest.mark.parametrize("knows", [False, True])
def test_operation_that_was_changed_meanwhile_is_not_taken(
    cluster: Cluster, asked: Application, *, knows: bool
) -> None:
    store = AppStore(cluster)
    if knows:
        store.write_status(asked, {"sync": {"status": "Unknown"}})
    newer = {"initiatedBy": {"username": "grace"}, "sync": {"prune": False}}
    store.ask(replace(asked), {**ASKED, **newer})
    with pytest.raises(Conflict):
        store.take_operation(asked, status=begun(asked))
    assert seen(cluster, asked)[0] == newer
