"""The CRD files by themselves: names, columns, and that their copies of a schema agree."""

from __future__ import annotations

import copy
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from providers.aws.config import AwsConfig
from tests.deploy.api import load_manifests

CRDS = Path(__file__).parents[2] / "deploy" / "crds"
PLURALS = ("clustersecretstores", "externalsecrets", "secretstores")
CLIENT_SIDE_APPLY_LIMIT_BYTES = 262_144
READY = '.status.conditions[?(@.type=="Ready")]'
EXTERNAL_SECRET_COLUMNS = [
    ("StoreType", "string", ".spec.secretStoreRef.kind"),
    ("Store", "string", ".spec.secretStoreRef.name"),
    ("Refresh Interval", "string", ".spec.refreshInterval"),
    ("Status", "string", f"{READY}.reason"),
    ("Ready", "string", f"{READY}.status"),
    ("Last Sync", "date", ".status.refreshTime"),
]
STORE_COLUMNS = [
    ("AGE", "date", ".metadata.creationTimestamp"),
    ("Status", "string", f"{READY}.reason"),
    ("Capabilities", "string", ".status.capabilities"),
    ("Ready", "string", f"{READY}.status"),
]


def load(plural: str) -> dict[str, Any]:
    return load_manifests(CRDS / f"{plural}.yaml")[0]


def schema(plural: str, version: str) -> dict[str, Any]:
    versions = {each["name"]: each for each in load(plural)["spec"]["versions"]}
    return copy.deepcopy(versions[version]["schema"]["openAPIV3Schema"])


@pytest.mark.parametrize(
    ("plural", "kind", "scope", "short", "columns"),
    [
        ("externalsecrets", "ExternalSecret", "Namespaced", "es", EXTERNAL_SECRET_COLUMNS),
        ("secretstores", "SecretStore", "Namespaced", "ss", STORE_COLUMNS),
        ("clustersecretstores", "ClusterSecretStore", "Cluster", "css", STORE_COLUMNS),
    ],
)
def test_crd_names_and_columns_are_those_of_external_secrets(
    plural: str, kind: str, scope: str, short: str, columns: list[tuple[str, str, str]]
) -> None:
    crd = load(plural)
    names = crd["spec"]["names"]
    assert crd["metadata"]["name"] == f"{plural}.external-secrets.io"
    assert crd["metadata"]["labels"] == {"external-secrets.io/component": "controller"}
    assert (names["kind"], names["listKind"]) == (kind, f"{kind}List")
    assert (names["shortNames"], names["categories"]) == ([short], ["external-secrets"])
    assert crd["spec"]["scope"] == scope
    for version in crd["spec"]["versions"]:
        assert version["subresources"] == {"status": {}}
        shown = version["additionalPrinterColumns"]
        assert [(each["name"], each["type"], each["jsonPath"]) for each in shown] == columns


@pytest.mark.parametrize("plural", PLURALS)
def test_crd_serves_both_versions_and_stores_v1(plural: str) -> None:
    versions = load(plural)["spec"]["versions"]
    found = [(each["name"], each["served"], each["storage"]) for each in versions]
    assert found == [("v1", True, True), ("v1beta1", True, False)]


@pytest.mark.parametrize("plural", PLURALS)
def test_crd_file_is_small_enough_for_client_side_apply(plural: str) -> None:
    """`kubectl apply` without --server-side keeps the whole object in an annotation."""
    assert (CRDS / f"{plural}.yaml").stat().st_size < CLIENT_SIDE_APPLY_LIMIT_BYTES


def test_external_secret_versions_differ_only_in_the_defaults_of_v1beta1() -> None:
    """A field that one version lacked would be lost when the other is read and written."""
    both = {version: schema("externalsecrets", version) for version in ("v1", "v1beta1")}
    spec = both["v1beta1"]["properties"]["spec"]["properties"]
    source = spec["dataFrom"]["items"]["properties"]
    remote_ref = spec["data"]["items"]["properties"]["remoteRef"]
    for block in (remote_ref, source["extract"], source["find"]):
        assert block["properties"]["conversionStrategy"].pop("default") == "Default"
        assert block["properties"]["decodingStrategy"].pop("default") == "None"
    for block in (remote_ref, source["extract"]):
        assert block["properties"]["metadataPolicy"].pop("default") == "None"
    assert both["v1beta1"] == both["v1"]


def test_store_schemas_of_all_kinds_and_versions_agree() -> None:
    reference = schema("secretstores", "v1")["properties"]
    for plural in ("secretstores", "clustersecretstores"):
        for version in ("v1", "v1beta1"):
            properties = schema(plural, version)["properties"]
            assert properties == reference, f"{plural} {version}"


def test_aws_block_has_every_field_of_the_provider_configuration() -> None:
    provider = schema("secretstores", "v1")["properties"]["spec"]["properties"]["provider"]
    assert provider["minProperties"] == provider["maxProperties"] == 1
    assert_same_fields(AwsConfig, provider["properties"]["aws"])


def assert_same_fields(config: type, block: dict[str, Any]) -> None:
    """Compare a configuration dataclass with a schema, nested blocks included."""
    hints = get_type_hints(config)
    names = {}
    for each in fields(config):
        wire = each.metadata.get("wire")
        names[(wire and wire.name) or camel_case(each.name)] = each
    assert set(names) == set(block["properties"])
    for name, each in names.items():
        sub = block["properties"][name]
        for inner in (hints[each.name], *get_args(hints[each.name])):
            if isinstance(inner, type) and is_dataclass(inner):
                assert_same_fields(inner, sub.get("items", sub))
        if (wire := each.metadata.get("wire")) is not None:
            assert list(wire.choices) == sub.get("enum", [])
            assert (wire.minimum, wire.maximum) == (sub.get("minimum"), sub.get("maximum"))
            assert wire.required == (name in block.get("required", []))


def camel_case(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)
