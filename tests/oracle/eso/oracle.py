"""Builds the oracle of External Secrets Operator's templates with Go, and asks it.

The program is text/template with sprig v3 and the libraries that the operator's own
functions stand on (go-pkcs12, jwx, sigs.k8s.io/yaml), built once for its sources.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.oracle.program import answers_of, built, from_base64, to_base64
from tests.oracle.template.oracle import Answer, function_names

__all__ = ["ask", "ask_maps", "build", "function_names"]

_SOURCES = Path(__file__).parent


def build() -> Path:
    """Return the oracle's path, building it where it is not there yet."""
    return built(_SOURCES, "eso-oracle")


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
    return [
        Answer(
            from_base64(answer["output"]), from_base64(answer["error"]).decode("utf-8", "replace")
        )
        for answer in answers_of(program, lines)
    ]
