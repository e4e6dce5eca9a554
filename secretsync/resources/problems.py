"""What is wrong with an input, in one form for every command and status."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Problem", "Severity", "errors", "render_problem"]


class Severity(enum.StrEnum):
    """Whether the object can be used in spite of the problem."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding about one place of one object.

    Args:
        message: what is wrong; never quotes a value that could be a secret.
        remedy: what to do about it.
        object: `Kind namespace/name`, or "" where the file itself is the problem.
        field: path such as `spec.data[0].remoteRef.key`, or "".
        file: as the user named it, `<stdin>`, or the cluster's name.
        line: 1-based, 0 where unknown.
    """

    message: str
    remedy: str = ""
    object: str = ""
    field: str = ""
    file: str = ""
    line: int = 0
    severity: Severity = Severity.ERROR


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems that make their object unusable."""
    return [problem for problem in problems if problem.severity is Severity.ERROR]


def render_problem(problem: Problem) -> str:
    """Return the block that people read: place, object, field, what, what to do."""
    place = f"{problem.file}:{problem.line}" if problem.line else problem.file
    head = ": ".join(part for part in (place, f"{problem.severity}") if part)
    lines = [f"{head}: {problem.message}"]
    if problem.object:
        lines.append(f"  object: {problem.object}")
    if problem.field:
        lines.append(f"  field:  {problem.field}")
    if problem.remedy:
        lines.append(f"  remedy: {problem.remedy}")
    return "\n".join(lines)
