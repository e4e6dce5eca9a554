"""What a project gives, rule by rule."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.gitops.model import ObjectKey
from secretsync.gitops.project_rules import denied_application, denied_objects
from tests.gitops.comparing_kit import application

HERE = "https://kubernetes.default.svc"
ANY = {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        ({}, False),
        (ANY, True),
        ({**ANY, "sourceRepos": ["https://git.example.com/*"]}, True),
        ({**ANY, "sourceRepos": ["https://*/r.git"]}, True),
        ({**ANY, "sourceRepos": ["https://*"]}, False),
        ({**ANY, "sourceRepos": ["*", "!https://git.example.com/*"]}, False),
        ({**ANY, "destinations": [{"server": HERE, "namespace": "shop"}]}, True),
        ({**ANY, "destinations": [{"name": "in-cluster", "namespace": "sh*"}]}, True),
        ({**ANY, "destinations": [{"server": HERE, "namespace": "other"}]}, False),
        ({**ANY, "destinations": [{"server": "https://x", "namespace": "*"}]}, False),
        (
            {**ANY, "destinations": [*ANY["destinations"], {"server": HERE, "namespace": "!shop"}]},
            False,
        ),
        ({**ANY, "destinationServiceAccounts": [{"server": HERE}]}, False),
        ({**ANY, "signatureKeys": [{"keyID": "x"}]}, False),
        ({**ANY, "syncWindows": [{"kind": "deny"}]}, False),
    ],
)
def test_application_is_allowed_only_what_the_project_names(
    rules: dict[str, Any], allowed: bool
) -> None:
    assert (denied_application(rules, application(namespace="shop")) == "") is allowed


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
    assert (denied_objects(rules, app, [(key, bool(key.namespace))]) == []) is allowed
