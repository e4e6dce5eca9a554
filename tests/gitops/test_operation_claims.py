"""Whoever is first runs an operation: its hooks run once, and its end is not written over."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from secretsync.cluster.kubernetes import KubernetesCluster, open_kubernetes
from secretsync.core.fingerprints import Fingerprinter
from secretsync.gitops.assembly import build_engine
from secretsync.gitops.engine import Engine
from secretsync.gitops.look import Look
from secretsync.gitops.model import OperationState
from secretsync.gitops.status.history import journal_of
from secretsync.gitops.status.operation_claims import OperationTaken, OperationTerminated
from secretsync.gitops.status.operation_status import sync_operation
from secretsync.resources.application import Application
from tests.gitops.sync_kit import Noting
from tests.support.app_world import AppWorld, config_map
from tests.support.kube import KubeServer

CRDS = Path(__file__).parents[2] / "deploy" / "applications" / "crds.yaml"
ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount"}


class Rivals:
    """Two engines with nothing in common but the cluster, as a command and the service are."""

    def __init__(self, cluster: KubernetesCluster, namespace: str, folder: Path) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.world = AppWorld(folder)
        self._written: list[str] = []
        hook = {**config_map("hook", **{"argocd.argoproj.io/hook": "PreSync"}), **ACCOUNT}
        del hook["data"]
        self.world.repository.commit_objects("web/a.yaml", config_map("a"), hook)
        app = self.world.application()
        app["metadata"]["namespace"] = app["spec"]["destination"]["namespace"] = namespace
        self.cluster.create(KINDS["Application"], app, field_manager="somebody")
        self._built = [self._build(folder / name) for name in ("one", "other")]
        self.engines: list[Engine] = [each.engine for each in self._built]

    def _build(self, cache: Path) -> Any:
        noting: Any = Noting(self.cluster, self._written, [])
        return build_engine(
            noting,
            Fingerprinter(b"k" * 32),
            cache_dir=cache,
            local=True,
            now=lambda: datetime.now(UTC),
        )

    def close(self) -> None:
        """End what the engines keep."""
        for each in self._built:
            each.close()

    def application(self) -> Application:
        """Return the Application as it is."""
        found = self.engines[0].store.get(self.namespace, "web")
        assert found is not None
        return found

    def hook_runs(self) -> int:
        """Return how often the hook was made: it is the only one of its kind."""
        made = ("create ServiceAccount", "apply ServiceAccount")
        return sum(each in made for each in self._written)


@pytest.fixture
def rivals(
    kube_server: KubeServer,
    kube_namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Rivals]:
    """One Application that both have looked at."""
    kube_server.admin.install_crds(CRDS)
    monkeypatch.setenv("KUBECONFIG", str(kube_server.kubeconfig))
    # Applications of the service's own namespace need no project that lets them in.
    monkeypatch.setenv("POD_NAMESPACE", kube_namespace)
    with contextlib.closing(open_kubernetes()) as cluster:
        found = Rivals(cluster, kube_namespace, tmp_path)
        yield found
        found.close()


def synced(engine: Engine, look: Look, start: threading.Barrier, **by: str) -> bool:
    """Sync what was looked at; return whether it was this one who did."""
    operation = sync_operation(look.rendered.revisions, multiple=False, **by)
    start.wait(120)
    try:
        engine.sync(look, operation, action="sync")
    except OperationTaken:
        return False
    return True


def test_two_who_start_at_the_same_instant_run_one_operation_and_its_hook_once(
    rivals: Rivals,
) -> None:
    for number in range(1, 6):
        looks = [engine.look(rivals.application()) for engine in rivals.engines]
        start = threading.Barrier(2)
        with ThreadPoolExecutor(2) as pool:
            command = pool.submit(
                synced, rivals.engines[0], looks[0], start, username="ada", command=f"c{number}"
            )
            service = pool.submit(synced, rivals.engines[1], looks[1], start)
            assert sorted([command.result(120), service.result(120)]) == [False, True]
        journal = journal_of(rivals.application().meta.annotations)
        assert (rivals.hook_runs(), len(journal)) == (number, number)


def test_operation_that_another_has_run_meanwhile_is_not_run_once_more(rivals: Rivals) -> None:
    one, other = rivals.engines
    late, early = one.look(rivals.application()), other.look(rivals.application())
    assert synced(other, early, threading.Barrier(1))
    assert not synced(one, late, threading.Barrier(1), username="ada")
    assert rivals.hook_runs() == 1


def test_writes_of_others_that_begin_no_operation_hold_up_none(rivals: Rivals) -> None:
    one, other = rivals.engines
    look = one.look(rivals.application())
    other.store.annotate(look.app, {"example.com/note": "x"})
    other.note(other.look(rivals.application()))

    def noted(_: OperationState) -> None:
        other.store.annotate(look.app, {"example.com/note": str(time.monotonic())})

    operation = sync_operation(look.rendered.revisions, multiple=False)
    assert one.sync(look, operation, progress=noted, action="sync").phase == "Succeeded"
    assert rivals.hook_runs() == 1


def test_end_that_somebody_asks_for_is_not_written_over(rivals: Rivals) -> None:
    one, other = rivals.engines
    look = one.look(rivals.application())

    def terminate(_: OperationState) -> None:
        other.terminate(rivals.application(), served=True)

    operation = sync_operation(look.rendered.revisions, multiple=False)
    with pytest.raises(OperationTerminated) as caught:
        one.sync(look, operation, progress=terminate)
    assert rivals.application().status["operationState"]["phase"] == "Terminating"
    one.operator.give_up(look, caught.value.reached, caught.value.message)
    state = rivals.application().status["operationState"]
    assert (state["phase"], state["message"]) == ("Failed", "Operation terminated")


def test_end_that_comes_too_late_changes_nothing(rivals: Rivals) -> None:
    one, other = rivals.engines
    look, seen = one.look(rivals.application()), []

    def see(_: OperationState) -> None:
        seen.append(rivals.application())

    operation = sync_operation(look.rendered.revisions, multiple=False)
    one.sync(look, operation, progress=see, action="sync")
    assert seen[0].status["operationState"]["phase"] == "Running"
    for served in (True, False):
        other.terminate(seen[0], served=served)
    assert rivals.application().status["operationState"]["phase"] == "Succeeded"
