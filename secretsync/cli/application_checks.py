"""Applications and AppProjects among the documents that `validate` checks.

The other verbs take no Applications from files: `app` does, one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from secretsync.resources.app_project import parse_app_project
from secretsync.resources.application import ARGO_GROUP, parse_application
from secretsync.resources.documents import Document
from secretsync.resources.parsed import Parsed
from secretsync.resources.problems import Problem

__all__ = ["Checked", "check_applications"]

_PARSERS: Mapping[str, Callable[..., Parsed[Any]]] = {
    "Application": parse_application,
    "AppProject": parse_app_project,
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found.

    Args:
        others: the documents that are neither.
        good: `Kind namespace/name` of each good one.
    """

    others: tuple[Document, ...]
    good: frozenset[str]
    problems: tuple[Problem, ...]


def check_applications(documents: Iterable[Document], *, default_namespace: str) -> Checked:
    """Parse and check every Application and AppProject.

    Args:
        default_namespace: of objects that name none.
    """
    others: list[Document] = []
    good: set[str] = set()
    problems: list[Problem] = []
    for document in documents:
        parser = _parser(document.value)
        if parser is None:
            others.append(document)
            continue
        parsed = parser(document, default_namespace=default_namespace)
        problems += parsed.problems
        if parsed.value is not None:
            good.add(str(parsed.value.ref))
    return Checked(tuple(others), frozenset(good), tuple(problems))


def _parser(value: Mapping[str, Any]) -> Callable[..., Parsed[Any]] | None:
    version, kind = value.get("apiVersion"), value.get("kind")
    if not isinstance(version, str) or not isinstance(kind, str):
        return None
    return _PARSERS.get(kind) if version.partition("/")[0] == ARGO_GROUP else None
