"""What the tests of tours share: a copy to run one in, and a run in nobody's home."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["MARK", "alive", "copied", "run_homeless"]

ROOT = Path(__file__).resolve().parents[2]
#: In the environment of a tour and of everything it starts.
MARK = "SECRETSYNC_TEST_TOUR"


def copied(folder: Path) -> Path:
    """Copy what a tour needs, for it writes below its own folder."""
    for name in ("examples", "secretsync", "providers", "sealing"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "out")
        )
    return folder


def run_homeless(checkout: Path, script: str, home: Path) -> str:
    """Run a tour from an empty folder, which is its home too; return what it says.

    It must succeed, and leave the folder empty.
    """
    ended = subprocess.run(
        [sys.executable, str(checkout / "examples" / script)],
        capture_output=True,
        text=True,
        cwd=home,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(checkout)},
        timeout=240,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert not list(home.iterdir()), "the tour wrote into somebody's home"
    return ended.stdout


def alive(mark: str) -> list[str]:
    """Return the command lines of the processes that carry a mark in their environment."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().decode(errors="replace"))
        except OSError:
            continue  # It ended meanwhile, or is not ours to look at.
    return found
