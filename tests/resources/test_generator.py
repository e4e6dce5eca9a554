"""Generators and ClusterGenerators as they are read: defaults, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.generators.registry import GENERATORS
from secretsync.resources.generator import GENERATOR_KINDS, Generator, parse_generator
from secretsync.resources.meta import ObjectRef
from tests.resources.builders import document, found

V1 = "generators.external-secrets.io/v1alpha1"


def manifest(kind: str, spec: Any = None, **more: Any) -> dict[str, Any]:
    given = {} if spec is None else {"spec": spec}
    return {"apiVersion": V1, "kind": kind, "metadata": {"name": "made"}, **given, **more}


def cluster(kind: str, **generator: Any) -> dict[str, Any]:
    return manifest("ClusterGenerator", {"kind": kind, "generator": generator})


def parse(value: dict[str, Any]) -> Any:
    return parse_generator(document(value), default_namespace="web")


def good(value: dict[str, Any]) -> Generator:
    parsed = parse(value)
    assert parsed.problems == ()
    assert parsed.value is not None
    return parsed.value


REF = {"name": "creds", "key": "k"}
GOOD: dict[str, dict[str, Any]] = {
    "ECRAuthorizationToken": {"region": "eu-central-1", "scope": "public"},
    "Fake": {"data": {"a": "b"}, "controller": "mine"},
    "GCRAccessToken": {"projectID": "p"},
    "GithubAccessToken": {
        "appID": "1",
        "installID": "2",
        "repositories": ["a"],
        "permissions": {"contents": "read"},
        "auth": {"privateKey": {"secretRef": REF}},
    },
    "MFA": {"secret": REF},
    "Password": {"length": 12, "digits": 3, "symbols": 0, "allowRepeat": True, "noUpper": False},
    "QuayAccessToken": {
        "url": "quay.io",
        "robotAccount": "org+bot",
        "serviceAccountRef": {"name": "robot", "audiences": ["quay"]},
    },
    "SSHKey": {"keyType": "ed25519", "comment": "c"},
    "STSSessionToken": {"region": "eu-central-1"},
    "UUID": {},
    "VaultDynamicSecret": {
        "path": "database/creds/app",
        "provider": {"server": "https://v", "auth": {"tokenSecretRef": REF}},
    },
    "Webhook": {"url": "https://x", "result": {"jsonPath": "$"}},
}


def test_every_served_kind_has_a_row() -> None:
    assert sorted(GOOD) == sorted(GENERATORS)


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_generator_is_read_with_its_own_spec(kind: str) -> None:
    generator = good(manifest(kind, GOOD[kind]))
    assert (generator.kind, generator.cluster_wide) == (kind, False)
    assert generator.ref == ObjectRef(kind, "web", "made")
    assert generator.controller == GOOD[kind].get("controller", "")


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_cluster_generator_holds_the_same_spec(kind: str) -> None:
    field = f"{kind[0].lower()}{kind[1:]}Spec"
    names = {
        "ECRAuthorizationToken": "ecrAuthorizationTokenSpec",
        "GCRAccessToken": "gcrAccessTokenSpec",
        "MFA": "mfaSpec",
        "SSHKey": "sshKeySpec",
        "STSSessionToken": "stsSessionTokenSpec",
        "UUID": "uuidSpec",
    }
    generator = good(cluster(kind, **{names.get(kind, field): GOOD[kind]}))
    assert (generator.kind, generator.cluster_wide) == (kind, True)
    assert generator.ref == ObjectRef("ClusterGenerator", "", "made")
    assert generator.config == good(manifest(kind, GOOD[kind])).config


def test_uuid_needs_no_spec_at_all() -> None:
    assert good(manifest("UUID")).kind == "UUID"


BAD = [
    pytest.param(manifest("Password", {"length": -1}), "spec.length", id="too-short"),
    pytest.param(manifest("Password", {"length": 100000}), "spec.length", id="too-long"),
    pytest.param(manifest("Password", {"encoding": "rot13"}), "spec.encoding", id="encoding"),
    pytest.param(manifest("Password", {"digits": "3"}), "spec.digits", id="text-for-a-number"),
    pytest.param(manifest("Password", []), "spec", id="list-for-spec"),
    pytest.param(manifest("SSHKey", {"keyType": "dsa"}), "spec.keyType", id="key-type"),
    pytest.param(manifest("MFA"), "spec.secret", id="mfa-without-spec"),
    pytest.param(manifest("GithubAccessToken", {"appID": "1"}), "spec.installID", id="github"),
    pytest.param(manifest("QuayAccessToken", {}), "spec.robotAccount", id="quay"),
    pytest.param(
        manifest("UUID", apiVersion="generators.external-secrets.io/v1"), "apiVersion", id="version"
    ),
    pytest.param(manifest("Grafana", {}), "kind", id="not-served"),
    pytest.param(manifest("Pasword", {}), "kind", id="misspelt"),
    pytest.param(manifest("ClusterGenerator", {}), "spec.kind", id="cluster-without-kind"),
    pytest.param(cluster("Pasword", passwordSpec={}), "spec.kind", id="cluster-misspelt"),
    pytest.param(cluster("ClusterGenerator"), "spec.kind", id="cluster-of-cluster"),
    pytest.param(cluster("Password"), "spec.generator", id="cluster-without-spec"),
    pytest.param(cluster("Password", uuidSpec={}), "spec.generator", id="cluster-of-another"),
    pytest.param(
        cluster("Password", passwordSpec={}, uuidSpec={}), "spec.generator", id="cluster-of-two"
    ),
    pytest.param(
        cluster("Password", passwordSpec=[]), "spec.generator.passwordSpec", id="cluster-list"
    ),
    pytest.param(
        cluster("Password", passwordSpec={"length": -1}),
        "spec.generator.passwordSpec.length",
        id="cluster-too-short",
    ),
    pytest.param(cluster("Grafana", grafanaSpec={}), "kind", id="cluster-not-served"),
]


@pytest.mark.parametrize(("value", "field"), BAD)
def test_generator_that_cannot_be_used_says_where(value: dict[str, Any], field: str) -> None:
    parsed = parse(value)
    assert parsed.value is None
    assert ("error", field) in {(severity, where) for severity, where, _ in found(parsed.problems)}


def test_unknown_field_is_a_warning_that_names_the_one_that_may_be_meant() -> None:
    parsed = parse(manifest("Password", {"lenght": 5}))
    assert parsed.value is not None
    ((severity, field, _),) = found(parsed.problems)
    assert (severity, field) == ("warning", "spec.lenght")
    assert parsed.problems[0].remedy == "did you mean length?"


def test_every_published_kind_is_known_by_name() -> None:
    assert set(GENERATORS) < set(GENERATOR_KINDS)
