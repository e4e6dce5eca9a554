"""The CRDs of pushing and of many namespaces: as written, and on a real API server."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.resources.documents import Document, Origin
from secretsync.resources.provisioner import parse_provisioner
from secretsync.resources.push_secret import parse_push_secret
from tests.deploy.api import GROUP, Answer, Api
from tests.deploy.push_crds import CRDS, KINDS, render
from tests.resources.builders import changed
from tests.resources.test_provisioner import CLUSTER_EXTERNAL_SECRET, CLUSTER_PUSH_SECRET
from tests.resources.test_push_secret import CASES, PUSH_SECRET

#: What the API server cannot tell: rules of more than one field, or of another language.
LEFT_TO_US = {
    "version",
    "same-place",
    "whole-and-part",
    "data-to-foreign-store",
    "data-to-regexp",
    "template-key",
}


@pytest.mark.parametrize("plural", KINDS)
def test_file_is_what_the_dataclasses_say(plural: str) -> None:
    assert (CRDS / f"{plural}.yaml").read_text() == render(plural), (
        "write it anew: python -m tests.deploy.push_crds"
    )


def path_of(obj: dict[str, Any], namespace: str) -> str:
    plural = next(name for name, about in KINDS.items() if about["kind"] == obj["kind"])
    version = obj["apiVersion"].rpartition("/")[2]
    scope = f"/namespaces/{namespace}" if KINDS[plural]["scope"] == "Namespaced" else ""
    return f"{GROUP}/{version}{scope}/{plural}/{obj['metadata']['name']}"


@pytest.mark.built
@pytest.mark.parametrize("plural", KINDS)
def test_crd_installs_without_warnings(
    crd_api: Api, installed_crds: dict[str, Answer], plural: str
) -> None:
    answer = installed_crds[plural]
    assert (answer.status in (200, 201), answer.message) == (True, "")
    assert answer.warnings == ()
    found = crd_api.conditions(f"{plural}.external-secrets.io")
    assert found.get("NonStructuralSchema", "False") == "False"


@pytest.mark.built
@pytest.mark.parametrize(
    "obj",
    [
        PUSH_SECRET,
        changed(
            PUSH_SECRET, {"spec.selector": {"generatorRef": {"kind": "Password", "name": "p"}}}
        ),
        changed(
            PUSH_SECRET,
            {
                "spec.dataTo": [
                    {
                        "storeRef": {"name": "aws"},
                        "match": {"regexp": "^a"},
                        "rewrite": [{"transform": {"template": "x-{{ .value }}"}}],
                        "metadata": {"apiVersion": "a", "kind": "b", "spec": {"c": [1]}},
                    }
                ],
                "spec.template": {"data": {"a": "{{ .b }}"}},
            },
        ),
        CLUSTER_PUSH_SECRET,
        CLUSTER_EXTERNAL_SECRET,
        changed(CLUSTER_EXTERNAL_SECRET, {"apiVersion": "external-secrets.io/v1beta1"}),
    ],
)
def test_good_object_is_taken_and_comes_back_whole_and_good(
    crd_api: Api, kube_namespace: str, obj: dict[str, Any]
) -> None:
    placed = changed(obj, {"metadata.namespace": kube_namespace})
    if obj["kind"].startswith("Cluster"):
        placed["metadata"].pop("namespace")
    path = path_of(obj, kube_namespace)
    answer = crd_api.apply(path, placed, dry_run=True)
    assert (answer.status, answer.message) == (201, "")
    assert _covers(answer.body["spec"], obj["spec"])
    document = Document(answer.body, Origin(""))
    if obj["kind"] == "PushSecret":
        parsed: Any = parse_push_secret(document, default_namespace="x")
    else:
        parsed = parse_provisioner(document)
    assert parsed.value is not None, parsed.problems


def _covers(found: Any, wanted: Any) -> bool:
    """Return whether nothing of an object was lost; defaults may have come."""
    if isinstance(wanted, dict):
        return all(_covers(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_covers, found, wanted))
    return bool(found == wanted)


@pytest.mark.built
@pytest.mark.parametrize("name", CASES)
def test_what_secretsync_refuses_the_api_server_refuses_where_it_can(
    crd_api: Api, kube_namespace: str, name: str
) -> None:
    changes, _, _ = CASES[name]
    if "apiVersion" in changes:
        pytest.skip("there is no such version to ask")
    obj = changed(PUSH_SECRET, {**changes, "metadata.namespace": kube_namespace})
    answer = crd_api.apply(path_of(PUSH_SECRET, kube_namespace), obj, dry_run=True)
    assert (answer.status == 201) == (name in LEFT_TO_US), answer.message


@pytest.mark.built
def test_tables_show_the_columns_of_external_secrets(crd_api: Api, kube_namespace: str) -> None:
    expected = {
        "pushsecrets": ["Name", "AGE", "Status", "Last Sync"],
        "clusterpushsecrets": ["Name", "AGE", "Status"],
        "clusterexternalsecrets": ["Name", "Store", "Refresh Interval", "Ready"],
    }
    for plural, columns in expected.items():
        about = KINDS[plural]
        scope = f"/namespaces/{kube_namespace}" if about["scope"] == "Namespaced" else ""
        found, _ = crd_api.table(f"{GROUP}/{about['versions'][0]}{scope}/{plural}")
        assert found == columns
