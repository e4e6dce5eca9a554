"""How many cores a process takes for its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from secretsync.cores import usable_cores


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000\n", 8),
        ("100000 100000\n", 1),
        ("150000 100000\n", 2),
        ("50000 100000\n", 1),
        ("6400000 100000\n", 8),
        ("garbage", 8),
        ("100000 0\n", 8),
        ("", 8),
        (None, 8),
    ],
)
def test_cores_are_those_of_the_process_at_most_what_its_container_is_given(
    quota: str | None, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cpu.max"
    if quota is not None:
        file.write_text(quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert usable_cores(file) == cores


def test_cores_are_counted_where_a_process_cannot_be_bound_to_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    monkeypatch.setattr(os, "process_cpu_count", lambda: 3, raising=False)
    assert usable_cores(tmp_path / "none") == 3
