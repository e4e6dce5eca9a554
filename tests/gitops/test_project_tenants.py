"""Which project an Application has: the control plane's, and its namespace must be let in."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from secretsync.cluster.base import Cluster
from secretsync.cluster.directory import DirectoryCluster
from secretsync.errors import ConfigError
from secretsync.gitops.projects.instances import instance_of
from secretsync.gitops.projects.permitting import Permits
from secretsync.gitops.status.app_store import AppStore
from secretsync.resources.application import Application
from tests.gitops.comparing_kit import application, in_namespace
from tests.gitops.test_project_rules import ANY, manifest, put


@pytest.mark.parametrize(
    ("given", "namespace", "allowed"),
    [
        (None, "argocd", True),
        (None, "secretsync-system", False),
        (None, "team", False),
        ([], "team", False),
        (["team"], "team", True),
        (["te*"], "team", True),
        (["other", "team-*"], "team", False),
        (["*"], "team", True),
        (["/^te.m$/"], "team", True),
        (["/ea/"], "team", True),
        (["/^ea/"], "team", False),
        (["/team"], "team", False),
        (["/(?!x)team/", "/"], "team", False),
    ],
)
def test_project_of_the_control_plane_serves_the_namespaces_that_it_names(
    given: list[str] | None, namespace: str, allowed: bool
) -> None:
    rules = {**ANY, **({} if given is None else {"sourceNamespaces": given})}
    # A tenant's own project of that name gives nothing.
    held = {("argocd", "shop"): rules, ("team", "shop"): {**ANY, "sourceNamespaces": ["*"]}}
    permits, app = tenant(held, namespace, "shop")
    if allowed:
        permits.check(permits.project(app), app)
        return
    with pytest.raises(ConfigError, match=r"does not allow Applications|there is no AppProject"):
        permits.project(app)


@pytest.mark.parametrize(
    ("declared", "namespace", "allowed"),
    [
        (None, "argocd", True),
        (None, "secretsync-system", True),
        (None, "team", False),
        ({**ANY}, "team", False),
        ({**ANY, "sourceNamespaces": ["team"]}, "team", True),
    ],
)
def test_project_default_allows_all_of_the_control_plane_and_no_tenant_unless_it_says_so(
    declared: dict[str, Any] | None, namespace: str, allowed: bool
) -> None:
    permits, app = tenant({("argocd", "default"): declared} if declared else {}, namespace)
    if allowed:
        permits.check(permits.project(app), app)
        return
    with pytest.raises(ConfigError, match=r"argocd/default does not allow .* namespace team"):
        permits.project(app)


def test_project_beside_an_application_of_a_directory_counts_before_the_control_planes(
    tmp_path: Path,
) -> None:
    cluster = DirectoryCluster(tmp_path, default_namespace="argocd", now=lambda: datetime.now(UTC))
    app = in_namespace(application(namespace="shop", project="shop"), "team")
    permits = Permits(cluster, AppStore(cluster))
    put(cluster, manifest(ANY))
    with pytest.raises(ConfigError, match="does not allow Applications in the namespace team"):
        permits.project(app)
    beside = manifest(ANY)
    put(cluster, {**beside, "metadata": {**beside["metadata"], "namespace": "team"}})
    assert permits.project(app).held is not None


class Named:
    """A cluster of which only the name is asked."""

    name = "kube:here"


class Held:
    """The AppProjects of an API server, rules by place."""

    def __init__(self, rules: dict[tuple[str, str], dict[str, Any]]) -> None:
        self._rules = rules

    def project(self, namespace: str, name: str) -> dict[str, Any] | None:
        rules = self._rules.get((namespace, name))
        metadata = {"name": name, "namespace": namespace}
        return None if rules is None else {**manifest(rules), "metadata": metadata}


def tenant(
    held: dict[tuple[str, str], dict[str, Any]], namespace: str, name: str = "default"
) -> tuple[Permits, Application]:
    """Return what asks those projects, and an Application of a namespace."""
    app = in_namespace(application(namespace="shop", project=name), namespace)
    return Permits(cast("Cluster", Named()), Held(held)), app


@pytest.mark.parametrize(
    ("namespace", "instance"),
    [("argocd", "web"), ("secretsync-system", "secretsync-system_web"), ("team", "team_web")],
)
def test_application_of_another_namespace_is_tracked_under_it_too(
    namespace: str, instance: str
) -> None:
    assert instance_of(in_namespace(application(namespace="shop"), namespace)) == instance
