"""The namespace of CreateNamespace: a project gives it as it gives any cluster-wide object."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from secretsync.cluster.directory import DirectoryCluster
from secretsync.errors import ConfigError
from secretsync.gitops.objects.sync_options import SyncOptions
from secretsync.gitops.projects.made_namespace import check_made_namespace
from secretsync.gitops.projects.permitting import Project
from tests.gitops.comparing_kit import application
from tests.gitops.test_project_rules import ANY, project

PRIVILEGED = {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}
NAMESPACES = {"clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}]}
SHOPS = {"clusterResourceWhitelist": [{"group": "", "kind": "Namespace", "name": "sh*"}]}
OTHERS = {"clusterResourceWhitelist": [{"group": "", "kind": "Namespace", "name": "team-*"}]}
DENIED = {**NAMESPACES, "clusterResourceBlacklist": [{"group": "", "kind": "Namespace"}]}
#: The namespace as it is: not there, there, and there with what is managed below.
ABSENT: dict[str, Any] | None = None
PLAIN: dict[str, Any] = {}
SAME: dict[str, Any] = PRIVILEGED


@pytest.mark.parametrize(
    ("rules", "live", "managed", "allowed"),
    [
        ({}, ABSENT, None, False),
        ({}, PLAIN, None, True),
        ({}, PLAIN, PRIVILEGED, False),
        ({}, PLAIN, {"annotations": {"a": "b"}}, False),
        ({}, SAME, PRIVILEGED, True),
        ({}, ABSENT, PRIVILEGED, False),
        (NAMESPACES, ABSENT, None, True),
        (NAMESPACES, PLAIN, PRIVILEGED, True),
        (SHOPS, ABSENT, None, True),
        (OTHERS, ABSENT, None, False),
        (DENIED, PLAIN, PRIVILEGED, False),
        (None, ABSENT, PRIVILEGED, True),
    ],
)
def test_namespace_is_written_only_where_the_project_gives_it(
    tmp_path: Path,
    rules: dict[str, Any] | None,
    live: dict[str, Any] | None,
    managed: dict[str, Any] | None,
    allowed: bool,
) -> None:
    cluster = DirectoryCluster(tmp_path, default_namespace="argocd", now=lambda: datetime.now(UTC))
    if live is not None:
        there = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", **live}}
        cluster.apply(KINDS["Namespace"], there, field_manager="somebody")
    policy = {"managedNamespaceMetadata": managed} if managed else {}
    app = application(namespace="shop", project="shop", syncPolicy=policy)
    held = Project(None if rules is None else project({**ANY, **rules}))
    made = SyncOptions.of(["CreateNamespace=true"])
    check_made_namespace(cluster, held, app, SyncOptions.of())  # Nothing is made without it.
    if allowed:
        check_made_namespace(cluster, held, app, made)
        return
    with pytest.raises(ConfigError) as caught:
        check_made_namespace(cluster, held, app, made)
    assert "Namespace shop: the project does not allow this kind" in caught.value.message
    assert "clusterResourceWhitelist" in caught.value.remedy
