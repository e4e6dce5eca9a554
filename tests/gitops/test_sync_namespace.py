"""CreateNamespace on a real API server: when it is made, and what becomes of the rest."""

from __future__ import annotations

import pytest

from secretsync.cluster.base import KINDS
from secretsync.gitops.model import OperationPhase
from tests.gitops.comparing_kit import application
from tests.gitops.sync_kit import ARGO, Scene, annotated, order

pytestmark = pytest.mark.built


def test_create_namespace_makes_it_and_keeps_its_metadata(scene: Scene) -> None:
    """TestSyncWithCreateNamespace; what is there as it should be is not written again."""
    namespace = f"{scene.bench.namespace}-new"
    policy = {
        "syncOptions": ["CreateNamespace=true"],
        "managedNamespaceMetadata": {"labels": {"team": "a"}},
    }
    scene.bench.namespace = namespace
    app = application(namespace=namespace, syncPolicy=policy)
    found = scene.sync(annotated("web"), app=app)
    assert found.phase is OperationPhase.SUCCEEDED, found
    assert scene.has("web")
    made = scene.bench.cluster.get(KINDS["Namespace"], "", namespace)
    assert made is not None
    assert made["metadata"]["labels"]["team"] == "a"
    assert ARGO + "tracking-id" not in (made["metadata"].get("annotations") or {})
    with scene.writes() as written:
        scene.sync(annotated("web"), app=app)
    assert written == []


def test_create_namespace_leaves_one_of_the_sources_to_them(scene: Scene) -> None:
    namespace = f"{scene.bench.namespace}-own"
    scene.bench.namespace = namespace
    own = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    app = application(namespace=namespace, syncPolicy={"syncOptions": ["CreateNamespace=true"]})
    with scene.writes() as written:
        found = scene.sync(annotated("web"), own, app=app)
    assert (found.phase, order(found)) == (OperationPhase.SUCCEEDED, [namespace, "web"])
    assert written == ["apply Namespace", "apply ConfigMap"]


def test_namespace_that_cannot_be_made_lets_nothing_be_applied(scene: Scene) -> None:
    app = application(namespace="Not_A_Name", syncPolicy={"syncOptions": ["CreateNamespace=true"]})
    found = scene.sync(annotated("web"), app=app)
    assert found.phase is OperationPhase.FAILED
    assert "the namespace cannot be made" in found.message
    assert found.results == ()


def test_sync_with_create_namespace_and_dry_run_error_makes_it_for_the_next_try_to_find(
    scene: Scene,
) -> None:
    namespace = f"{scene.bench.namespace}-early"
    scene.bench.namespace = namespace
    app = application(namespace=namespace, syncPolicy={"syncOptions": ["CreateNamespace=true"]})
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "x"}}
    refused = {**account, "metadata": {"name": "x", "labels": {"a": "not a label!"}}}
    found = scene.sync(refused, app=app)
    assert found.phase is OperationPhase.FAILED
    (result,) = found.results
    assert (result.key.kind, str(result.code)) == ("ServiceAccount", "SyncFailed")
    assert "metadata.labels: Invalid value" in result.message
    assert scene.bench.cluster.get(KINDS["Namespace"], "", namespace) is not None
    assert scene.get("ServiceAccount", "x") is None
    assert scene.sync(account, app=app).phase is OperationPhase.SUCCEEDED
    assert scene.get("ServiceAccount", "x") is not None


@pytest.mark.parametrize("option", ["", "SkipDryRunOnMissingResource=true"])
def test_create_namespace_beside_what_cannot_be_applied_fails_the_sync(
    scene: Scene, option: str
) -> None:
    """What is known not to work is told first of all.

    Not even the namespace is made then. With the option that skips this check the object
    fails when it is applied, and the namespace and the rest are made.
    """
    namespace = f"{scene.bench.namespace}-dry"
    scene.bench.namespace = namespace
    policy = {"syncOptions": ["CreateNamespace=true", *([option] if option else [])]}
    app = application(namespace=namespace, syncPolicy=policy)
    odd = {"apiVersion": "nowhere.example.com/v1", "kind": "Odd", "metadata": {"name": "x"}}
    with scene.writes() as written:
        found = scene.sync(annotated("web"), odd, app=app)
    assert found.phase is OperationPhase.FAILED
    assert "does not serve" in found.message
    codes = {each.key.name: str(each.code) for each in found.results}
    made = scene.bench.cluster.get(KINDS["Namespace"], "", namespace) is not None
    assert (made, scene.has("web")) == (bool(option), bool(option))
    if option:
        assert codes == {"web": "Synced", "x": "SyncFailed"}
    else:
        assert (codes, written) == ({"x": "SyncFailed"}, [])
