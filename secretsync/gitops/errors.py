"""What can go wrong between a repository and a rendered object; the class says what to do.

GitOpsError
├─ SourceError         the repository, the revision or what it holds must be corrected
│  └─ SourceForbidden  the credentials, or the project, must allow it
├─ SourceUnavailable   transient: ask again later; nothing is known meanwhile
└─ RenderError         what is in the repository cannot be rendered as it is
"""

from __future__ import annotations

from secretsync.errors import SecretSyncError

__all__ = ["GitOpsError", "RenderError", "SourceError", "SourceForbidden", "SourceUnavailable"]


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
