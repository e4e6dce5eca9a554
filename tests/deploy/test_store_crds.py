"""The blocks of providers in the CRDs of stores: as written, as read, and on a real API server."""

from __future__ import annotations

from typing import Any

import pytest

from providers import registry
from secretsync.resources.documents import Document, Origin
from secretsync.resources.problems import Severity
from secretsync.resources.secret_store import parse_secret_store
from secretsync.resources.secret_store_spec import PUBLISHED_PROVIDERS
from tests.deploy.api import Api, load_manifests
from tests.deploy.cases import cluster_secret_store
from tests.deploy.checks import assert_holds, dry_run
from tests.deploy.push_crds import CRDS
from tests.deploy.store_crds import KINDS, WRITTEN, provider_block, render
from tests.deploy.store_descriptions import BLOCKS

VERSIONS = ("v1", "v1beta1")
#: Where a pattern or a rule wants more than any text.
SAMPLES = {"timeout": "10s", "method": "GET", "expirationSeconds": 600}
DIRECTORY_PATH = "/mnt/secrets"


def sample(schema: dict[str, Any], name: str = "") -> Any:
    """Return a value that has every field of a schema."""
    if "properties" in schema:
        return {key: sample(below, key) for key, below in schema["properties"].items()}
    if schema["type"] == "array":
        return [sample(schema["items"], name)]
    if schema["type"] == "object":
        return {"a": "b"}
    if name in SAMPLES:
        return SAMPLES[name]
    if schema["type"] == "string":
        return schema.get("enum", ["a"])[-1]
    return {"boolean": True, "integer": schema.get("minimum", 1)}[schema["type"]]


def full_block(key: str) -> dict[str, Any]:
    found = sample(provider_block(key))
    assert isinstance(found, dict)
    return {"path": DIRECTORY_PATH} if key == "directory" else found


@pytest.mark.parametrize("plural", KINDS)
def test_file_is_what_the_dataclasses_say(plural: str) -> None:
    assert (CRDS / f"{plural}.yaml").read_text() == render(plural), (
        "write it anew: python -m tests.deploy.store_crds"
    )


@pytest.mark.parametrize("plural", KINDS)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_provider_that_is_served_has_a_schema_and_no_other(plural: str, version: str) -> None:
    versions = load_manifests(CRDS / f"{plural}.yaml")[0]["spec"]["versions"]
    (found,) = (each for each in versions if each["name"] == version)
    spec = found["schema"]["openAPIV3Schema"]["properties"]["spec"]
    blocks = spec["properties"]["provider"]["properties"]
    described = {name for name, block in blocks.items() if "properties" in block}
    assert described == set(registry.PROVIDERS)
    # What is refused by name must arrive, or the message would be of an empty block.
    assert set(blocks) == {*registry.PROVIDERS, *PUBLISHED_PROVIDERS}
    assert set(BLOCKS) <= set(WRITTEN)


@pytest.mark.parametrize("key", WRITTEN)
def test_block_with_every_field_of_the_schema_has_none_that_is_unknown(key: str) -> None:
    obj = cluster_secret_store("full", "v1", provider={key: full_block(key)})
    parsed = parse_secret_store(Document(obj, Origin("")), default_namespace="x")
    said = [problem.message for problem in parsed.problems]
    assert not [message for message in said if "unknown" in message]
    # What is refused says so in the schema too.
    refused = [each for each in parsed.problems if each.severity is Severity.ERROR]
    text = str(provider_block(key))
    assert all(f"Refused: {problem.message}" in text for problem in refused), said


@pytest.mark.built
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("key", WRITTEN)
def test_block_with_every_field_is_accepted_and_nothing_is_lost(
    crd_api: Api, kube_namespace: str, version: str, key: str
) -> None:
    obj = cluster_secret_store("full", version, provider={key: full_block(key)})
    for kind in ("ClusterSecretStore", "SecretStore"):
        answer = dry_run(crd_api, kube_namespace, {**obj, "kind": kind})
        assert (answer.status, answer.message) == (201, "")
        assert_holds(answer.body["spec"], obj["spec"])


@pytest.mark.built
@pytest.mark.parametrize(
    ("provider", "message"),
    [
        pytest.param({"vault": {"path": "kv"}}, "vault.server", id="server"),
        pytest.param(
            {"openBao": {"server": "https://v", "version": "v3"}}, "openBao.version", id="version"
        ),
        pytest.param(
            {"vault": {"server": "https://v", "auth": {"kubernetes": {}}}},
            "auth.kubernetes.role",
            id="role",
        ),
        pytest.param({"gcpsm": {}}, "gcpsm.projectID", id="project"),
        pytest.param({"webhook": {"url": "https://h", "timeout": "soon"}}, "timeout", id="timeout"),
        pytest.param({"fake": {"data": [{"value": "a"}]}}, "fake.data[0].key", id="key"),
        pytest.param(
            {"kubernetes": {"remoteNamespace": "Team A"}}, "remoteNamespace", id="namespace"
        ),
        pytest.param({"directory": {"path": "mnt"}}, "directory.path", id="path"),
        pytest.param(
            {"vault": {"server": "https://v", "auth": {"tokenSecretRef": {"name": "A B"}}}},
            "tokenSecretRef.name",
            id="name-of-a-secret",
        ),
    ],
)
def test_block_is_refused_with_its_field(
    crd_api: Api, kube_namespace: str, provider: dict[str, Any], message: str
) -> None:
    obj = cluster_secret_store("bad", "v1", provider=provider)
    answer = dry_run(crd_api, kube_namespace, obj)
    assert (answer.status, message in answer.message) == (422, True), answer.message
