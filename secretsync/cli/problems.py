"""How problems are shown: blocks for people, one stable form for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import click

from secretsync.cluster.base import Cluster
from secretsync.resources.problems import Problem, render_problem

__all__ = ["broken_objects", "problem_json", "show_problems"]


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


def broken_objects(cluster: Cluster) -> Sequence[Problem]:
    """Return what a directory met and could not serve, and so left out of its lists."""
    from secretsync.cluster.directory import DirectoryCluster  # noqa: PLC0415 - --help stays light

    return cluster.broken() if isinstance(cluster, DirectoryCluster) else ()
