"""AppProjects: what is read, and what is refused with its field and remedy."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.resources.app_project import parse_app_project
from secretsync.resources.app_project_spec import ProjectWindow, ResourceRule
from secretsync.resources.documents import Document, Origin
from secretsync.resources.problems import Severity

WINDOW = {"kind": "deny", "schedule": "0 22 * * *", "duration": "1h", "applications": ["*"]}
POLICY = {"repos": [{"url": "*"}], "gpg": {"mode": "head", "keys": ["4AEE18F83AFDEB23"]}}


def parse(spec: Any) -> Any:
    document = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "shop", "namespace": "argocd"},
        "spec": spec,
    }
    return parse_app_project(Document(document, Origin("p.yaml")), default_namespace="argocd")


def test_project_with_every_field_is_read_without_a_problem() -> None:
    parsed = parse(
        {
            "description": "the shop",
            "sourceRepos": ["https://git.example.com/*"],
            "sourceNamespaces": ["shop", "/^shop-[0-9]+$/"],
            "destinations": [{"name": "in-cluster", "namespace": "shop-*"}],
            "clusterResourceWhitelist": [{"group": "", "kind": "Namespace", "name": "shop-*"}],
            "clusterResourceBlacklist": [{"group": "*", "kind": "ClusterRole"}],
            "namespaceResourceWhitelist": [],
            "namespaceResourceBlacklist": [{"group": "", "kind": "ResourceQuota"}],
            "roles": [
                {
                    "name": "ci",
                    "description": "deploys",
                    "policies": ["p, proj:shop:ci, applications, sync, shop/*, allow"],
                    "groups": ["ci"],
                    "jwtTokens": [{"iat": 1}],
                }
            ],
            "syncWindows": [
                {
                    **WINDOW,
                    "timeZone": "Europe/Paris",
                    "namespaces": ["shop"],
                    "clusters": ["in-cluster"],
                    "manualSync": True,
                    "andOperator": True,
                    "syncOverrun": True,
                    "description": "nights",
                }
            ],
            "permitOnlyProjectScopedClusters": False,
            "destinationServiceAccounts": [
                {"server": "https://x", "namespace": "*", "defaultServiceAccount": "deployer"}
            ],
            "sourceIntegrity": {"git": {"policies": [POLICY]}},
        }
    )
    assert parsed.problems == ()
    spec = parsed.value.spec
    assert spec.namespace_resource_whitelist == ()
    assert spec.cluster_resource_whitelist == (ResourceRule("", "Namespace", "shop-*"),)
    assert spec.sync_windows == (
        ProjectWindow(
            "deny",
            "0 22 * * *",
            "1h",
            applications=("*",),
            namespaces=("shop",),
            clusters=("in-cluster",),
            manual_sync=True,
            time_zone="Europe/Paris",
            and_operator=True,
            sync_overrun=True,
            description="nights",
        ),
    )


def test_project_without_lists_has_no_list_of_namespaced_kinds() -> None:
    assert parse({}).value.spec.namespace_resource_whitelist is None


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ([], "spec"),
        ({"sourceRepos": "*"}, "spec.sourceRepos"),
        ({"sourceRepos": ["*", "!https://{a"]}, "spec.sourceRepos[1]"),
        ({"destinations": [{"name": "*", "namespace": "![a"}]}, "spec.destinations[0].namespace"),
        (
            {"namespaceResourceBlacklist": [{"group": "", "kind": "[Secret"}]},
            "spec.namespaceResourceBlacklist[0].kind",
        ),
        (
            {"syncWindows": [{**WINDOW, "applications": ["{a"]}]},
            "spec.syncWindows[0].applications[0]",
        ),
        ({"destinations": [{"server": 1}]}, "spec.destinations[0].server"),
        ({"roles": [{"groups": []}]}, "spec.roles[0].name"),
        ({"syncWindows": [{**WINDOW, "kind": "block"}]}, "spec.syncWindows[0].kind"),
        ({"syncWindows": [{**WINDOW, "schedule": "0 22 * *"}]}, "spec.syncWindows[0].schedule"),
        ({"syncWindows": [{**WINDOW, "schedule": "@daily"}]}, "spec.syncWindows[0].schedule"),
        ({"syncWindows": [{**WINDOW, "duration": "1 hour"}]}, "spec.syncWindows[0].duration"),
        ({"syncWindows": [{**WINDOW, "duration": "-1h"}]}, "spec.syncWindows[0].duration"),
        ({"syncWindows": [{**WINDOW, "timeZone": "Mars/X"}]}, "spec.syncWindows[0].timeZone"),
        ({"syncWindows": [{**WINDOW, "timeZone": "../etc"}]}, "spec.syncWindows[0].timeZone"),
        ({"signatureKeys": [{}]}, "spec.signatureKeys[0].keyID"),
        (
            {"signatureKeys": [{"keyID": "A"}], "sourceIntegrity": {"git": {"policies": []}}},
            "spec.signatureKeys",
        ),
        (
            {"sourceIntegrity": {"git": {"policies": [{"repos": [{"url": "*"}]}]}}},
            "spec.sourceIntegrity.git.policies[0].gpg",
        ),
        (
            {"sourceIntegrity": {"git": {"policies": [{**POLICY, "gpg": {"mode": "all"}}]}}},
            "spec.sourceIntegrity.git.policies[0].gpg.mode",
        ),
        (
            {"sourceIntegrity": {"git": {"policies": [{**POLICY, "repos": []}]}}},
            "spec.sourceIntegrity.git.policies[0].repos",
        ),
    ],
)
def test_project_that_is_wrong_is_refused_with_its_field(spec: Any, field: str) -> None:
    parsed = parse(spec)
    errors = [each for each in parsed.problems if each.severity is Severity.ERROR]
    assert parsed.value is None
    assert field in [each.field for each in errors], errors


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"destination": []}, "spec.destination"),
        ({"destinations": [{"namespace": "shop"}]}, "spec.destinations[0]"),
        ({"orphanedResources": {"warn": False}}, "spec.orphanedResources"),
        ({"signatureKeys": [{"keyID": "3AFDEB23"}]}, "spec.signatureKeys[0].keyID"),
        (
            {
                "sourceIntegrity": {
                    "git": {"policies": [{**POLICY, "gpg": {"mode": "head", "keys": ["SHA256:x"]}}]}
                }
            },
            "spec.sourceIntegrity.git.policies[0].gpg.keys[0]",
        ),
        (
            {"sourceNamespaces": ["shop", "/(?!x)/", "shop-*"]},
            "spec.sourceNamespaces[1]",
        ),
        ({"sourceNamespaces": ["{a"]}, "spec.sourceNamespaces[0]"),
        (
            {"syncWindows": [{key: WINDOW[key] for key in ("kind", "schedule", "duration")}]},
            "spec.syncWindows[0]",
        ),
    ],
)
def test_project_with_what_has_no_effect_is_warned_of(spec: Any, field: str) -> None:
    parsed = parse(spec)
    assert parsed.value is not None
    assert [each.field for each in parsed.problems] == [field]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(
    spec=st.dictionaries(
        st.sampled_from(
            ("sourceRepos", "destinations", "syncWindows", "sourceIntegrity", "signatureKeys")
        )
        | st.text(max_size=8),
        JSON,
    )
)
def test_project_of_any_content_is_read_or_refused_never_both(spec: dict[str, Any]) -> None:
    parsed = parse(spec)
    failed = any(each.severity is Severity.ERROR for each in parsed.problems)
    assert (parsed.value is None) is failed
