"""What adapters report: one class for each thing that the caller must do.

Neighbour: `base` offers these with the rest of the contract.

Error tree (the class says what the caller must do):

    ProviderError                 something is wrong with one ref or one store
    ├─ SecretNotFound             absent; the deletionPolicy decides
    ├─ AccessDenied               permanent until the permissions change
    ├─ AuthFailed                 permanent until the credentials change
    ├─ InvalidRef                 permanent until the reference or the store changes
    ├─ MalformedSecret            permanent until the secret changes upstream
    │  └─ KeyUnusable             permanent until the key that encrypts it can be used
    ├─ NotManaged                 a push met something that secretsync did not make
    └─ Unavailable                transient; back off and keep the last good value
       └─ RateLimited             transient; wait at least `retry_after_s`
"""

from __future__ import annotations

__all__ = [
    "AccessDenied",
    "AuthFailed",
    "InvalidRef",
    "KeyUnusable",
    "MalformedSecret",
    "NotManaged",
    "ProviderError",
    "RateLimited",
    "SecretNotFound",
    "Unavailable",
]


class ProviderError(Exception):
    """Root of everything an adapter reports.

    Args:
        message: what is wrong, in the service's terms, without any secret value.
        remedy: what the reader can do about it; may be empty.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class SecretNotFound(ProviderError):
    """The service says that the secret, or the asked version of it, does not exist.

    Args:
        definite: the service is certain (it is not an eventually consistent miss of
            a list, nor a denial in disguise). Only a definite absence may ever lead
            to a deletion.
        pending_deletion: the secret still exists but is scheduled for deletion.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        definite: bool = False,
        pending_deletion: bool = False,
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.definite = definite
        self.pending_deletion = pending_deletion


class AccessDenied(ProviderError):
    """The identity may not do this; permanent until its permissions change."""


class AuthFailed(ProviderError):
    """No identity could be established; permanent until the credentials change."""


class InvalidRef(ProviderError):
    """The service refuses the key, version or option; permanent until it changes."""


class MalformedSecret(ProviderError):
    """The service answered with a value that cannot be trusted or decrypted."""


class KeyUnusable(MalformedSecret):
    """The service cannot use the key that encrypts the secret: disabled, deleted or denied."""


class NotManaged(ProviderError):
    """A push or a delete met something at the service that secretsync did not make."""


class Unavailable(ProviderError):
    """Network, timeout or server fault: transient."""


class RateLimited(Unavailable):
    """The service throttles; wait `retry_after_s` (seconds, None if it did not say)."""

    def __init__(
        self, message: str, *, remedy: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after_s = retry_after_s
