"""Builds the oracle with Go and asks it what gjson and Go's own packages do.

The program is built once for its sources, under `.cache/tools/` of the repository.
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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Answer", "Question", "ask", "build"]

_SOURCES = Path(__file__).parent
_CACHE = _SOURCES.parents[2] / ".cache" / "tools"
_SOURCE_NAMES = ("go.mod", "go.sum", "main.go")
_TIMEOUT_S = 240
#: What makes a build the same whatever the machine's owner has set.
_GO_ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-mod=readonly",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Args:
        op: get (gjson), extract (a JSON object's members), base64, base64url,
            data-hash or metadata-hash (SHA3-224 of the `%+v` print).
        path: for get.
    """

    op: str
    input: bytes
    path: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What Go says: raw and text of a value, or the members of an object."""

    raw: bytes = b""
    text: bytes = b""
    items: Mapping[str, bytes] = field(default_factory=dict)


def build() -> Path:
    """Return the oracle's path, building it where it is not there yet."""
    digest = hashlib.sha256(b"".join((_SOURCES / name).read_bytes() for name in _SOURCE_NAMES))
    target = _CACHE / f"gjson-oracle-{digest.hexdigest()[:16]}" / "gjson-oracle"
    if target.exists():
        return target
    _CACHE.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="gjson-oracle-", dir=_CACHE))
    try:
        environment = {**os.environ, **_GO_ENVIRONMENT}
        subprocess.run(
            ["go", "build", "-buildvcs=false", "-o", str(scratch / "gjson-oracle"), "."],
            cwd=_SOURCES,
            env=environment,
            check=True,
            timeout=_TIMEOUT_S,
        )
        target.parent.mkdir(exist_ok=True)
        # Two processes may build at once; each result is whole, and the last one stays.
        (scratch / "gjson-oracle").replace(target)
    finally:
        shutil.rmtree(scratch)
    return target


def ask(program: Path, questions: Iterable[Question]) -> list[Answer | None]:
    """Return Go's answer to each question; None where there is no value, or an error."""
    lines = [
        json.dumps({"op": q.op, "input": _base64(q.input), "path": _base64(q.path)})
        for q in questions
    ]
    done = subprocess.run(
        [str(program)],
        input="\n".join(lines).encode(),
        capture_output=True,
        check=True,
        timeout=120,
    )
    answers = [_answer(json.loads(line)) for line in done.stdout.splitlines()]
    if len(answers) != len(lines):
        raise AssertionError(f"{len(lines)} questions, {len(answers)} answers")
    return answers


def _answer(answer: dict[str, Any]) -> Answer | None:
    if "panic" in answer:
        raise AssertionError(f"the oracle panicked: {answer['panic']}")
    if not answer["ok"]:
        return None
    items = {key: _bytes(value) for key, value in (answer["items"] or {}).items()}
    return Answer(_bytes(answer["raw"]), _bytes(answer["text"]), items)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(encoded: str | None) -> bytes:
    return base64.b64decode(encoded or "")
