"""The cache on disk: what earlier processes left is bounded, and nobody's is taken away."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from secretsync.gitops.sources import cache_use
from secretsync.gitops.sources.cache_use import CacheUse
from secretsync.gitops.sources.charts import KEPT_CHARTS

KINDS = [
    ("git/trees", "KEPT_LAYOUTS"),
    ("git/whole", "KEPT_WHOLE"),
    ("git/lfs", "KEPT_LFS"),
    ("charts", "KEPT_CHARTS"),
]


def leave(parent: Path, count: int, *, size_bytes: int = 1) -> list[str]:
    """Make folders as earlier processes leave them, and return their names, oldest first."""
    names = [f"f{number:03}" for number in range(count)]
    for number, name in enumerate(names):
        (parent / name / "files").mkdir(parents=True)
        (parent / name / "files" / "a").write_bytes(b"x" * size_bytes)
        os.utime(parent / name, (number, number))
    return names


def held(parent: Path) -> list[str]:
    return sorted(each.name for each in parent.iterdir())


@pytest.mark.parametrize(("folder", "limit"), KINDS)
def test_cache_over_its_limit_keeps_what_was_used_last(
    tmp_path: Path, folder: str, limit: str
) -> None:
    kept = getattr(cache_use, limit)
    names = leave(tmp_path / folder, kept + 3)
    for half in (".new-x", ".old-y"):
        (tmp_path / folder / half).mkdir()
    CacheUse(tmp_path).close()
    assert held(tmp_path / folder) == names[3:]


def test_repositories_over_their_limit_keep_what_was_used_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = tmp_path / "git" / "repositories"
    names = leave(parent, 4, size_bytes=100_000)
    CacheUse(tmp_path).close()
    assert held(parent) == names
    monkeypatch.setattr(cache_use, "MAX_REPOSITORIES_BYTES", 250_000)
    CacheUse(tmp_path).close()
    assert held(parent) == names[2:]


@pytest.mark.parametrize("folder", [*(each for each, _ in KINDS), "git/repositories"])
def test_trimming_that_is_killed_leaves_no_half_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    class Killed(BaseException):
        """Ends what is under way."""

    def half(path: Path, **_: Any) -> None:
        (path / "files" / "a").unlink()
        raise Killed

    parent = tmp_path / folder
    names = leave(parent, 80, size_bytes=100_000)
    with monkeypatch.context() as patched:
        patched.setattr(cache_use, "MAX_REPOSITORIES_BYTES", 250_000)
        patched.setattr("secretsync.gitops.sources.kept_folders.shutil.rmtree", half)
        with pytest.raises(Killed):
            CacheUse(tmp_path)
    left = [name for name in names if (parent / name).exists()]
    assert len(left) == len(names) - 1
    assert all((parent / name / "files" / "a").exists() for name in left)
    CacheUse(tmp_path).close()
    assert all((parent / name / "files" / "a").exists() for name in held(parent))


def test_trimming_that_fails_locks_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> None:
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr(cache_use, "_trim", fail)
        first = CacheUse(tmp_path)
    with first, (tmp_path / ".lock").open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)


def test_cache_that_somebody_uses_is_left_to_him(tmp_path: Path) -> None:
    parent = tmp_path / "charts"
    with CacheUse(tmp_path):
        names = leave(parent, KEPT_CHARTS + 3)
        with CacheUse(tmp_path):
            assert held(parent) == names
        assert held(parent) == names
    CacheUse(tmp_path).close()
    assert held(parent) == names[3:]


def test_cache_that_cannot_be_made_is_no_failure_yet(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with CacheUse(tmp_path / "file" / "cache"):
        pass
