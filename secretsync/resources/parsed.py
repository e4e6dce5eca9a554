"""What parsing one object gives: the value, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from secretsync.resources.problems import Problem

__all__ = ["Parsed"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parsed(Generic[T]):
    """One parsed object.

    Args:
        value: the object; None exactly where `problems` holds an error.
        problems: every finding, errors and warnings, in order of discovery.
    """

    value: T | None
    problems: tuple[Problem, ...] = ()
