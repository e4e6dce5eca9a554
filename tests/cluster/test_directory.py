"""A directory cluster's files: where they are, who may read them, what people put there."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from secretsync.cluster.base import KINDS, Kind
from secretsync.cluster.directory import DirectoryCluster
from secretsync.errors import ClusterError, ClusterUnavailable, Forbidden, NotFound, Rejected

SECRET, CONFIG_MAP, STORE = KINDS["Secret"], KINDS["ConfigMap"], KINDS["ClusterSecretStore"]
EXTERNAL_SECRET = KINDS["ExternalSecret"]
NOW = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)

Opener = Callable[..., DirectoryCluster]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def opened(root: Path) -> Iterator[Opener]:
    clusters: list[DirectoryCluster] = []

    def open_one(**options: Any) -> DirectoryCluster:
        clusters.append(DirectoryCluster(root, now=lambda: NOW, **options))
        return clusters[-1]

    yield open_one
    for cluster in clusters:
        cluster.close()


def _put(path: Path, text: str, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def _secret(name: str = "db", **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": {"password": "czNjcjN0"}, **more}


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _names(cluster: DirectoryCluster, kind: Kind = SECRET) -> list[str]:
    return [obj["metadata"]["name"] for obj in cluster.list(kind).items]


def test_secret_is_a_private_yaml_file_as_kubectl_gives_it(opened: Opener, root: Path) -> None:
    opened().create(SECRET, _secret(), field_manager="m")
    file = root / "default" / "secrets" / "db.yaml"
    assert (_mode(file), _mode(file.parent), _mode(root / ".secretsync")) == (0o600, 0o700, 0o700)
    written = yaml.safe_load(file.read_text())
    uid = written["metadata"].pop("uid")
    assert len(uid) == 36
    assert written == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "db",
            "namespace": "default",
            "creationTimestamp": "2024-01-02T03:04:05Z",
        },
        "data": {"password": "czNjcjN0"},
        "type": "Opaque",
    }
    assert "\n  password: czNjcjN0\n" in file.read_text()


def test_other_kinds_are_readable_and_have_their_folder(opened: Opener, root: Path) -> None:
    cluster = opened()
    cluster.create(CONFIG_MAP, {"metadata": {"name": "c", "namespace": "web"}}, field_manager="m")
    cluster.create(STORE, {"metadata": {"name": "aws"}, "spec": {}}, field_manager="m")
    file = root / "web" / "configmaps" / "c.yaml"
    assert (_mode(file), _mode(file.parent)) == (0o644, 0o755)
    assert (root / "_cluster/clustersecretstores.external-secrets.io/aws.yaml").is_file()
    assert _names(cluster, STORE) == ["aws"]


def test_object_that_an_external_secret_fills_is_private_from_then_on(
    opened: Opener, root: Path
) -> None:
    cluster = opened()
    metadata = {"name": "filled", "namespace": "web"}
    plain = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    cluster.create(CONFIG_MAP, plain, field_manager="m")
    file = root / "web" / "configmaps" / "filled.yaml"
    assert _mode(file) == 0o644
    marked = {"labels": {"externalsecrets.external-secrets.io/managed": "true"}}
    filled = {**plain, "metadata": {**metadata, **marked}, "data": {"password": "x"}}
    cluster.apply(CONFIG_MAP, filled, field_manager="m")
    assert _mode(file) == 0o600


def _identity(path: Path) -> tuple[int, int, int]:
    """What a write changes; reading moves the access time, and nothing else."""
    found = path.stat()
    return found.st_mtime_ns, found.st_ino, found.st_size


def test_write_that_changes_nothing_touches_no_file(opened: Opener, root: Path) -> None:
    cluster = opened()
    cluster.apply(SECRET, _secret(), field_manager="m")
    before = {path: _identity(path) for path in root.rglob("*")}
    cluster.apply(SECRET, _secret(), field_manager="m")
    cluster.merge_patch(SECRET, "default", "db", _secret(), field_manager="m")
    assert {path: _identity(path) for path in root.rglob("*")} == before


def test_every_write_changes_the_resource_version(opened: Opener) -> None:
    cluster = opened()
    cluster.create(SECRET, _secret(), field_manager="m")
    versions = set()
    for turn in range(200):
        patch = {"data": {"password": "YQ==" if turn % 2 else "Yg=="}}
        patched = cluster.merge_patch(SECRET, "default", "db", patch, field_manager="m")
        versions.add(patched["metadata"]["resourceVersion"])
    assert len(versions) == 200


def test_hand_written_secret_is_an_object_like_any_other(opened: Opener, root: Path) -> None:
    text = "apiVersion: v1\nkind: Secret\nstringData:\n  a: plain\ndata:\n  b: Yg==\n  c:\n"
    _put(root / "web/secrets/by-hand.yaml", text)
    cluster = opened(read_only=True)
    found = cluster.get(SECRET, "web", "by-hand")
    assert found is not None
    assert found["data"] == {"a": "cGxhaW4=", "b": "Yg==", "c": ""}
    metadata = found["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("by-hand", "web")
    again = cluster.get(SECRET, "web", "by-hand")
    assert again is not None
    assert again["metadata"] == metadata
    assert len(metadata["uid"]) == 36
    assert cluster.list(SECRET).items == [again]


def test_patch_of_a_hand_written_file_keeps_its_place_uid_and_format(
    opened: Opener, root: Path
) -> None:
    file = _put(root / "web/secrets/j.json", '{"apiVersion": "v1", "kind": "Secret"}')
    cluster = opened()
    before = cluster.get(SECRET, "web", "j")
    assert before is not None
    patch = {"data": {"a": "MQ=="}}
    after = cluster.merge_patch(SECRET, "web", "j", patch, field_manager="m")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert json.loads(file.read_text())["data"] == {"a": "MQ=="}
    assert list(file.parent.iterdir()) == [file]


def test_older_version_of_a_kind_is_served_unchanged(opened: Opener, root: Path) -> None:
    text = "apiVersion: external-secrets.io/v1beta1\nkind: ExternalSecret\nspec: {a: 1}\n"
    _put(root / "web" / EXTERNAL_SECRET.folder / "e.yml", text)
    cluster = opened()
    found = cluster.get(EXTERNAL_SECRET, "web", "e")
    assert found is not None
    assert found["apiVersion"] == "external-secrets.io/v1beta1"
    status = {"refreshTime": "2024-01-02T03:04:05Z"}
    patched = cluster.patch_status(EXTERNAL_SECRET, "web", "e", status, field_manager="m")
    assert patched["apiVersion"] == "external-secrets.io/v1beta1"
    assert patched["status"] == status


def test_edit_of_a_spec_by_hand_is_a_new_generation(opened: Opener, root: Path) -> None:
    cluster = opened()
    obj = {"metadata": {"name": "e"}, "spec": {"refreshInterval": "1h"}}
    cluster.create(EXTERNAL_SECRET, obj, field_manager="m")
    file = root / "default" / EXTERNAL_SECRET.folder / "e.yaml"
    for edited, generation in (("2h", 2), ("3h", 3)):
        text = yaml.safe_load(file.read_text())
        text["spec"]["refreshInterval"] = edited
        file.write_text(yaml.safe_dump(text))
        (listed,) = cluster.list(EXTERNAL_SECRET).items
        assert listed["metadata"]["generation"] == generation
        patched = cluster.patch_status(
            EXTERNAL_SECRET, "default", "e", {"seen": edited}, field_manager="m"
        )
        assert patched["metadata"]["generation"] == generation
    found = cluster.get(EXTERNAL_SECRET, "default", "e")
    assert found is not None
    assert found["metadata"]["generation"] == 3


def test_file_written_anew_by_hand_belongs_to_nobody(opened: Opener, root: Path) -> None:
    cluster = opened()
    cluster.apply(SECRET, _secret(), field_manager="m")
    file = root / "default/secrets/db.yaml"
    file.unlink()
    _put(file, "apiVersion: v1\nkind: Secret\ndata: {password: b3RoZXI=}\n")
    found = cluster.get(SECRET, "default", "db")
    assert found is not None
    assert "managedFields" not in found["metadata"]


def test_field_removed_by_hand_is_owned_no_more(opened: Opener, root: Path) -> None:
    cluster = opened()
    cluster.apply(SECRET, _secret(data={"a": "MQ==", "b": "Mg=="}), field_manager="m")
    file = root / "default/secrets/db.yaml"
    file.write_text(file.read_text().replace("  b: Mg==\n", ""))
    found = cluster.get(SECRET, "default", "db")
    assert found is not None
    (entry,) = found["metadata"]["managedFields"]
    assert entry["fieldsV1"] == {"f:data": {"f:a": {}}}


def test_reader_creates_nothing_and_takes_an_absent_root_as_empty(
    opened: Opener, root: Path
) -> None:
    cluster = opened(read_only=True)
    assert cluster.list(SECRET).items == []
    assert cluster.get(SECRET, "default", "db") is None
    for write in (
        lambda: cluster.create(SECRET, _secret(), field_manager="m"),
        lambda: cluster.apply(SECRET, _secret(), field_manager="m"),
        lambda: cluster.merge_patch(SECRET, "default", "db", {}, field_manager="m"),
        lambda: cluster.patch_status(EXTERNAL_SECRET, "default", "e", {}, field_manager="m"),
        lambda: cluster.delete(SECRET, "default", "db"),
    ):
        with pytest.raises(Forbidden, match="opened for reading"):
            write()
    assert not root.exists()


def test_root_that_is_a_file_is_an_error_not_an_empty_cluster(opened: Opener, root: Path) -> None:
    root.write_text("")
    with pytest.raises(ClusterError, match="not a directory"):
        opened(read_only=True)


def test_root_that_goes_away_under_a_writer_is_an_error(opened: Opener, root: Path) -> None:
    cluster = opened()
    root.rename(root.with_name("elsewhere"))
    with pytest.raises(ClusterUnavailable, match="removed or replaced"):
        cluster.list(SECRET)
    with pytest.raises(ClusterUnavailable, match="removed or replaced"):
        cluster.get(SECRET, "default", "db")


@pytest.mark.parametrize("name", ["../x", "..", ".hidden", "a/b", "", "a\0b", "_x"])
def test_name_that_leaves_its_folder_is_rejected(opened: Opener, name: str) -> None:
    cluster = opened()
    with pytest.raises(Rejected):
        cluster.get(SECRET, "default", name)
    with pytest.raises(Rejected):
        cluster.create(SECRET, _secret(name), field_manager="m")
    with pytest.raises(Rejected):
        cluster.delete(SECRET, name or "..", "db")


def test_create_with_a_resource_version_is_rejected(opened: Opener) -> None:
    obj = {"metadata": {"name": "db", "resourceVersion": "1"}}
    with pytest.raises(Rejected, match="resourceVersion"):
        opened().create(SECRET, obj, field_manager="m")


def test_secrets_have_no_status_and_directories_no_tokens(opened: Opener) -> None:
    cluster = opened()
    cluster.create(SECRET, _secret(), field_manager="m")
    with pytest.raises(NotFound):
        cluster.patch_status(SECRET, "default", "db", {"a": 1}, field_manager="m")
    with pytest.raises(Rejected, match="issues no tokens"):
        cluster.request_token("default", "app", audiences=["vault"])
    assert not cluster.collects_garbage
