"""The CRDs of generators: every kind that is served, with every field that is read."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from secretsync.cluster.base import KINDS
from secretsync.generators import registry
from secretsync.resources.generator import CLUSTER_GENERATOR, GENERATOR_GROUP
from tests.deploy.api import Answer, Api, load_manifests
from tests.deploy.test_crd_files import camel_case

DEPLOY = Path(__file__).parents[2] / "deploy"
CRDS = {
    each["spec"]["names"]["kind"]: each for each in load_manifests(DEPLOY / "crds/generators.yaml")
}
SERVED = sorted(registry.GENERATORS)
RESOURCES = f"/apis/{GENERATOR_GROUP}/v1alpha1"


def spec_of(kind: str) -> dict[str, Any]:
    (version,) = CRDS[kind]["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema["properties"]["spec"]  # type: ignore[no-any-return] # YAML has no types


def test_every_served_kind_has_a_crd_under_the_names_of_external_secrets() -> None:
    assert sorted(CRDS) == sorted([*SERVED, CLUSTER_GENERATOR])
    for kind, crd in CRDS.items():
        names = crd["spec"]["names"]
        assert crd["metadata"]["name"] == f"{KINDS[kind].plural}.{GENERATOR_GROUP}"
        assert names["categories"] == ["external-secrets", "external-secrets-generators"]
        assert crd["spec"]["scope"] == ("Namespaced" if KINDS[kind].namespaced else "Cluster")
        assert crd["spec"]["versions"][0]["subresources"] == {"status": {}}


@pytest.mark.parametrize("kind", SERVED)
def test_crd_has_every_field_that_the_generator_reads(kind: str) -> None:
    assert_same(registry.load(kind).CONFIG, spec_of(kind))


@pytest.mark.parametrize("kind", SERVED)
def test_cluster_generator_holds_the_same_spec(kind: str) -> None:
    held = spec_of(CLUSTER_GENERATOR)["properties"]
    field = next(
        name for name in held["generator"]["properties"] if name.lower() == f"{kind}spec".lower()
    )
    assert held["generator"]["properties"][field] == spec_of(kind)
    assert kind in held["kind"]["enum"]


def assert_same(config: type, block: dict[str, Any]) -> None:
    """Compare a dataclass with a schema, nested blocks included."""
    hints = get_type_hints(config)
    found = {}
    for each in dataclasses.fields(config):
        if each.init:
            wire = each.metadata.get("wire")
            found[(wire and wire.name) or camel_case(each.name)] = (each, wire)
    assert set(found) == set(block["properties"])
    for name, (each, wire) in found.items():
        below = block["properties"][name]
        for inner in (hints[each.name], *get_args(hints[each.name])):
            if isinstance(inner, type) and dataclasses.is_dataclass(inner):
                assert_same(inner, below.get("items", below))
        if wire is not None:
            assert list(wire.choices) == below.get("enum", [])
            assert (wire.minimum, wire.maximum) == (below.get("minimum"), below.get("maximum"))


def rules(path: str, role: str) -> list[dict[str, Any]]:
    return [
        rule
        for each in load_manifests(DEPLOY / path)
        if each["kind"] in ("Role", "ClusterRole") and each["metadata"]["name"] == role
        for rule in each["rules"]
        if rule["apiGroups"] == [GENERATOR_GROUP]
    ]


@pytest.mark.parametrize(
    ("path", "role", "everywhere"),
    [
        ("rbac/controller.yaml", "secretsync-controller", True),
        ("namespaced/controller.yaml", "secretsync-controller", False),
        ("rbac/user-roles.yaml", "secretsync-view", True),
    ],
)
def test_roles_read_every_served_kind_and_write_none(
    path: str, role: str, everywhere: bool
) -> None:
    (rule,) = rules(path, role)
    kinds = [*SERVED, *([CLUSTER_GENERATOR] if everywhere else [])]
    assert sorted(rule["resources"]) == sorted(KINDS[kind].plural for kind in kinds)
    assert rule["verbs"] == ["get", "list", "watch"]


@pytest.mark.built
@pytest.mark.parametrize("kind", [*SERVED, CLUSTER_GENERATOR])
def test_crd_installs_without_warnings_and_keeps_what_is_written(
    crd_api: Api, installed_crds: dict[str, Answer], kube_namespace: str, kind: str
) -> None:
    answer = installed_crds[KINDS[kind].plural]
    assert (answer.status in (200, 201), answer.message, answer.warnings) == (True, "", ())
    found = crd_api.conditions(f"{KINDS[kind].plural}.{GENERATOR_GROUP}")
    assert found.get("NonStructuralSchema", "False") == "False"
    if kind != "Password":
        return
    spec = {"length": 12, "secretKeys": ["a", "b"], "encoding": "hex"}
    obj = {"apiVersion": f"{GENERATOR_GROUP}/v1alpha1", "kind": kind, "metadata": {"name": "pw"}}
    path = f"{RESOURCES}/namespaces/{kube_namespace}/passwords/pw"
    assert crd_api.apply(path, {**obj, "spec": spec}).status == 201
    assert crd_api.request("GET", path).body["spec"] == spec
    refused = crd_api.apply(path, {**obj, "spec": {**spec, "encoding": "rot13"}})
    assert (refused.status, "spec.encoding" in refused.message) == (422, True)
