"""Files that hold no object: an error of that object, never an absence, never a leak."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secretsync.cluster.base import KINDS, WatchEvent
from secretsync.cluster.directory import DirectoryCluster
from secretsync.errors import Rejected
from secretsync.resources.problems import render_problem

SECRET = KINDS["Secret"]
CANARY = "canary-7f3a"
GOOD = "apiVersion: v1\nkind: Secret\ndata: {a: MQ==}\n"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DirectoryCluster]:
    opened = DirectoryCluster(tmp_path, now=lambda: datetime.now(UTC))
    yield opened
    opened.close()


def _put(root: Path, text: str, name: str = "bad.yaml", mode: int = 0o600) -> Path:
    path = root / "web" / "secrets" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "0 objects", id="empty"),
        pytest.param(f"{GOOD}---\n{GOOD}", "2 objects", id="two"),
        pytest.param(f"data: {{a: '{CANARY}\n", "not valid YAML", id="cut-off"),
        pytest.param(f"data: {{a: {CANARY}, a: {CANARY}}}\n", "given twice", id="duplicate-key"),
        pytest.param(f"- {CANARY}\n", "not an object", id="list"),
        pytest.param("apiVersion: v1\nkind: ConfigMap\n", "not a Secret", id="kind"),
        pytest.param("apiVersion: apps/v1\nkind: Secret\n", "not a Secret", id="group"),
        pytest.param("kind: Secret\n", "not a Secret", id="no-version"),
        pytest.param(f"{GOOD}metadata: {{name: x}}\n", "metadata.name", id="name"),
        pytest.param(f"{GOOD}metadata: {{namespace: x}}\n", "metadata.namespace", id="namespace"),
        pytest.param(f"{GOOD}metadata: {CANARY}\n", "metadata is not a map", id="metadata"),
        pytest.param(f"{GOOD}metadata: {{labels: {{a: 1}}}}\n", "labels.a", id="label"),
        pytest.param(f"{GOOD}metadata: {{uid: 1}}\n", "metadata.uid", id="uid"),
        pytest.param(f"{GOOD}metadata: {{finalizers: a}}\n", "finalizers", id="finalizers"),
        pytest.param("apiVersion: v1\nkind: Secret\ndata: {a: 123}\n", "data.a", id="number"),
        pytest.param(f"apiVersion: v1\nkind: Secret\ndata: {CANARY}\n", "data is", id="data"),
        pytest.param(
            "apiVersion: v1\nkind: Secret\nstringData: {a: true}\n", "stringData.a", id="bool"
        ),
    ],
)
def test_broken_file_is_told_and_the_others_are_listed(
    cluster: DirectoryCluster, tmp_path: Path, text: str, message: str
) -> None:
    file = _put(tmp_path, text)
    _put(tmp_path, GOOD, "good.yaml")
    before = file.read_bytes()
    for use in (
        lambda: cluster.get(SECRET, "web", "bad"),
        lambda: cluster.create(
            SECRET, {"metadata": {"name": "bad", "namespace": "web"}}, field_manager="m"
        ),
        lambda: cluster.apply(
            SECRET, {"metadata": {"name": "bad", "namespace": "web"}}, field_manager="m"
        ),
        lambda: cluster.delete(SECRET, "web", "bad"),
    ):
        with pytest.raises(Rejected, match=message) as caught:
            use()
        assert str(file) in caught.value.message
        assert CANARY not in f"{caught.value.message} {caught.value.remedy}"
    assert [obj["metadata"]["name"] for obj in cluster.list(SECRET).items] == ["good"]
    (problem,) = cluster.broken()
    assert CANARY not in render_problem(problem)
    assert (problem.file, problem.object) == (str(file), "Secret web/bad")
    assert problem.remedy
    assert file.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_secret_that_others_may_read_is_refused(
    cluster: DirectoryCluster, tmp_path: Path, mode: int
) -> None:
    file = _put(tmp_path, GOOD, mode=mode)
    with pytest.raises(Rejected) as caught:
        cluster.get(SECRET, "web", "bad")
    assert str(file) in caught.value.message
    assert f"chmod 600 {file}" in caught.value.remedy
    file.chmod(0o600)
    found = cluster.get(SECRET, "web", "bad")
    assert found is not None
    assert found["data"] == {"a": "MQ=="}
    assert cluster.broken() == []


def test_config_map_that_others_may_read_is_fine(cluster: DirectoryCluster, tmp_path: Path) -> None:
    path = tmp_path / "web" / "configmaps" / "c.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("apiVersion: v1\nkind: ConfigMap\n")
    path.chmod(0o644)
    assert len(cluster.list(KINDS["ConfigMap"]).items) == 1


def test_two_files_of_one_object_are_both_refused(
    cluster: DirectoryCluster, tmp_path: Path
) -> None:
    _put(tmp_path, GOOD, "x.yaml")
    other = _put(tmp_path, GOOD, "x.yml")
    assert cluster.list(SECRET).items == []
    with pytest.raises(Rejected, match=r"x\.yaml, x\.yml"):
        cluster.get(SECRET, "web", "x")
    other.unlink()
    assert len(cluster.list(SECRET).items) == 1
    assert cluster.broken() == []


@pytest.mark.parametrize("special", ["link", "pipe", "folder"])
def test_what_is_no_regular_file_is_refused(
    cluster: DirectoryCluster, tmp_path: Path, special: str
) -> None:
    path = _put(tmp_path, GOOD, "target").with_name("bad.yaml")
    if special == "link":
        path.symlink_to("target")
    elif special == "pipe":
        os.mkfifo(path, 0o600)
    else:
        path.mkdir()
    with pytest.raises(Rejected, match=r"symbolic link|not a regular file"):
        cluster.get(SECRET, "web", "bad")
    assert cluster.list(SECRET).items == []
    assert len(cluster.broken()) == 1


def test_problem_of_a_file_that_is_gone_is_gone(cluster: DirectoryCluster, tmp_path: Path) -> None:
    file = _put(tmp_path, "")
    assert cluster.list(SECRET).items == []
    assert len(cluster.broken()) == 1
    file.unlink()
    assert cluster.broken() == []


def test_watch_takes_a_broken_file_for_what_it_was(
    cluster: DirectoryCluster, tmp_path: Path
) -> None:
    """Somebody saves a half-edited file: the object did not go."""
    file = _put(tmp_path, GOOD, "x.yaml")
    stop = threading.Event()
    events = cluster.watch(SECRET, "web", stop=stop)
    assert _kinds(next(events), next(events)) == ["ADDED", "SYNCED"]
    observer = cluster._looker.observer(SECRET)
    position = observer.position(cluster.list(SECRET).resource_version)
    file.write_text("data: {")
    changes, position = observer.changes("web", position)
    assert changes == []
    assert len(cluster.broken()) == 1
    file.write_text(GOOD.replace("MQ==", "Mg=="))
    event = next(events)
    assert _kinds(event) == ["MODIFIED"]
    assert event.object["data"] == {"a": "Mg=="}
    file.unlink()
    assert _kinds(next(events)) == ["DELETED"]
    stop.set()
    assert list(events) == []


def _kinds(*events: WatchEvent) -> list[str]:
    return [str(event.type) for event in events]
