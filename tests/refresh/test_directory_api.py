"""A `kubernetes` store whose server is the cluster itself, where that is a directory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from providers.base import (
    AuthFailed,
    FindQuery,
    NotManaged,
    PushItem,
    PushRef,
    SecretBytes,
    SecretNotFound,
    SecretRef,
    Unavailable,
)
from providers.registry import load
from secretsync.cluster.base import KINDS
from secretsync.cluster.directory import DirectoryCluster
from secretsync.refresh.selectors import ClusterCredentials, resolve_credentials
from secretsync.resources.secret_store import parse_secret_store
from tests.refresh.kit import START, secret_manifest
from tests.resources.builders import SECRET_STORE, changed, document

OWN = "https://kubernetes.default.svc"
BLOCK = {
    "server": {"url": OWN, "caProvider": {"type": "ConfigMap", "name": "ca", "key": "ca.crt"}},
    "auth": {"serviceAccount": {"name": "reader"}},
    "remoteNamespace": "team",
}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DirectoryCluster]:
    made = DirectoryCluster(tmp_path, default_namespace="web", now=lambda: START)
    made.create(KINDS["Secret"], secret_manifest("db", "team", a="b"), field_manager="test")
    yield made
    made.close()


def opened(cluster: DirectoryCluster, **block: Any) -> Any:
    manifest = changed(SECRET_STORE, {"spec.provider": {"kubernetes": {**BLOCK, **block}}})
    store = parse_secret_store(document(manifest), default_namespace="web").value
    assert store is not None
    credentials = resolve_credentials(store, "web", ClusterCredentials(cluster))
    return load("kubernetes").open_provider(store.config, credentials, observe=lambda *_: None)


def test_own_server_is_the_directory_and_needs_no_login(cluster: DirectoryCluster) -> None:
    store = opened(cluster)
    store.check([])
    refs = [SecretRef("db"), SecretRef("absent")]
    got = store.fetch(refs)
    assert json.loads(got[refs[0]].value.reveal()) == {"a": "b"}
    assert isinstance(got[refs[1]], SecretNotFound)
    assert got[refs[1]].definite
    assert [hit.name for hit in store.find(FindQuery())] == ["db"]
    known = {refs[0]: got[refs[0]].version}
    assert store.changes(None, known).unchanged == known.keys()
    other = {"data": {"a": "Yw=="}}
    cluster.merge_patch(KINDS["Secret"], "team", "db", other, field_manager="test")
    assert set(store.changes(None, known).changed) == known.keys()


def test_server_elsewhere_still_needs_its_login(cluster: DirectoryCluster) -> None:
    with pytest.raises(AuthFailed, match="ConfigMap web/ca does not exist"):
        opened(cluster, server={**BLOCK["server"], "url": "https://api.example"})


def test_push_into_the_directory_is_as_into_a_cluster(cluster: DirectoryCluster) -> None:
    store = opened(cluster)
    for prop in ("x", "y", "x"):
        store.push(PushItem(PushRef("new", prop), SecretBytes(prop.encode())))
    live = cluster.get(KINDS["Secret"], "team", "new")
    assert live is not None
    assert set(live["data"]) == {"x", "y"}
    assert store.delete(PushRef("new", "x"))
    live = cluster.get(KINDS["Secret"], "team", "new")
    assert live is not None
    assert set(live["data"]) == {"y"}
    with pytest.raises(NotManaged):
        store.push(PushItem(PushRef("db", "a"), SecretBytes(b"c")))
    assert store.delete(PushRef("new", "y"))
    assert cluster.get(KINDS["Secret"], "team", "new") is None


def test_write_over_a_change_of_somebody_else_is_refused(cluster: DirectoryCluster) -> None:
    store = opened(cluster)
    store.push(PushItem(PushRef("new", "x"), SecretBytes(b"1")))
    stale = store._api.get("team", "new")
    store.push(PushItem(PushRef("new", "x"), SecretBytes(b"2")))
    with pytest.raises(Unavailable, match="somebody else"):
        store._api.update("team", stale)
    with pytest.raises(Unavailable, match="somebody else"):
        store._api.delete("team", stale)


def test_directory_that_cannot_be_read_is_no_absence(
    cluster: DirectoryCluster, tmp_path: Path
) -> None:
    store = opened(cluster)
    (tmp_path / "team" / "secrets" / "db.yaml").write_text("{")
    ref = SecretRef("db")
    assert isinstance(store.fetch([ref])[ref], Unavailable)
