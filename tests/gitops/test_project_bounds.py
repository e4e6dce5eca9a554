"""What would be pruned or deleted stays where it is outside of the project."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from secretsync.cluster.base import KINDS, Cluster
from secretsync.cluster.directory import DirectoryCluster
from secretsync.errors import ClusterUnavailable, ConfigError
from secretsync.gitops.deletion.deleting import delete_application
from secretsync.gitops.model import Comparison, Health, HealthStatus, ObjectKey, Pair, SyncStatus
from secretsync.gitops.projects.project_bounds import bounds_of, within_project
from secretsync.gitops.status.app_store import AppStore
from secretsync.resources.application import Application
from tests.gitops.comparing_kit import application, config_map
from tests.gitops.test_project_rules import ANY, HERE, manifest, put
from tests.gitops.test_project_tenants import Held, Named

WHY = "ConfigMap shop/a: the project does not allow this kind"
NO_MAPS = {**ANY, "namespaceResourceBlacklist": [{"group": "", "kind": "ConfigMap"}]}
ELSEWHERE = {**ANY, "destinations": [{"server": HERE, "namespace": "other"}]}
TRACKING = {"argocd.argoproj.io/tracking-id": "web:/ConfigMap:shop/a"}
LIVE = config_map("a", namespace="shop", annotations=TRACKING)


def pair(status: SyncStatus = SyncStatus.OUT_OF_SYNC, **more: Any) -> Pair:
    """Return what would be pruned, or what the arguments say."""
    return Pair(ObjectKey("", "ConfigMap", "shop", "a"), None, LIVE, status, **more)


@pytest.mark.parametrize(
    ("others", "status"),
    [((), SyncStatus.SYNCED), ((SyncStatus.OUT_OF_SYNC,), SyncStatus.OUT_OF_SYNC)],
)
def test_object_outside_of_the_project_is_not_pruned_and_is_told_of(
    others: tuple[SyncStatus, ...], status: SyncStatus
) -> None:
    wanted = [Pair(ObjectKey("", "ConfigMap", "shop", "b"), LIVE, LIVE, each) for each in others]
    pairs = (pair(), *wanted)
    found = Comparison(pairs, SyncStatus.OUT_OF_SYNC, Health(HealthStatus.HEALTHY))
    kept = within_project(found, lambda _: WHY)
    assert (kept.pairs[0].requires_pruning, kept.status) == (False, status)
    assert kept.conditions == (("ProjectWarning", f"{WHY}, so it stays"),)
    assert kept.pairs[1:] == found.pairs[1:]
    assert within_project(found, lambda _: "") is found


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        (ANY, "deleted"),
        (NO_MAPS, f"stays: {WHY}"),
        (ELSEWHERE, "stays: ConfigMap shop/a: the project does not allow this namespace"),
        # A directory is one owner's: what lost its project goes all the same.
        (None, "deleted"),
    ],
)
def test_object_outside_of_the_project_stays_when_its_application_goes(
    tmp_path: Path, rules: dict[str, Any] | None, told: str
) -> None:
    cluster = DirectoryCluster(tmp_path, default_namespace="argocd", now=lambda: datetime.now(UTC))
    if rules is not None:
        put(cluster, manifest(rules))
    cluster.apply(KINDS["ConfigMap"], LIVE, field_manager="test")
    listed = {"version": "v1", "kind": "ConfigMap", "namespace": "shop", "name": "a"}
    found: dict[ObjectKey, str] = {}
    gone = delete_application(
        cluster,
        AppStore(cluster),
        leaving({"resources": [listed]}),
        cascade=True,
        told=lambda key, what: found.update({key: what}),
    )
    assert gone
    assert found == {ObjectKey("", "ConfigMap", "shop", "a"): told}
    assert (cluster.get(KINDS["ConfigMap"], "shop", "a") is None) is (told == "deleted")


class Down(Held):
    """Projects that cannot be read."""

    def project(self, namespace: str, name: str) -> dict[str, Any] | None:
        raise ClusterUnavailable("the API server does not answer")


@pytest.mark.parametrize(
    ("projects", "said"),
    [
        (Held({}), "there is no AppProject argocd/shop"),
        (Held({("argocd", "shop"): {**ANY, "destinations": "*"}}), "spec.destinations"),
        (Down({}), "the project shop cannot be read: the API server does not answer"),
    ],
)
def test_nothing_is_deleted_while_nobody_knows_what_the_project_gives(
    projects: Held, said: str
) -> None:
    denied = bounds_of(cast("Cluster", Named()), projects, leaving({}))
    with pytest.raises(ConfigError, match=said):
        denied(LIVE)


def leaving(status: dict[str, Any]) -> Application:
    """Return an application of the project, with a status."""
    return application(namespace="shop", project="shop", status=status)
