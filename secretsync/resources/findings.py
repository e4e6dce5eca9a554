"""Collects the problems of one object while it is parsed.

Every parser of this package reports through it, so that all problems of an object are
found in one go and each names file, line, object and field.
"""

from __future__ import annotations

import re

from secretsync.resources.composer import Path, quoted
from secretsync.resources.documents import Origin
from secretsync.resources.problems import Problem, Severity

__all__ = ["Findings", "field_path"]

_PLAIN_SEGMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)


def field_path(path: Path) -> str:
    """Return a path as people write it: `spec.data[0]`, `metadata.labels["a/b"]`."""
    text = ""
    for segment in path:
        if isinstance(segment, int):
            text += f"[{segment}]"
        elif _PLAIN_SEGMENT.fullmatch(segment):
            text += f".{segment}" if text else segment
        else:
            text += f"[{quoted(segment)}]"
    return text


class Findings:
    """The problems of one object.

    Args:
        origin: where the object was written.
        object: `Kind namespace/name`, as far as it is known.
    """

    __slots__ = ("_origin", "_problems", "failed", "object")

    def __init__(self, origin: Origin, object: str = "") -> None:  # noqa: A002 - Problem's own word
        self._origin = origin
        self._problems: list[Problem] = []
        self.object = object
        self.failed = False

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything found so far."""
        return tuple(self._problems)

    @property
    def origin(self) -> Origin:
        """Where the object was written."""
        return self._origin

    def error(self, path: Path, message: str, remedy: str = "") -> None:
        """Record what makes the object unusable; never quote a value in it."""
        self.failed = True
        self._add(path, message, remedy, Severity.ERROR)

    def warning(self, path: Path, message: str, remedy: str = "") -> None:
        """Record what is wrong but does no harm."""
        self._add(path, message, remedy, Severity.WARNING)

    def _add(self, path: Path, message: str, remedy: str, severity: Severity) -> None:
        self._problems.append(
            Problem(
                message,
                remedy,
                object=self.object,
                field=field_path(path),
                file=self._origin.file,
                line=self._origin.line_of(path),
                severity=severity,
            )
        )
