"""Which answer of Google means what to the caller: two tables.

Neighbours: `calls` catches what the SDK raises and asks here; the rest of the room turns
a `Fault` into the ProviderError of a ref. Names only, no SDK. The service's own text is
never copied: it may quote what was sent, and with a broken proxy even what was answered.

Source: https://cloud.google.com/apis/design/errors and
https://cloud.google.com/secret-manager/docs/access-control
"""

from __future__ import annotations

from dataclasses import dataclass

from providers.base import (
    AccessDenied,
    AuthFailed,
    InvalidRef,
    MalformedSecret,
    ProviderError,
    RateLimited,
    SecretNotFound,
    Unavailable,
)
from providers.showing import shown

__all__ = [
    "CODES",
    "PERMISSIONS",
    "STATES",
    "Fault",
    "UnreadableVersion",
    "fault_of",
    "state_error",
]


class UnreadableVersion(MalformedSecret):
    """The version exists and is disabled or destroyed: neither a value nor an absence."""


#: gRPC status → what the caller must do. What is not here is taken for transient.
CODES: dict[str, type[ProviderError]] = {
    "NOT_FOUND": SecretNotFound,
    "PERMISSION_DENIED": AccessDenied,
    "UNAUTHENTICATED": AuthFailed,
    "INVALID_ARGUMENT": InvalidRef,
    "OUT_OF_RANGE": InvalidRef,
    "ALREADY_EXISTS": Unavailable,
    "FAILED_PRECONDITION": MalformedSecret,
    "DATA_LOSS": MalformedSecret,
    "RESOURCE_EXHAUSTED": RateLimited,
    "ABORTED": Unavailable,
    "CANCELLED": Unavailable,
    "DEADLINE_EXCEEDED": Unavailable,
    "INTERNAL": Unavailable,
    "UNAVAILABLE": Unavailable,
    "UNIMPLEMENTED": Unavailable,
    "UNKNOWN": Unavailable,
}

#: Operation → the permission that it needs.
PERMISSIONS: dict[str, str] = {
    "AccessSecretVersion": "secretmanager.versions.access",
    "AddSecretVersion": "secretmanager.versions.add",
    "CreateSecret": "secretmanager.secrets.create",
    "DeleteSecret": "secretmanager.secrets.delete",
    "GetSecret": "secretmanager.secrets.get",
    "GetSecretVersion": "secretmanager.versions.get",
    "ListSecretVersions": "secretmanager.versions.list",
    "ListSecrets": "secretmanager.secrets.list",
    "UpdateSecret": "secretmanager.secrets.update",
}

#: State of a version that has no payload → what to do about it.
STATES: dict[str, str] = {
    "DISABLED": "enable it, or add a version",
    "DESTROYED": "add a version",
}

#: Reasons (ErrorInfo) of a denial that is about the whole project, with their remedies.
_PROJECT_REASONS: dict[str, str] = {
    "SERVICE_DISABLED": "enable secretmanager.googleapis.com in the project",
    "BILLING_DISABLED": "enable billing in the project",
    "CONSUMER_INVALID": "check spec.provider.gcpsm.projectID",
    "CONSUMER_SUSPENDED": "the project is suspended; ask its owner",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": "give this machine the scope cloud-platform",
}

_VERBS: dict[type[ProviderError], str] = {
    SecretNotFound: "finds nothing for",
    AccessDenied: "denies",
    AuthFailed: "does not accept the credentials for",
    InvalidRef: "refuses as invalid",
    MalformedSecret: "cannot give what is asked by",
    RateLimited: "throttles",
    Unavailable: "cannot serve now",
}

_REMEDIES: dict[type[ProviderError], str] = {
    SecretNotFound: "check the key, the version, and the store's projectID and location",
    AuthFailed: "check the store's auth block, that its key or token is valid and not expired",
    InvalidRef: "check the key and version of the reference and the store's options",
    MalformedSecret: "check that the version and the key that encrypts it are enabled",
}

_CODE_REMEDIES: dict[str, str] = {
    "UNAVAILABLE": "check the network path, DNS and proxy to Google's endpoint",
    "UNIMPLEMENTED": "check the store's location, and proxies between here and Google",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One failure, not yet attached to a ref.

    Args:
        kind: the class that says what the caller must do.
        code: the gRPC status, or the reason that the service gives for it.
        remedy: what the reader can do.
        retry_after_s: for RateLimited: seconds that the service asked to wait.
    """

    kind: type[ProviderError]
    code: str
    remedy: str = ""
    retry_after_s: float | None = None

    @property
    def concerns_project(self) -> bool:
        """A denial that no other secret of the project would escape."""
        return self.code in _PROJECT_REASONS

    def error(self, operation: str, subject: str = "") -> ProviderError:
        """Return the error to report for `subject`, e.g. a key."""
        if self.code in STATES:
            return state_error(self.code, subject)
        of = f' of "{shown(subject)}"' if subject else ""
        message = f"Google {_VERBS[self.kind]} {operation}{of} ({self.code})"
        if issubclass(self.kind, RateLimited):
            return RateLimited(message, retry_after_s=self.retry_after_s)
        if self.kind is AccessDenied and not self.remedy:
            permission = PERMISSIONS.get(operation, operation)
            # One answer stands for both, so that names cannot be guessed.
            return AccessDenied(
                f"{message}: it is not allowed, or does not exist",
                remedy=f"allow {permission} to this identity, and check the key",
            )
        return self.kind(message, remedy=self.remedy)


def state_error(state: str, key: str, *, version: str = "") -> UnreadableVersion:
    """Return why a version that exists cannot be read: it never counts as absent.

    Args:
        state: DISABLED or DESTROYED.
        key: of its secret.
        version: its number, where that is known.
    """
    which = f"version {shown(version)}" if version else "the asked version"
    return UnreadableVersion(
        f'{which} of "{shown(key)}" is {state.lower()} at Google',
        remedy=f"{STATES[state]}; or choose secretVersionSelectionPolicy: LatestOrFetch",
    )


def fault_of(
    code: str,
    *,
    reason: str = "",
    state: str = "",
    too_large: bool = False,
    retry_after_s: float | None = None,
) -> Fault:
    """Classify one answer.

    Args:
        code: name of the gRPC status.
        state: of the version, where the answer names one of `STATES`.
        reason: of the ErrorInfo that came with it.
        too_large: the answer was larger than this side takes.
        retry_after_s: of the RetryInfo that came with it.
    """
    if too_large:
        return Fault(MalformedSecret, "the answer is too large", "see what the service sends")
    kind = CODES.get(code, Unavailable)
    if code == "FAILED_PRECONDITION" and state in STATES:
        return Fault(kind, state, STATES[state])
    if kind is AccessDenied and reason in _PROJECT_REASONS:
        return Fault(kind, reason, _PROJECT_REASONS[reason])
    remedy = _CODE_REMEDIES.get(code, _REMEDIES.get(kind, ""))
    return Fault(kind, code, remedy, retry_after_s if kind is RateLimited else None)
