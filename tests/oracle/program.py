"""What the oracles share: built once with Go for their sources, asked line by line in JSON."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.tools.build import CACHE, GO_ENV, go_program

__all__ = ["answers_of", "built", "from_base64", "to_base64"]

_BUILD_WITHIN_S = 280
_ANSWER_WITHIN_S = 120


def built(sources: Path, name: str) -> Path:
    """Return an oracle's path, building it where it is not there yet.

    Args:
        sources: the folder of its Go module.
        name: of the program.
    """
    files = [sources / "go.mod", sources / "go.sum", *sorted(sources.glob("*.go"))]
    digest = hashlib.sha256(b"".join(each.read_bytes() for each in files))
    target = CACHE / "tools" / f"{name}-{digest.hexdigest()[:16]}" / name
    if target.exists():
        return target
    target.parent.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=target.parent.parent))
    try:
        subprocess.run(
            [go_program(sources), "build", "-buildvcs=false", "-o", scratch / name, "."],
            cwd=sources,
            env={**os.environ, **GO_ENV},
            check=True,
            timeout=_BUILD_WITHIN_S,
        )
        target.parent.mkdir(exist_ok=True)
        # Two processes may build at once; each result is whole, and the last one stays.
        (scratch / name).replace(target)
    finally:
        shutil.rmtree(scratch)
    return target


def answers_of(program: Path, lines: Sequence[str]) -> list[dict[str, Any]]:
    """Return the oracle's answer to each line."""
    done = subprocess.run(
        [str(program)],
        input="\n".join(lines).encode(),
        capture_output=True,
        check=True,
        timeout=_ANSWER_WITHIN_S,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(lines):
        raise AssertionError(f"{len(lines)} questions, {len(answers)} answers")
    return answers


def to_base64(data: bytes) -> str:
    """Return bytes as the oracles read them."""
    return base64.b64encode(data).decode()


def from_base64(encoded: str | None) -> bytes:
    """Return bytes that an oracle wrote; nothing is empty."""
    return base64.b64decode(encoded or "")
