"""Which ExternalSecrets the API server accepts and refuses, in both versions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.api import Api
from tests.deploy.cases import EVERYTHING, GUIDE, external_secret, item
from tests.deploy.checks import assert_holds, dry_run

pytestmark = [pytest.mark.built, pytest.mark.parametrize("version", ["v1", "v1beta1"])]

EXTRACT = {"key": "production/database"}
GENERATOR = {"generatorRef": {"kind": "Password", "name": "new"}}
OTHER = {"storeRef": {"name": "other"}}
TOKEN = "kubernetes.io/service-account-token"
ACCOUNT = {"annotations": {"kubernetes.io/service-account.name": "admin"}}


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(GUIDE["spec"], id="guide"),
        pytest.param(EVERYTHING, id="every-field"),
        pytest.param({}, id="smallest"),
        pytest.param({"secretStoreRef": {"name": "aws"}}, id="store-kind-left-out"),
        pytest.param({"secretStoreRef": None, "data": [item(sourceRef=OTHER)]}, id="own-store"),
        pytest.param(
            {"secretStoreRef": None, "data": None, "dataFrom": [{"sourceRef": GENERATOR}]},
            id="generator-needs-no-store",
        ),
        pytest.param({"data": None, "dataFrom": [{"extract": EXTRACT}]}, id="extract"),
        pytest.param(
            {"data": None, "dataFrom": [{"extract": EXTRACT, "sourceRef": OTHER}]},
            id="extract-from-own-store",
        ),
        pytest.param({"refreshInterval": "0"}, id="refresh-interval-zero"),
        pytest.param({"refreshInterval": "-1h"}, id="refresh-interval-negative"),
        pytest.param({"target": {"creationPolicy": "None"}}, id="write-nothing"),
        pytest.param(
            {"target": {"creationPolicy": "Merge", "deletionPolicy": "Merge"}}, id="merge-merge"
        ),
        pytest.param(
            {"target": {"creationPolicy": "Orphan", "deletionPolicy": "Delete"}}, id="orphan-delete"
        ),
        pytest.param(
            {"target": {"deletionPolicy": "Merge"}, "data": [item(), item()]},
            id="duplicate-without-retain",
        ),
        pytest.param({"target": {"template": {"type": TOKEN}}}, id="token-type-alone"),
        pytest.param(
            {"target": {"template": {"templateFrom": [{"literal": "a: b", "target": "labels"}]}}},
            id="template-target-in-lower-case",
        ),
        pytest.param({"data": [item(f"key-{i:0250}"[-253:]) for i in range(100)]}, id="100-long"),
        # As long as etcd takes them: the rules weigh what they read of a list, not the list.
        pytest.param({"data": [item(f"{i:0253}") for i in range(2000)]}, id="2000-long"),
        pytest.param({"dataFrom": [{"extract": EXTRACT}] * 600}, id="600-sources"),
    ],
)
def test_external_secret_is_accepted_and_nothing_is_lost(
    crd_api: Api,
    kube_namespace: str,
    version: str,
    spec: dict[str, Any],
) -> None:
    obj = external_secret("good", version=version, **spec)
    answer = dry_run(crd_api, kube_namespace, obj)
    assert answer.status == 201, answer.message
    assert answer.warnings == ()
    assert_holds(answer.body["spec"], obj["spec"])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param({"data": None}, "either data or dataFrom should be specified", id="no-data"),
        pytest.param({"data": []}, "either data or dataFrom should be specified", id="empty-data"),
        pytest.param({"secretStoreRef": None}, "no store to read from", id="no-store"),
        pytest.param(
            {"secretStoreRef": {"kind": "ClusterSecretStore"}},
            "no store to read from",
            id="store-without-name",
        ),
        pytest.param(
            {"secretStoreRef": None, "data": [item("a", sourceRef=OTHER), item("b")]},
            "sourceRef on every item",
            id="store-for-one-item-only",
        ),
        pytest.param(
            {"dataFrom": [{"extract": EXTRACT, "find": {"path": "a"}}]},
            "exactly one of extract, find and sourceRef.generatorRef",
            id="extract-and-find",
        ),
        pytest.param(
            {"dataFrom": [{"extract": EXTRACT, "sourceRef": GENERATOR}]},
            "exactly one of extract, find and sourceRef.generatorRef",
            id="extract-and-generator",
        ),
        pytest.param(
            {"dataFrom": [{"sourceRef": OTHER}]},
            "exactly one of extract, find and sourceRef.generatorRef",
            id="store-alone",
        ),
        pytest.param(
            {"dataFrom": [{"extract": EXTRACT, "rewrite": [{}]}]},
            "should have at least 1 properties",
            id="empty-rewrite",
        ),
        pytest.param(
            {"data": [item(sourceRef={**OTHER, **GENERATOR})]},
            "must have at most 1 item",
            id="store-and-generator",
        ),
        pytest.param(
            {"target": {"creationPolicy": "Merge", "deletionPolicy": "Delete"}},
            "deletionPolicy Delete needs a Secret that belongs to this object",
            id="delete-merge",
        ),
        pytest.param(
            {"target": {"creationPolicy": "None", "deletionPolicy": "Delete"}},
            "deletionPolicy Delete needs a Secret that belongs to this object",
            id="delete-none",
        ),
        pytest.param(
            {"target": {"creationPolicy": "CreateOrMerge", "deletionPolicy": "Delete"}},
            "deletionPolicy Delete needs a Secret that belongs to this object",
            id="delete-create-or-merge",
        ),
        pytest.param(
            {"target": {"creationPolicy": "None", "deletionPolicy": "Merge"}},
            "deletionPolicy Merge cannot be used with creationPolicy None",
            id="merge-none",
        ),
        pytest.param({"data": [item(), item()]}, "have the same secretKey", id="duplicate"),
        *(
            pytest.param(
                {"data": [item(f"k{i if i != second else first}") for i in range(400)]},
                "have the same secretKey",
                id=f"duplicate-{first}-{second}",
            )
            for first, second in ((0, 99), (9, 10), (57, 58), (98, 99))
        ),
        pytest.param(
            {"target": {"template": {"type": "bootstrap.kubernetes.io/token"}}},
            "type bootstrap.kubernetes.io/token is refused",
            id="bootstrap-token",
        ),
        pytest.param(
            {"target": {"template": {"type": TOKEN, "metadata": ACCOUNT}}},
            "with annotation kubernetes.io/service-account.name is refused",
            id="account-token",
        ),
        pytest.param(
            {
                "target": {
                    "template": {
                        "type": TOKEN,
                        "templateFrom": [{"literal": "a: b", "target": "annotations"}],
                    }
                }
            },
            "templateFrom that targets Annotations is refused",
            id="account-token-by-template",
        ),
        pytest.param(
            {"target": {"template": {"templateFrom": [{"literal": "a", "target": "spec.a"}]}}},
            "must be Data, Annotations or Labels",
            id="template-target-path",
        ),
        pytest.param(
            {"target": {"template": {"templateFrom": [{"literal": "a: b"}] * 4097}}},
            "at most 4096 items",
            id="4097-template-sources",
        ),
        pytest.param({"refreshInterval": "1 hour"}, "spec.refreshInterval", id="bad-interval"),
        pytest.param({"refreshPolicy": "Hourly"}, "spec.refreshPolicy", id="bad-policy"),
        pytest.param({"data": [item("a/b")]}, "spec.data[0].secretKey", id="bad-key"),
        pytest.param(
            {"secretStoreRef": {"name": "aws", "kind": "Store"}},
            "spec.secretStoreRef.kind",
            id="bad-store-kind",
        ),
        pytest.param({"target": {"name": "A_b"}}, "spec.target.name", id="bad-target-name"),
        pytest.param({"target": {"nmae": "a"}}, "spec.target.nmae", id="unknown-field"),
    ],
)
def test_external_secret_is_refused_with_its_reason(
    crd_api: Api,
    kube_namespace: str,
    version: str,
    spec: dict[str, Any],
    message: str,
) -> None:
    answer = dry_run(crd_api, kube_namespace, external_secret("bad", version=version, **spec))
    assert answer.status in (400, 422, 500), answer.body
    assert message in answer.message
