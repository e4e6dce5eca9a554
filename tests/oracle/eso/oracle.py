"""Asks the template oracle what External Secrets Operator's templates give."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.oracle.program import to_base64
from tests.oracle.template.oracle import Answer, build, read_answers
from tests.oracle.template.oracle import function_names as names_of

__all__ = ["ask", "ask_maps", "build", "function_names"]


def function_names(program: Path) -> frozenset[str]:
    """Return the names of the functions that the operator gives to templates."""
    return names_of(program, sealed=False)


def ask(program: Path, texts: Iterable[str], data: Mapping[str, bytes]) -> list[Answer]:
    """Return what Go renders each template to."""
    return _ask(program, texts, data, as_map=False)


def ask_maps(program: Path, texts: Iterable[str], data: Mapping[str, bytes]) -> list[Answer]:
    """Return the map of strings that Go reads what each renders to as; in JSON."""
    return _ask(program, texts, data, as_map=True)


def _ask(
    program: Path, texts: Iterable[str], data: Mapping[str, bytes], *, as_map: bool
) -> list[Answer]:
    values = {key: to_base64(value) for key, value in data.items()}
    lines = [
        json.dumps({"name": "k", "text": to_base64(text.encode()), "data": values, "map": as_map})
        for text in texts
    ]
    return read_answers(program, lines)
