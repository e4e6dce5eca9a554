"""What the packaging promises: lower bounds, hashed locks, nothing of one machine."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
GROUPS = PROJECT["dependency-groups"].values()
REQUIREMENTS = [*PROJECT["project"]["dependencies"], *(item for group in GROUPS for item in group)]
LOCKS = ("requirements.lock", "requirements-runtime.lock", "deploy/requirements-build.lock")
FUZZ_LOCK = "requirements-fuzz.lock"


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_requirement_is_bounded_below(requirement: str) -> None:
    """Without a bound a resolver has been seen to pick a version from ten years ago."""
    assert re.search(r"[>=]=\d", requirement)


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_every_requirement_by_hash(lock: str) -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", (ROOT / lock).read_text())
    pinned = [block for block in blocks if re.match(r"[a-z0-9][\w.-]*==", block)]
    assert len(pinned) > 5
    assert [block.split()[0] for block in pinned if "--hash=sha256:" not in block] == []


def test_lock_of_the_fuzzer_pins_by_hash() -> None:
    text = (ROOT / FUZZ_LOCK).read_text()
    assert re.search(r"^atheris==\S+ \\\n +--hash=sha256:", text, re.MULTILINE)


@pytest.mark.parametrize("lock", [*LOCKS, FUZZ_LOCK])
def test_lock_names_no_index(lock: str) -> None:
    assert not re.search(r"--(extra-)?index-url|https?://", (ROOT / lock).read_text())


def test_tracked_files_name_no_home_directory() -> None:
    """A path of one machine in a committed file works on that machine only."""
    found = subprocess.run(
        ["git", "grep", "-nIE", r"(^|[^A-Za-z<])/(home|Users)/[a-z]"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""
