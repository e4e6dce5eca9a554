"""`index.yaml` of a Helm repository: which versions of a chart there are, and where. Pure.

Neighbours: `chart_repositories` fetches it, `chart_versions` compares versions.

Source: Helm 3.19, "The Chart Repository Guide", the index file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import yaml

from secretsync.gitops.errors import SourceError

__all__ = ["ChartIndex", "IndexEntry", "parse_index"]

_MAX_DEPTH = 200
#: Each level of a document needs a column more, or a bracket.
_LONG = re.compile(rb"[^\r\n]{%d}" % _MAX_DEPTH)
_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SAFE):  # type: ignore[misc]  # in C if there is one, without types
    """Takes no merge keys: a few of them double a document again and again."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Leave a merge key as it is; nothing can be made of it then."""


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One version of a chart.

    Args:
        url: of its archive.
        digest: SHA-256 of the archive in hexadecimal digits; "" where the index has none.
    """

    version: str
    url: str
    digest: str


@dataclass(frozen=True, slots=True)
class ChartIndex:
    """The charts of a repository: by name, by version."""

    charts: Mapping[str, Mapping[str, IndexEntry]]

    def versions(self, chart: str) -> list[str]:
        """Return the versions of a chart.

        Raises:
            SourceError: there is no such chart.
        """
        found = self.charts.get(chart)
        if not found:
            raise SourceError(
                f"the chart repository has no chart {chart[:100]!r}",
                remedy="correct chart, or repoURL",
            )
        return list(found)


def parse_index(text: bytes, *, base_url: str) -> ChartIndex:
    """Read an index; what is no entry is left out, as Helm does.

    Args:
        base_url: of the repository, with a slash at its end; archives may be relative to it.

    Raises:
        SourceError: it is no index.
    """
    try:
        # The reader in C calls itself for each level, and would end the process.
        read = None if _too_deep(text) else yaml.load(text, Loader=_Loader)  # noqa: S506 - it is a safe loader
    except (yaml.YAMLError, ValueError, RecursionError):
        read = None
    entries = read.get("entries") if isinstance(read, dict) else None
    if not isinstance(entries, dict):
        raise SourceError(
            "what the chart repository has at index.yaml is no index of charts",
            remedy="correct repoURL, or see what stands before the repository",
        )
    found = {}
    for name, each in entries.items():
        listed = [_entry(one, base_url) for one in each] if isinstance(each, list) else []
        # Of a version that is there twice Helm takes the first one.
        found[_text(name)] = {one.version: one for one in reversed(listed) if one is not None}
    return ChartIndex(found)


def _too_deep(text: bytes) -> bool:
    brackets = text.count(b"[") + text.count(b"{")
    if brackets <= _MAX_DEPTH and _LONG.search(text) is None:
        return False
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            return True
    return False


def _entry(raw: Any, base_url: str) -> IndexEntry | None:
    urls = raw.get("urls") if isinstance(raw, dict) else None
    if not isinstance(urls, list) or not urls:
        return None
    version, url = _text(raw.get("version")), _text(urls[0])
    if not version or not url:
        return None
    digest = _text(raw.get("digest")).removeprefix("sha256:").lower()
    return IndexEntry(version, urljoin(base_url, url), digest)


def _text(value: Any) -> str:
    """Return a plain value as text; what aliases made of it may be without end."""
    return str(value) if isinstance(value, str | int | float) else ""
