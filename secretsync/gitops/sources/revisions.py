"""Which reference of a repository a `targetRevision` means. Pure.

Neighbours: `repositories` has the references, `git_objects` asks whether it is a tag.

Source: git-rev-parse, "Specifying revisions"; Argo CD 3.6, "Tracking strategies", for ranges
of versions, and `tagPrefix`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from secretsync.gitops.errors import SourceError
from secretsync.gitops.sources.chart_versions import best_version

__all__ = ["commit_at", "reference_of", "short_revision"]

_TAGS = "refs/tags/"
_OBJECT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
#: What ls-remote adds to the name of an annotated tag, for what it is a tag of.
_PEELED = "^{}"


def reference_of(refs: Mapping[str, str], wanted: str, *, tag_prefix: str = "") -> str | None:
    """Return the name of a reference; None where there is none.

    Args:
        refs: of the repository, as `git ls-remote` lists them.
        wanted: the name of one, in full or not, or a range of versions for tags.
        tag_prefix: tags are versions behind it, and others are none.
    """
    for name in (wanted, f"refs/heads/{wanted}", f"{_TAGS}{wanted}"):
        if name in refs:
            return name
    start = f"{_TAGS}{tag_prefix}"
    names = [name for name in refs if name.startswith(start) and not name.endswith(_PEELED)]
    versions = {name.removeprefix(start): name for name in names}
    try:
        best = best_version(versions, wanted.removeprefix(tag_prefix))
    except SourceError:
        return None  # It is no range: somebody misspelt a name.
    return None if best is None else versions[best]


def commit_at(refs: Mapping[str, str], name: str) -> str:
    """Return the commit that a reference is at, behind an annotated tag too."""
    return refs.get(f"{name}{_PEELED}") or refs[name]


def short_revision(revision: str) -> str:
    """Return a revision as people read it: of a commit the beginning, a version as it is."""
    algorithm, colon, digest = revision.rpartition(":")
    short = digest[:7] if _OBJECT_ID.fullmatch(digest) else digest
    return f"{algorithm}{colon}{short}"
