"""Writing safely: one writer, whole files, nothing left behind by a kill."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secretsync.cluster.base import KINDS
from secretsync.cluster.directory import DirectoryCluster
from secretsync.cluster.directory_files import TEMPORARY_PREFIX, replace_file
from secretsync.errors import ClusterError, Forbidden, Rejected
from tests.e2e.rig import eventually

SECRET = KINDS["Secret"]
NOBODY = 65_534

WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from secretsync.cluster.base import KINDS
from secretsync.cluster.directory import DirectoryCluster

cluster = DirectoryCluster(Path(sys.argv[1]), now=lambda: datetime.now(UTC))
print("open", flush=True)
turn = 0
while True:
    turn += 1
    data = {f"k{each}": f"{turn:08}" for each in range(500)}
    obj = {"metadata": {"name": f"s{turn % 7}"}, "data": data}
    cluster.apply(KINDS["Secret"], obj, field_manager="m")
"""


def _open(root: Path, **options: Any) -> DirectoryCluster:
    return DirectoryCluster(root, now=lambda: datetime.now(UTC), **options)


def _start_writer(root: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    return child


def test_second_writer_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    child = _start_writer(tmp_path)
    try:
        with pytest.raises(ClusterError, match=rf"pid {child.pid}\b"):
            _open(tmp_path)
        reader = _open(tmp_path, read_only=True)
        assert reader.list(KINDS["ConfigMap"]).items == []
    finally:
        child.kill()
        child.communicate()
    _open(tmp_path).close()


def test_second_writer_in_one_process_is_refused_until_the_first_closes(tmp_path: Path) -> None:
    first = _open(tmp_path)
    with pytest.raises(ClusterError, match=rf"pid {os.getpid()}\b"):
        _open(tmp_path)
    first.close()
    _open(tmp_path).close()


def test_killed_writer_leaves_whole_files_only(tmp_path: Path) -> None:
    for _ in range(3):
        child = _start_writer(tmp_path)
        eventually(lambda: list(tmp_path.glob("default/secrets/s*.yaml")))
        time.sleep(0.4)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        reader = _open(tmp_path, read_only=True)
        objects = reader.list(SECRET).items
        assert reader.broken() == []
        assert objects
        for obj in objects:
            assert len(obj["data"]) == 500
            assert len(set(obj["data"].values())) == 1
    _open(tmp_path).close()
    assert not list(tmp_path.rglob(f"{TEMPORARY_PREFIX}*"))


def test_reader_never_sees_half_a_write(tmp_path: Path) -> None:
    child = _start_writer(tmp_path)
    try:
        reader = _open(tmp_path, read_only=True)
        seen = set()
        enough_at_s = time.monotonic() + 2
        deadline = time.monotonic() + 60
        while time.monotonic() < enough_at_s or (len(seen) < 2 and time.monotonic() < deadline):
            for obj in reader.list(SECRET).items:
                values = set(obj["data"].values())
                assert len(values) == 1
                seen |= values
        assert reader.broken() == []
        assert len(seen) > 1
    finally:
        child.kill()
        child.communicate()


def test_leftovers_are_no_objects_and_go_with_the_next_writer(tmp_path: Path) -> None:
    folder = tmp_path / "web" / "secrets"
    managed = tmp_path / ".secretsync" / "managed" / "web" / "secrets"
    left = [place / f"{TEMPORARY_PREFIX}0" for place in (folder, managed, managed.parents[2])]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    assert _open(tmp_path, read_only=True).list(SECRET).items == []
    assert all(path.exists() for path in left)
    _open(tmp_path).close()
    assert not any(path.exists() for path in left)


def test_replaced_file_is_always_newer(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.touch()
    future_ns = time.time_ns() + 10**12
    os.utime(path, ns=(future_ns, future_ns))
    found = replace_file(path, b"1", mode=0o600, read=path.lstat())
    assert found.st_mtime_ns > future_ns


def test_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "x"
    target.mkdir()
    with pytest.raises(ClusterError):
        replace_file(target, b"1", mode=0o600)
    assert list(tmp_path.iterdir()) == [target]


def test_open_secrets_folder_is_tightened_by_a_write(tmp_path: Path) -> None:
    folder = tmp_path / "default" / "secrets"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    cluster = _open(tmp_path)
    cluster.create(SECRET, {"metadata": {"name": "db"}}, field_manager="m")
    cluster.close()
    assert folder.stat().st_mode & 0o777 == 0o700


@contextlib.contextmanager
def _unprivileged() -> Iterator[None]:
    """Root may read everything, so that it has to be somebody else for a moment."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_what_may_not_be_read_is_an_error_not_an_absence() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        folder, file = root / "default" / "secrets", root / "web" / "configmaps" / "c.yaml"
        for each in (folder, file.parent):
            each.mkdir(parents=True)
        file.write_text("apiVersion: v1\nkind: ConfigMap\n")
        file.chmod(0)
        folder.chmod(0)
        with _unprivileged():
            reader = _open(root, read_only=True)
            with pytest.raises(Forbidden, match="permission denied"):
                reader.list(SECRET)
            with pytest.raises(Forbidden, match="permission denied"):
                reader.get(SECRET, "default", "db")
            with pytest.raises(Rejected, match="permission denied"):
                reader.get(KINDS["ConfigMap"], "web", "c")
        folder.chmod(0o700)


def test_threads_that_apply_at_once_lose_nothing(tmp_path: Path) -> None:
    cluster = _open(tmp_path)

    def work(manager: str) -> None:
        for turn in range(20):
            obj = {"metadata": {"name": "db"}, "data": {manager: f"{turn:04}"}}
            cluster.apply(SECRET, obj, field_manager=manager)

    threads = [threading.Thread(target=work, args=(f"m{each}",)) for each in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = cluster.get(SECRET, "default", "db")
    cluster.close()
    assert found is not None
    assert found["data"] == {f"m{each}": "0019" for each in range(4)}
