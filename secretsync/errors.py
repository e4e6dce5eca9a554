"""The errors of secretsync itself; the class says what the caller must do.

    SecretSyncError
    ├─ ConfigError               fix the manifest or the flags; no retry until it changes
    │  └─ InputError             the input cannot be read at all
    └─ ClusterError              the target cluster refused or failed
       ├─ Conflict               somebody else wrote in between; read again and retry
       ├─ AlreadyExists          a create met an existing object
       ├─ NotFound               the object, or its kind, is not there
       ├─ Forbidden              permanent until RBAC changes
       ├─ Rejected               the object is refused as it is (validation, quota, admission)
       ├─ Gone                   a watch is too old; list again
       └─ ClusterUnavailable     transient; back off

`providers.base.ProviderError` is the root of what stores report.
"""

from __future__ import annotations

__all__ = [
    "AlreadyExists",
    "ClusterError",
    "ClusterUnavailable",
    "ConfigError",
    "Conflict",
    "Forbidden",
    "Gone",
    "InputError",
    "NotFound",
    "Rejected",
    "SecretSyncError",
]


class SecretSyncError(Exception):
    """Root of the errors that secretsync raises.

    Args:
        message: what is wrong; never carries a secret value.
        remedy: what the reader can do about it; may be empty.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    @property
    def sentence(self) -> str:
        """The message, and the remedy where there is one."""
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


class ConfigError(SecretSyncError):
    """The manifest or the flags are wrong; nothing changes until they do."""


class InputError(ConfigError):
    """The input cannot be read at all: a missing file, a broken document."""


class ClusterError(SecretSyncError):
    """The target cluster refused or failed."""


class Conflict(ClusterError):
    """Somebody else wrote in between; read again and decide anew."""


class AlreadyExists(ClusterError):
    """A create met an object of that name."""


class NotFound(ClusterError):
    """The object, its namespace or its kind does not exist."""


class Forbidden(ClusterError):
    """This identity may not do that; permanent until RBAC changes."""


class Rejected(ClusterError):
    """The cluster refuses the object as it is: validation, quota, admission, immutability."""


class Gone(ClusterError):
    """The resource version to watch from is too old; list again."""


class ClusterUnavailable(ClusterError):
    """The cluster cannot be reached, throttles, or failed inside.

    Args:
        retry_after_s: seconds the cluster asked to wait; None if it did not say.
    """

    def __init__(
        self, message: str, *, remedy: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after_s = retry_after_s
