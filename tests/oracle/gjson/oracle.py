"""Builds the oracle with Go and asks it what gjson and Go's own packages do.

The program is built once for its sources, under `.cache/tools/` of the repository.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.oracle.program import answers_of, built, from_base64, to_base64

__all__ = ["Answer", "Question", "ask", "build"]

_SOURCES = Path(__file__).parent


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
    return built(_SOURCES, "gjson-oracle")


def ask(program: Path, questions: Iterable[Question]) -> list[Answer | None]:
    """Return Go's answer to each question; None where there is no value, or an error."""
    lines = [
        json.dumps({"op": q.op, "input": to_base64(q.input), "path": to_base64(q.path)})
        for q in questions
    ]
    return [_answer(answer) for answer in answers_of(program, lines)]


def _answer(answer: dict[str, Any]) -> Answer | None:
    if "panic" in answer:
        raise AssertionError(f"the oracle panicked: {answer['panic']}")
    if not answer["ok"]:
        return None
    items = {key: from_base64(value) for key, value in (answer["items"] or {}).items()}
    return Answer(from_base64(answer["raw"]), from_base64(answer["text"]), items)
