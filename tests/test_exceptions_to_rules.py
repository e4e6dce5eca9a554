"""Whoever leaves a rule of the linters, or a line of the coverage, says why beside it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("secretsync", "sealing", "providers", "tests", "benchmarks", "examples")
MARK = re.compile(r"# ?(?:noqa|type: ignore|pragma: no cover)(?!\w)")
#: The rules that are left, by name, and then some words.
WITH_REASON = re.compile(
    r"# ?(?:noqa: [A-Z]+\d+(?:, ?[A-Z]+\d+)*|type: ignore\[[a-z, -]+\]|pragma: no cover)"
    r"(?: - | # ?|  # ?|  )[\w`-].+"
)


def test_every_exception_to_a_rule_says_why():
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")]
    assert len(files) > len(FOLDERS)
    lines = (
        (f"{file.relative_to(ROOT)}:{number}", line)
        for file in files
        if file != Path(__file__)
        for number, line in enumerate(file.read_text().splitlines(), start=1)
    )
    assert [at for at, line in lines if MARK.search(line) and not WITH_REASON.search(line)] == []
