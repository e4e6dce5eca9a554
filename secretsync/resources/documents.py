"""Text becomes documents: plain dictionaries that know where they were written.

One broken document stops its file, and only that. Problems name file and line and
never quote the text, because any line of it may be a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from secretsync.resources.composer import Composed, Path, compose
from secretsync.resources.document_text import MAX_FILE_BYTES, decode_text, expand_lists
from secretsync.resources.json_events import NotJsonError, json_events, looks_like_json
from secretsync.resources.problems import Problem
from secretsync.resources.text_events import TextError

__all__ = ["MAX_FILE_BYTES", "Document", "Origin", "load_documents"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an object was written.

    Args:
        file: as the user named it, `<stdin>`, or the cluster's name.
        lines: 1-based line of each path; empty for objects of a cluster.
    """

    file: str
    lines: Mapping[Path, int] = field(default_factory=dict, repr=False)

    def line_of(self, path: Path) -> int:
        """Return the line of a path or of its nearest known ancestor, 0 where unknown."""
        for end in range(len(path), -1, -1):
            line = self.lines.get(path[:end])
            if line is not None:
                return line
        return 0


@dataclass(frozen=True, slots=True)
class Document:
    """One object as written. Its repr hides the value, which may hold secrets."""

    value: dict[str, Any] = field(repr=False)
    origin: Origin


def load_documents(text: bytes, *, file: str) -> tuple[list[Document], list[Problem]]:
    """Read every object of a YAML or JSON file; lists of objects are expanded.

    Args:
        text: the file's content.
        file: how problems name the file.

    Returns:
        The objects and the problems. A file that does not parse gives no object and
        one problem; a file without objects gives neither.
    """
    try:
        return _objects(_composed(decode_text(text)), file)
    except TextError as exc:
        return [], [Problem(exc.message, exc.remedy, file=file, line=exc.line)]


def _composed(text: str) -> list[Composed]:
    if looks_like_json(text):
        try:
            return list(compose(json_events(text)))
        except NotJsonError:
            pass  # a YAML flow mapping opens the same way
    from secretsync.resources.yaml_events import yaml_events  # noqa: PLC0415 - JSON needs none

    return list(compose(yaml_events(text)))


def _objects(parts: list[Composed], file: str) -> tuple[list[Document], list[Problem]]:
    documents: list[Document] = []
    problems: list[Problem] = []
    for part in parts:
        if part.value is None:
            continue
        for item in expand_lists(part):
            origin = Origin(file, item.lines)
            if isinstance(item.value, dict):
                documents.append(Document(item.value, origin))
            else:
                problems.append(_not_an_object(origin))
    return documents, problems


def _not_an_object(origin: Origin) -> Problem:
    return Problem(
        "an entry of a List is not an object",
        "write each entry under items as a whole object",
        file=origin.file,
        line=origin.line_of(()),
    )
