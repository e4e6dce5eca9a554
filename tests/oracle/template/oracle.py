"""Builds the template oracle with Go and asks it what Sealed Secrets' templates give.

The program is text/template with sprig v3, built once for its sources, under
`.cache/tools/` of the repository.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Answer", "Question", "ask", "build", "function_names"]

_SOURCES = Path(__file__).parent
_CACHE = _SOURCES.parents[2] / ".cache" / "tools"
_SOURCE_NAMES = ("go.mod", "go.sum", "main.go")
_TIMEOUT_S = 280
#: What makes a build the same whatever the machine's owner has set.
_GO_ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-mod=readonly",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One template to render; name is the item's key."""

    text: str
    data: Mapping[str, bytes]
    name: str = "k"


@dataclass(frozen=True, slots=True)
class Answer:
    """What Go says: the output, or the error's text."""

    output: bytes = b""
    error: str = ""


def build() -> Path:
    """Return the oracle's path, building it where it is not there yet."""
    digest = hashlib.sha256(b"".join((_SOURCES / name).read_bytes() for name in _SOURCE_NAMES))
    target = _CACHE / f"template-oracle-{digest.hexdigest()[:16]}" / "template-oracle"
    if target.exists():
        return target
    _CACHE.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="template-oracle-", dir=_CACHE))
    try:
        subprocess.run(
            ["go", "build", "-buildvcs=false", "-o", str(scratch / "template-oracle"), "."],
            cwd=_SOURCES,
            env={**os.environ, **_GO_ENVIRONMENT},
            check=True,
            timeout=_TIMEOUT_S,
        )
        target.parent.mkdir(exist_ok=True)
        # Two processes may build at once; each result is whole, and the last one stays.
        (scratch / "template-oracle").replace(target)
    finally:
        shutil.rmtree(scratch)
    return target


def ask(program: Path, questions: Iterable[Question]) -> list[Answer]:
    """Return Go's answer to each question."""
    lines = [
        json.dumps(
            {
                "name": question.name,
                "text": _base64(question.text.encode()),
                "data": {key: _base64(value) for key, value in question.data.items()},
            }
        )
        for question in questions
    ]
    answers = [
        Answer(_bytes(answer["output"]), _bytes(answer["error"]).decode("utf-8", "replace"))
        for answer in _asked(program, lines)
    ]
    if len(answers) != len(lines):
        raise AssertionError(f"{len(lines)} questions, {len(answers)} answers")
    return answers


def function_names(program: Path) -> frozenset[str]:
    """Return the names of the functions that Sealed Secrets gives to templates."""
    (answer,) = _asked(program, ['{"name": ""}'])
    return frozenset(answer["names"])


def _asked(program: Path, lines: list[str]) -> list[dict]:
    done = subprocess.run(
        [str(program)],
        input="\n".join(lines).encode(),
        capture_output=True,
        check=True,
        timeout=120,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(encoded: str | None) -> bytes:
    return base64.b64decode(encoded or "")
