"""Which store an object may use, and what is said when it may not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from secretsync.cluster.directory import DirectoryCluster
from secretsync.errors import ConfigError
from secretsync.refresh.catalog import StoreCatalog, StoreUnmanaged
from secretsync.refresh.stores import ACKNOWLEDGE_ANNOTATION, StoreSource
from secretsync.resources.documents import Document, Origin
from secretsync.resources.external_secret import StoreRef
from secretsync.resources.manifests import load_manifests
from secretsync.resources.meta import ObjectRef
from tests.refresh.kit import START, manifests, store_manifest

OWN = StoreRef("aws", "SecretStore")
WIDE = StoreRef("aws", "ClusterSecretStore")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DirectoryCluster]:
    made = DirectoryCluster(tmp_path, default_namespace="web", now=lambda: START)
    yield made
    made.close()


def _namespace(name: str, **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _catalog(cluster: DirectoryCluster, *objects: dict[str, Any]) -> StoreCatalog:
    return StoreCatalog(StoreSource(cluster, manifests(*objects)))


def test_a_store_of_path_comes_before_one_of_the_cluster(cluster: DirectoryCluster) -> None:
    for kind in ("SecretStore", "ClusterSecretStore"):
        live = store_manifest(kind=kind, region="us-east-1")
        cluster.create(KINDS[kind], live, field_manager="test")
    catalog = _catalog(cluster, store_manifest(region="eu-west-1"))
    assert catalog.find(OWN, "web").config.region == "eu-west-1"
    assert catalog.find(WIDE, "web").config.region == "us-east-1"


def test_a_broken_store_of_path_does_not_give_way_to_the_cluster(
    cluster: DirectoryCluster,
) -> None:
    cluster.create(KINDS["SecretStore"], store_manifest(), field_manager="test")
    broken = Document(store_manifest(region=7), Origin("path.yaml"))
    loaded = load_manifests([broken], default_namespace="web")
    catalog = StoreCatalog(StoreSource(cluster, loaded))
    with pytest.raises(ConfigError, match=r"is invalid: spec\.provider\.aws\.region: "):
        catalog.find(OWN, "web")


def test_a_store_of_another_namespace_is_absent(cluster: DirectoryCluster) -> None:
    catalog = _catalog(cluster, store_manifest(namespace="shop"))
    with pytest.raises(ConfigError, match="SecretStore web/aws does not exist") as caught:
        catalog.find(OWN, "web")
    assert "secretStoreRef" in caught.value.remedy


@pytest.mark.parametrize(
    ("controller", "ours"),
    [("", True), ("default", True), ("other", False)],
    ids=["none", "default", "other"],
)
def test_the_controller_class_decides(
    cluster: DirectoryCluster, controller: str, ours: bool
) -> None:
    catalog = _catalog(cluster, store_manifest(spec={"controller": controller}))
    if ours:
        assert catalog.find(OWN, "web").controller == controller
    else:
        with pytest.raises(StoreUnmanaged, match="controller class 'other'"):
            catalog.find(OWN, "web")


@pytest.mark.parametrize(
    ("namespace", "admitted"),
    [("web", True), ("shop", True), ("team-x", False), ("unknown", False)],
    ids=["by-name", "by-label", "not-labelled", "not-there"],
)
def test_conditions_of_a_cluster_store(
    cluster: DirectoryCluster, namespace: str, admitted: bool
) -> None:
    labelled = {"namespaceSelector": {"matchLabels": {"tier": "prod"}}}
    conditions = [{"namespaces": ["web"]}, labelled]
    catalog = _catalog(
        cluster,
        store_manifest(kind="ClusterSecretStore", spec={"conditions": conditions}),
        _namespace("shop", tier="prod"),
        _namespace("team-x", tier="test"),
    )
    if admitted:
        assert catalog.find(WIDE, namespace).meta.name == "aws"
    else:
        with pytest.raises(ConfigError, match=f"not allowed from namespace '{namespace}'"):
            catalog.find(WIDE, namespace)


def test_the_acknowledge_token_is_read_from_the_store(cluster: DirectoryCluster) -> None:
    annotated = store_manifest()
    annotated["metadata"]["annotations"] = {ACKNOWLEDGE_ANNOTATION: "abc"}
    source = StoreSource(cluster, manifests(annotated))
    assert source.acknowledgement(ObjectRef("SecretStore", "web", "aws")) == "abc"
    assert source.acknowledgement(ObjectRef("SecretStore", "web", "absent")) == ""


def test_what_a_run_has_read_it_does_not_read_again(cluster: DirectoryCluster) -> None:
    source = StoreSource(cluster, manifests())
    ref = ObjectRef("SecretStore", "web", "aws")
    assert source.store(ref) is None
    cluster.create(KINDS["SecretStore"], store_manifest(), field_manager="test")
    assert source.store(ref) is None
    assert source.namespace_labels("web") is None
