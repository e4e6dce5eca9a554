"""What a directory keeps for itself: install key, events; and CLUSTER as it is written."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secretsync.cluster.base import Event, EventType
from secretsync.cluster.directory import DirectoryCluster
from secretsync.cluster.directory_state import load_or_create_install_key
from secretsync.cluster.opening import ClusterSpec, open_cluster, parse_cluster
from secretsync.errors import ConfigError, Rejected

NOW = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_install_key_is_made_once_and_private(tmp_path: Path) -> None:
    key = load_or_create_install_key(tmp_path, read_only=False)
    path = tmp_path / ".secretsync" / "install-key"
    assert key is not None
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert load_or_create_install_key(tmp_path, read_only=False) == key
    assert load_or_create_install_key(tmp_path, read_only=True) == key
    assert [each.name for each in path.parent.iterdir()] == ["install-key"]


def test_install_key_is_not_made_by_a_reader(tmp_path: Path) -> None:
    assert load_or_create_install_key(tmp_path / "absent", read_only=True) is None
    assert not (tmp_path / "absent").exists()


def test_install_key_is_one_for_all_who_make_it_at_once(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)
    keys: list[bytes | None] = []

    def make() -> None:
        barrier.wait()
        keys.append(load_or_create_install_key(tmp_path, read_only=False))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_install_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    load_or_create_install_key(tmp_path, read_only=False)
    path = tmp_path / ".secretsync" / "install-key"
    path.chmod(0o644)
    with pytest.raises(Rejected, match="install-key") as caught:
        load_or_create_install_key(tmp_path, read_only=True)
    assert f"chmod 600 {path}" in caught.value.remedy


def test_install_key_that_is_cut_is_refused(tmp_path: Path) -> None:
    load_or_create_install_key(tmp_path, read_only=False)
    (tmp_path / ".secretsync" / "install-key").write_bytes(b"short")
    with pytest.raises(Rejected, match="has 32 bytes"):
        load_or_create_install_key(tmp_path, read_only=False)


def _event(message: str) -> Event:
    about = {"kind": "Secret", "metadata": {"name": "db", "namespace": "web", "uid": "u"}}
    return Event({**about, "data": {"a": "canary"}}, EventType.WARNING, "Failed", message)


def test_events_are_appended_without_data_and_bounded(tmp_path: Path) -> None:
    cluster = DirectoryCluster(tmp_path, now=lambda: NOW)
    cluster.event(_event("first"))
    path = tmp_path / ".secretsync" / "events.jsonl"
    assert json.loads(path.read_text()) == {
        "time": "2024-01-02T03:04:05Z",
        "type": "Warning",
        "component": "secretsync",
        "reason": "Failed",
        "message": "first",
        "kind": "Secret",
        "namespace": "web",
        "name": "db",
        "uid": "u",
    }
    for _ in range(30):
        cluster.event(_event("m" * 100_000))
    cluster.close()
    files = sorted(path.parent.glob("events*"))
    assert [each.name for each in files] == ["events.jsonl", "events.jsonl.1"]
    for each in files:
        assert each.stat().st_mode & 0o777 == 0o600
        assert each.stat().st_size < 1024 * 1024 + 101_000
        assert all(json.loads(line)["name"] == "db" for line in each.read_text().splitlines())


def test_event_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    cluster = DirectoryCluster(tmp_path, now=lambda: NOW)
    (tmp_path / ".secretsync" / "events.jsonl").mkdir()
    cluster.event(_event("lost"))
    cluster.close()
    assert (tmp_path / ".secretsync" / "events.jsonl").is_dir()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dir:out", ClusterSpec("dir", "out")),
        ("dir:/a:b", ClusterSpec("dir", "/a:b")),
        ("kube", ClusterSpec("kube")),
        ("kube:production", ClusterSpec("kube", "production")),
        ("kube:arn:aws:eks:x", ClusterSpec("kube", "arn:aws:eks:x")),
    ],
)
def test_cluster_is_parsed_and_written_back(text: str, expected: ClusterSpec) -> None:
    assert parse_cluster(text) == expected
    assert str(expected) == text


@pytest.mark.parametrize("text", ["", "dir", "dir:", "kube:", "out", "file:out", "DIR:out"])
def test_what_is_no_cluster_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(ConfigError, match="names no cluster") as caught:
        parse_cluster(text)
    assert "dir:ROOT" in caught.value.remedy


def test_open_cluster_opens_a_directory(tmp_path: Path) -> None:
    cluster = open_cluster(parse_cluster(f"dir:{tmp_path}/out"), read_only=True)
    assert cluster.name == f"dir:{tmp_path}/out"
    cluster.close()
    assert not (tmp_path / "out").exists()
