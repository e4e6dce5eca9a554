"""What can go wrong between a repository and a rendered object; the class says what to do.

GitOpsError
├─ SourceError         the repository, the revision or what it holds must be corrected
│  └─ SourceForbidden  the credentials, or the project, must allow it
├─ SourceUnavailable   transient: ask again later; nothing is known meanwhile
└─ RenderError         what is in the repository cannot be rendered as it is
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from secretsync.errors import SecretSyncError

__all__ = [
    "GitOpsError",
    "RenderError",
    "SourceError",
    "SourceForbidden",
    "SourceUnavailable",
    "about",
]


class GitOpsError(SecretSyncError):
    """Root of the errors of the GitOps loop; none of them is a reason to delete anything."""


class SourceError(GitOpsError):
    """The repository, the revision or the path does not exist, or is not what it must be."""


class SourceForbidden(SourceError):
    """Not allowed: credentials that are refused, or a protocol or host that is not served."""


class SourceUnavailable(GitOpsError):
    """The repository does not answer, or not in time; that says nothing about its content."""


class RenderError(GitOpsError):
    """What the repository holds cannot be rendered; retrying changes nothing."""


@contextlib.contextmanager
def about(what: str) -> Iterator[None]:
    """Have errors say what it was, of all that an application needs."""
    try:
        yield
    except GitOpsError as exc:
        raise type(exc)(f"{what}: {exc.message}", remedy=exc.remedy) from exc
