"""How problems are shown: blocks for people, one stable form for scripts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from secretsync.resources.problems import Problem, render_problem

__all__ = ["problem_json", "show_problems"]


def show_problems(problems: Iterable[Problem]) -> None:
    """Print each problem as a block on standard error."""
    for problem in problems:
        click.echo(render_problem(problem), err=True)


def problem_json(problem: Problem) -> dict[str, Any]:
    """Return the stable JSON form of a problem."""
    return {
        "severity": str(problem.severity),
        "file": problem.file,
        "line": problem.line,
        "object": problem.object,
        "field": problem.field,
        "message": problem.message,
        "remedy": problem.remedy,
    }
