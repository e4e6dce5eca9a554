"""The laws of finding the resource behind an apiVersion and kind, for both clusters."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

import pytest

from secretsync.cluster.base import Kind
from secretsync.errors import ClusterUnavailable, NotFound, Rejected
from tests.contract.cluster_cases import CRD, WAIT_S, Arena, definition


def resolved(arena: Arena, api_version: str, kind: str, **expected: Any) -> Kind:
    """Wait until a kind is served as expected: definitions take a moment."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            found = arena.cluster.resolve(api_version, kind)
        except (NotFound, ClusterUnavailable):
            found = None
        if found is not None and all(getattr(found, k) == v for k, v in expected.items()):
            return found
        assert time.monotonic() < deadline, f"{kind} is not served: {found}"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("api_version", "kind", "expected"),
    [
        ("v1", "Secret", Kind("Secret", "secrets", "", "v1")),
        ("v1", "Namespace", Kind("Namespace", "namespaces", "", "v1", namespaced=False)),
        ("v1", "Endpoints", Kind("Endpoints", "endpoints", "", "v1")),
        ("apps/v1", "Deployment", Kind("Deployment", "deployments", "apps", "v1")),
        (
            "networking.k8s.io/v1",
            "NetworkPolicy",
            Kind("NetworkPolicy", "networkpolicies", "networking.k8s.io", "v1"),
        ),
        (
            "networking.k8s.io/v1",
            "IngressClass",
            Kind("IngressClass", "ingressclasses", "networking.k8s.io", "v1", namespaced=False),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_resolve_of_a_kind_of_kubernetes_gives_its_resource(
    arena: Arena, api_version: str, kind: str, expected: Kind
) -> None:
    assert arena.cluster.resolve(api_version, kind) == expected


def test_resolve_of_what_kubernetes_does_not_have_raises_not_found(arena: Arena) -> None:
    with pytest.raises(NotFound, match=r"Deploymint \(apps/v1\)"):
        arena.cluster.resolve("apps/v1", "Deploymint")


@pytest.mark.parametrize("api_version", ["", "/v1", "apps/", "a/b/v1"])
def test_resolve_of_a_broken_api_version_is_rejected(arena: Arena, api_version: str) -> None:
    with pytest.raises(Rejected):
        arena.cluster.resolve(api_version, "Deployment")


def test_served_lists_versions_and_kinds_as_helm_names_them(arena: Arena) -> None:
    group = f"x{uuid.uuid4().hex[:8]}.example.com"
    before = arena.cluster.served()
    expected = {"v1", "v1/Secret", "apps/v1", "apps/v1/Deployment", "autoscaling/v2"}
    assert expected <= set(before.api_versions)
    assert re.fullmatch(r"v1\.\d+\.\d+.*", before.version)
    made = definition(group, kind="Mouse", plural="mice", scope="Namespaced")
    arena.cluster.create(CRD, made, field_manager="creator")
    wanted = {f"{group}/v1", f"{group}/v1/Mouse"}
    deadline = time.monotonic() + WAIT_S
    while not wanted <= set(arena.cluster.served().api_versions):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("scope", ["Namespaced", "Cluster"])
def test_resolve_after_a_definition_was_written_knows_plural_and_scope(
    arena: Arena, scope: str
) -> None:
    group = f"x{uuid.uuid4().hex[:8]}.example.com"
    made = definition(group, kind="Mouse", plural="mice", scope=scope)
    arena.cluster.create(CRD, made, field_manager="creator")
    namespaced = scope == "Namespaced"
    expected = Kind("Mouse", "mice", group, "v1", namespaced)
    assert resolved(arena, f"{group}/v1", "Mouse", plural="mice") == expected
    where = {"namespace": arena.namespace} if namespaced else {}
    mouse = {
        "apiVersion": f"{group}/v1",
        "kind": "Mouse",
        "metadata": {"name": "m", **where},
        "spec": {"tail": 1},
    }
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            arena.cluster.create(expected, mouse, field_manager="creator")
            break
        except NotFound:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    found = arena.cluster.get(expected, where.get("namespace", ""), "m")
    assert found is not None
    assert found["spec"] == {"tail": 1}
    # An API server replaces custom resources only at the version that it is told.
    replaced = {**mouse, "spec": {"tail": 2}}
    assert arena.cluster.replace(expected, replaced, field_manager="r")["spec"] == {"tail": 2}


def test_resolve_after_a_definition_was_replaced_knows_the_new_scope(arena: Arena) -> None:
    group = f"x{uuid.uuid4().hex[:8]}.example.com"
    first = definition(group, kind="Mouse", plural="mouses", scope="Namespaced")
    arena.cluster.create(CRD, first, field_manager="creator")
    resolved(arena, f"{group}/v1", "Mouse", namespaced=True)
    arena.cluster.delete(CRD, "", f"mouses.{group}")
    deadline = time.monotonic() + WAIT_S
    while arena.cluster.get(CRD, "", f"mouses.{group}") is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    second = definition(group, kind="Mouse", plural="mice", scope="Cluster")
    arena.cluster.create(CRD, second, field_manager="creator")
    assert resolved(arena, f"{group}/v1", "Mouse", plural="mice").namespaced is False
