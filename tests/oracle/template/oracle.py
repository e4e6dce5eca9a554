"""Builds the template oracle with Go and asks it what Sealed Secrets' templates give.

The program is text/template with sprig v3, and the libraries that External Secrets
Operator's own functions stand on (go-pkcs12, jwx, sigs.k8s.io/yaml). It is built once for
its sources, under `.cache/tools/` of the repository. Neighbour: `tests.oracle.eso` asks it
for the other dialect.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.oracle.program import answers_of, built, from_base64, to_base64

__all__ = ["Answer", "Question", "ask", "build", "function_names", "read_answers"]

_SOURCES = Path(__file__).parent


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
    return built(_SOURCES, "template-oracle")


def ask(program: Path, questions: Iterable[Question]) -> list[Answer]:
    """Return Go's answer to each question."""
    lines = [
        json.dumps(
            {
                "sealed": True,
                "name": question.name,
                "text": to_base64(question.text.encode()),
                "data": {key: to_base64(value) for key, value in question.data.items()},
            }
        )
        for question in questions
    ]
    return read_answers(program, lines)


def read_answers(program: Path, lines: list[str]) -> list[Answer]:
    """Return Go's answer to each question as it is sent, in JSON."""
    return [
        Answer(
            from_base64(answer["output"]), from_base64(answer["error"]).decode("utf-8", "replace")
        )
        for answer in answers_of(program, lines)
    ]


def function_names(program: Path, *, sealed: bool = True) -> frozenset[str]:
    """Return the names of the functions that templates are given.

    Args:
        sealed: by Sealed Secrets, and not by External Secrets Operator.
    """
    (answer,) = answers_of(program, [json.dumps({"name": "", "sealed": sealed})])
    return frozenset(answer["names"])
