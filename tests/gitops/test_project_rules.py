"""What a project gives, rule by rule."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from secretsync.cluster.directory import DirectoryCluster
from secretsync.errors import ConfigError
from secretsync.gitops.model import ObjectKey
from secretsync.gitops.projects.permitting import Permits
from secretsync.gitops.projects.project_rules import (
    allows_repository,
    denied_application,
    denied_objects,
)
from secretsync.gitops.status.app_store import AppStore
from secretsync.resources.app_project import AppProject, parse_app_project
from secretsync.resources.documents import Document, Origin
from tests.gitops.comparing_kit import application

HERE = "https://kubernetes.default.svc"
ANY: dict[str, Any] = {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}


def project(rules: dict[str, Any]) -> AppProject:
    """Return a project with these rules."""
    parsed = parse_app_project(Document(manifest(rules), Origin("")), default_namespace="argocd")
    assert parsed.value is not None, parsed.problems
    return parsed.value


def manifest(rules: dict[str, Any]) -> dict[str, Any]:
    """Return an AppProject."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "shop", "namespace": "argocd"},
        "spec": rules,
    }


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        ({}, False),
        (ANY, True),
        ({**ANY, "sourceRepos": ["https://git.example.com/*"]}, True),
        ({**ANY, "sourceRepos": ["https://*/r.git"]}, True),
        ({**ANY, "sourceRepos": ["https://*"]}, False),
        ({**ANY, "sourceRepos": ["https://**"]}, True),
        ({**ANY, "sourceRepos": ["https://git.example.com/{r,s}.git"]}, True),
        ({**ANY, "sourceRepos": ["https://git.example.com/r"]}, True),
        ({**ANY, "sourceRepos": ["*", "!https://git.example.com/r"]}, False),
        ({**ANY, "sourceRepos": ["https://git.example.com"]}, False),
        ({**ANY, "sourceRepos": ["*", "!https://git.example.com/*"]}, False),
        ({**ANY, "destinations": [{"server": HERE, "namespace": "shop"}]}, True),
        ({**ANY, "destinations": [{"name": "in-cluster", "namespace": "sh*"}]}, True),
        ({**ANY, "destinations": [{"server": HERE, "namespace": "other"}]}, False),
        ({**ANY, "destinations": [{"server": "https://x", "namespace": "*"}]}, False),
        (
            {**ANY, "destinations": [*ANY["destinations"], {"server": HERE, "namespace": "!shop"}]},
            False,
        ),
        (
            {
                **ANY,
                "destinationServiceAccounts": [
                    {"server": HERE, "namespace": "shop", "defaultServiceAccount": "deployer"}
                ],
            },
            False,
        ),
        (
            {
                **ANY,
                "destinationServiceAccounts": [
                    {"server": HERE, "namespace": "other", "defaultServiceAccount": "deployer"}
                ],
            },
            True,
        ),
    ],
)
def test_application_is_allowed_only_what_the_project_names(
    rules: dict[str, Any], allowed: bool
) -> None:
    assert (denied_application(project(rules).spec, application(namespace="shop")) == "") is allowed


SECRET = ObjectKey("", "Secret", "shop", "a")
ROLE = ObjectKey("rbac.authorization.k8s.io", "ClusterRole", "", "a")
ELSEWHERE = ObjectKey("", "Secret", "kube-system", "a")
SHOP = {"destinations": [{"server": HERE, "namespace": "shop"}]}


@pytest.mark.parametrize(
    ("rules", "key", "allowed"),
    [
        (SHOP, SECRET, True),
        (SHOP, ELSEWHERE, False),
        (SHOP, ROLE, False),
        ({**SHOP, "clusterResourceWhitelist": [{"group": "*", "kind": "*"}]}, ROLE, True),
        ({**SHOP, "clusterResourceWhitelist": [{"group": "", "kind": "*"}]}, ROLE, False),
        (
            {**SHOP, "clusterResourceWhitelist": [{"group": "*", "kind": "*", "name": "b*"}]},
            ROLE,
            False,
        ),
        ({**SHOP, "namespaceResourceBlacklist": [{"group": "", "kind": "Secret"}]}, SECRET, False),
        (
            {**SHOP, "namespaceResourceWhitelist": [{"group": "", "kind": "ConfigMap"}]},
            SECRET,
            False,
        ),
        ({**SHOP, "namespaceResourceWhitelist": [{"group": "", "kind": "Secret"}]}, SECRET, True),
    ],
)
def test_object_is_allowed_only_what_the_project_names(
    rules: dict[str, Any], key: ObjectKey, allowed: bool
) -> None:
    app = application(namespace="shop")
    assert (denied_objects(project(rules).spec, app, [(key, bool(key.namespace))]) == []) is allowed


@pytest.fixture
def cluster(tmp_path: Path) -> DirectoryCluster:
    return DirectoryCluster(tmp_path, default_namespace="argocd", now=lambda: datetime.now(UTC))


def put(cluster: DirectoryCluster, obj: dict[str, Any]) -> None:
    cluster.apply(KINDS[obj["kind"]], obj, field_manager="test")


def test_project_that_is_misspelt_allows_nothing(cluster: DirectoryCluster) -> None:
    put(cluster, manifest({**ANY, "syncWindows": [{"kind": "forbid", "schedule": "* * * * *"}]}))
    app = application(namespace="shop", project="shop")
    with pytest.raises(ConfigError) as caught:
        Permits(cluster, AppStore(cluster)).project(app)
    assert "AppProject argocd/shop: spec.syncWindows[0]." in caught.value.message


def test_project_with_what_has_no_effect_is_told_of(cluster: DirectoryCluster) -> None:
    put(cluster, manifest({**ANY, "sourceReposs": [], "orphanedResources": {"warn": True}}))
    found = Permits(cluster, AppStore(cluster)).project(application(namespace="x", project="shop"))
    assert any("sourceReposs" in each for each in found.warnings)
    assert any("orphanedResources has no effect" in each for each in found.warnings)


@pytest.mark.parametrize(
    ("secret", "allowed"),
    [
        ({}, False),
        ({"server": HERE, "project": "shop"}, True),
        ({"server": f"{HERE}/", "project": "shop"}, True),
        ({"name": "in-cluster", "project": "shop"}, True),
        ({"server": HERE, "project": "other"}, False),
        ({"server": "https://elsewhere", "project": "shop"}, False),
    ],
)
def test_project_of_own_clusters_only_wants_a_cluster_secret_of_its_own(
    secret: dict[str, str], allowed: bool, cluster: DirectoryCluster
) -> None:
    put(cluster, manifest({**ANY, "permitOnlyProjectScopedClusters": True}))
    if secret:
        labels = {"argocd.argoproj.io/secret-type": "cluster"}
        data = {key: base64.b64encode(value.encode()).decode() for key, value in secret.items()}
        metadata = {"name": "here", "namespace": "argocd", "labels": labels}
        put(cluster, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    permits, app = Permits(cluster, AppStore(cluster)), application(namespace="x", project="shop")
    found = permits.project(app)
    if allowed:
        permits.check(found, app)
    else:
        with pytest.raises(ConfigError, match="clusters of its own"):
            permits.check(found, app)


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example.com?@git.example.com/team/r",
        "https://elsewhere.example.com#@git.example.com/team/r",
        "https://elsewhere.example.com?.example.com/team/r",
        "https://elsewhere.example.com\\.example.com/team/r",
        "https://git.example.com/team/../others/r",
        "https://git.example.com/team/%2e%2e/others/r",
        "https://git.example.com/team/..%2Fothers",
        "https://git.example.com/team/%252e%252e/r",
        "https://git.example.com/team/..",
        "git@git.example.com:team/../others/r",
    ],
)
def test_url_that_means_another_repository_is_no_projects(url: str) -> None:
    givers = [
        "https://*.example.com/**",
        "https://git.example.com/team/*",
        "git@git.example.com:**",
    ]
    spec = project({**ANY, "sourceRepos": ["*", *givers]}).spec
    assert not allows_repository(spec, url)
    assert allows_repository(spec, "https://git.example.com/team/r")


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/Bad/r",
        "https://GIT.example.com/bad/R.git",
        "https://git.example.com:443/bad/r",
    ],
)
def test_rule_that_denies_a_repository_is_not_got_round_by_its_writing(url: str) -> None:
    spec = project({**ANY, "sourceRepos": ["*", "!https://git.example.com/Bad/*"]}).spec
    assert not allows_repository(spec, url)
    assert allows_repository(spec, "https://git.example.com/good/r")


@pytest.mark.parametrize(
    ("given", "url", "allowed"),
    [
        ("git@example.com:org/*", "ssh://git@example.com/org/r.git", True),
        ("ssh://git@example.com/org/*", "git@example.com:org/r", True),
        ("git@example.com:org/r.git", "git@EXAMPLE.com:org/r", True),
        ("git@example.com:org/r", "git@example.com/org/r", True),
        ("git@example.com:*", "ssh://git@example.com/org/r", False),
        ("git@example.com:org/*", "https://example.com/org/r", False),
        ("https://example.com/org/*", "git@example.com:org/r", False),
        ("git@example.com:org/*", "root@example.com:org/r", False),
        ("ssh://git@example.com/org/*", "ssh://root@example.com/org/r", False),
        ("git@example.com:org/*", "ssh://git@example.com:2222/org/r", False),
        ("https://example.com/org/*", "https://org@example.com/org/r.git", True),
        ("oci://**", "https://example.com/org/r", False),
        ("oci://example.com/*", "oci://example.com/r", True),
    ],
)
def test_repository_over_ssh_is_one_however_ssh_writes_it_and_none_over_https(
    given: str, url: str, allowed: bool
) -> None:
    assert allows_repository(project({**ANY, "sourceRepos": [given]}).spec, url) is allowed


@pytest.mark.parametrize(
    "url",
    [
        "git@example.com:org/bad.git",
        "root@example.com:Org/Bad",
        "ssh://example.com/org/bad",
        "ssh://git@example.com:22/org/bad",
        "git@example.com:/org/bad",
        "ssh://git@example.com//org//bad",
    ],
)
def test_rule_that_denies_a_repository_over_ssh_is_for_each_way_to_it(url: str) -> None:
    spec = project({**ANY, "sourceRepos": ["*", "!git@example.com:org/bad", "!oci://**"]}).spec
    assert not allows_repository(spec, url)
    assert allows_repository(spec, "https://example.com/org/bad")
    assert allows_repository(spec, "git@example.com:org/good")
