"""A folder of YAML and JSON files → objects; no program is run.

Source: Argo CD 3.6, "Directory": which files count, include and exclude.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator

from secretsync.gitops.model import Object
from secretsync.gitops.sources.source_files import SourceFiles, objects_of
from secretsync.resources.application_spec import DirectoryOptions

__all__ = ["plain_key", "plain_objects"]

_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
_BRACES = re.compile(r"\{([^{}]*)\}")
#: Alternatives of one pattern; more would be a bomb.
_MAX_PATTERNS = 100


def plain_key(files: SourceFiles) -> tuple[str, ...]:
    """Return what the objects depend on."""
    return (files.id(files.folder), repr(files.source.directory))


def plain_objects(files: SourceFiles) -> list[Object]:
    """Return the objects of the folder, file by file.

    Raises:
        RenderError: a file of it is no good.
    """
    return [
        obj
        for path in _wanted(files)
        for obj in objects_of(files.disk(path).read_bytes(), file=path)
    ]


def _wanted(files: SourceFiles) -> Iterator[str]:
    options = files.source.directory or DirectoryOptions()
    include, exclude = _patterns(options.include), _patterns(options.exclude)
    start = f"{files.folder}/" if files.folder else ""
    for path in files.files(files.folder):
        relative = path.removeprefix(start)
        if "/" in relative and not options.recurse:
            continue
        known = posixpath.splitext(path)[1] in _SUFFIXES
        if not known and not options.disable_extension_filter:
            continue
        if include and not _fits(relative, include):
            continue
        if not (exclude and _fits(relative, exclude)):
            yield path


def _patterns(text: str) -> list[str]:
    """Expand `{a,b}`: the globs of Argo CD have it, Python's have not."""
    found = [text] if text else []
    while any(_BRACES.search(each) for each in found) and len(found) <= _MAX_PATTERNS:
        found = [each for pattern in found for each in _expanded(pattern)]
    return found


def _expanded(pattern: str) -> list[str]:
    match = _BRACES.search(pattern)
    if match is None:
        return [pattern]
    return [
        pattern[: match.start()] + choice + pattern[match.end() :] for choice in match[1].split(",")
    ]


def _fits(path: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)
