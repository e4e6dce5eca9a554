"""Builds the oracle of keys with Go, and asks it: expressions, JSON written again, cron.

The program is Go's own regexp and encoding/json, and the cron that ESO uses, built once
for its sources, under `.cache/tools/` of the repository.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.oracle.program import answers_of, built, from_base64, to_base64

__all__ = ["Answer", "Question", "ask", "build"]

_SOURCES = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Args:
        op: replace (ReplaceAllString), marshal (JSON written again), members (of an
            object, as values of keys), next (firing of a cron schedule).
        pattern: an expression, or a schedule.
        numbers: for JSON: numbers stay as they are written, else float64.
        html: for marshal: escape for HTML.
        at: for next: Unix seconds.
    """

    op: str
    pattern: str = ""
    text: bytes = b""
    template: str = ""
    numbers: bool = False
    html: bool = True
    at: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What Go says."""

    match: bool = False
    text: bytes = b""
    items: Mapping[str, bytes] = field(default_factory=dict)
    at: int = 0


def build() -> Path:
    """Return the oracle's path, building it where it is not there yet."""
    return built(_SOURCES, "keys-oracle")


def ask(program: Path, questions: Iterable[Question]) -> list[Answer | None]:
    """Return Go's answer to each question; None where it refuses."""
    lines = [
        json.dumps(
            {
                "op": each.op,
                "pattern": to_base64(each.pattern.encode("utf-8", "surrogatepass")),
                "text": to_base64(each.text),
                "template": to_base64(each.template.encode("utf-8", "surrogatepass")),
                "numbers": each.numbers,
                "html": each.html,
                "at": each.at,
            }
        )
        for each in questions
    ]
    return [
        Answer(
            answer["match"],
            from_base64(answer["text"]),
            {key: from_base64(value) for key, value in (answer["items"] or {}).items()},
            answer["at"],
        )
        if answer["ok"]
        else None
        for answer in answers_of(program, lines)
    ]
