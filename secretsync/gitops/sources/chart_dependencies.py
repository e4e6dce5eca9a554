"""What a chart of a repository says it needs, and does not hold in `charts/`.

Neighbours: `fetching` gets them, `helm_source` puts them where Helm looks.

Source: Helm 3.19, "Charts", chart dependencies: `Chart.yaml` and `Chart.lock`, or
`requirements.yaml` and `requirements.lock` of charts of version 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secretsync.gitops.errors import RenderError
from secretsync.gitops.sources.chart_versions import matches
from secretsync.gitops.sources.source_files import SourceFiles, objects_of

__all__ = ["AddedChart", "Dependency", "missing_dependencies"]

_PLACES = (("Chart.yaml", "Chart.lock"), ("requirements.yaml", "requirements.lock"))
_MAX_DEPENDENCIES = 100
#: NAME-VERSION.tgz, as Helm calls it.
_PACKED = re.compile(r"(.+?)-v?\d+\.\d+\.\d+\S*\.tgz")


@dataclass(frozen=True, slots=True)
class Dependency:
    """A chart that another one needs.

    Args:
        version: a range, or the version that the lock file has.
    """

    name: str
    version: str
    repository: str


@dataclass(frozen=True, slots=True)
class AddedChart:
    """A dependency that was fetched.

    Args:
        id: of what it holds.
    """

    name: str
    root: Path
    id: str


def missing_dependencies(files: SourceFiles) -> list[Dependency]:
    """Return what a chart needs and does not hold.

    Raises:
        RenderError: the chart, or its lock file, cannot be understood.
    """
    found: dict[tuple[str, str], Dependency] = {}
    held = set(_held(files))
    for name, lock in _PLACES:
        wanted = list(_listed(files, name))
        locked = {(each.name, each.repository): each.version for each in _listed(files, lock)}
        for each in wanted:
            # Without a repository it can be nowhere but in the chart: Helm says if it is not.
            if each.name in held or not each.repository:
                continue
            fixed = locked.get((each.name, each.repository))
            if locked and (fixed is None or not matches(fixed, each.version or "*")):
                raise RenderError(
                    f"{lock} does not fit {name}: {each.name[:100]} is another there",
                    remedy="run helm dependency update, and commit the lock file",
                )
            made = Dependency(each.name, fixed or each.version, each.repository)
            # One that is there twice, under two aliases, is one chart.
            found[made.name, made.version] = made
    if len(found) > _MAX_DEPENDENCIES:
        raise RenderError(
            f"the chart needs more than {_MAX_DEPENDENCIES} others", remedy="split the chart"
        )
    return list(found.values())


def _listed(files: SourceFiles, name: str) -> Iterator[Dependency]:
    path = _path(files, name)
    if path not in files.tree.entries:
        return
    documents = objects_of(files.disk(path).read_bytes(), file=path)
    listed = documents[0].get("dependencies") if documents else None
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and each.get("name"):
            yield _dependency(each)


def _dependency(raw: Mapping[str, Any]) -> Dependency:
    name, version, repository = (
        str(raw.get(field) or "") for field in ("name", "version", "repository")
    )
    if "/" in name or name.startswith("."):
        raise RenderError(f"{name[:100]!r} is no name of a chart", remedy="correct Chart.yaml")
    return Dependency(name, version, repository.rstrip("/"))


def _held(files: SourceFiles) -> Iterator[str]:
    """Yield the name of each chart in `charts/`: of a packed one as far as its name tells."""
    start = _path(files, "charts/")
    for path in files.files(start):
        name = path.removeprefix(start)
        if name.endswith(".tgz") and "/" not in name:
            packed = _PACKED.fullmatch(name)
            yield packed[1] if packed else name.removesuffix(".tgz")
        elif name.count("/") == 1 and name.endswith("/Chart.yaml"):
            documents = objects_of(files.disk(path).read_bytes(), file=path)
            yield str(documents[0].get("name") or "") if documents else ""


def _path(files: SourceFiles, name: str) -> str:
    return f"{files.folder}/{name}" if files.folder else name
