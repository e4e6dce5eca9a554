"""Turns whatever the AWS SDK raises into one sentence and one class.

Neighbours: `error_codes` holds the tables; `calls` catches; the adapters turn a
`Fault` into the ProviderError of a ref. The service's own text is never copied: it
may quote what was sent, and with a broken proxy even what was answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from providers.aws.error_codes import CODES, SDK_CLASSES, UNKNOWN_OPERATION_CODES, iam_service
from providers.base import (
    AccessDenied,
    AuthFailed,
    InvalidRef,
    KeyUnusable,
    ProviderError,
    RateLimited,
    SecretNotFound,
    Unavailable,
)
from providers.showing import shown

__all__ = ["UNREADABLE", "Fault", "fault_of_code", "fault_of_exception"]

_KMS_REMEDY = (
    "enable the KMS key of the secret (aws kms enable-key, or cancel-key-deletion), and allow "
    "kms:Decrypt, to write kms:GenerateDataKey too, in its key policy and to this identity"
)

_CLOCK_REMEDY = "set this machine's clock: AWS accepts 5 minutes of difference"

#: What happened, as the verb of "AWS … <operation>".
_VERBS: dict[type[ProviderError], str] = {
    SecretNotFound: "finds no secret for",
    AccessDenied: "denies",
    AuthFailed: "does not accept the credentials for",
    InvalidRef: "refuses as invalid",
    KeyUnusable: "cannot use the KMS key for",
    RateLimited: "throttles",
    Unavailable: "cannot serve now",
}

_REMEDIES: dict[type[ProviderError], str] = {
    SecretNotFound: "check the key, the region and the account of the store",
    AuthFailed: "check the store's auth block, that its keys or token are valid and not expired",
    InvalidRef: "check the key and version of the reference and the store's options",
    KeyUnusable: _KMS_REMEDY,
}

_CODE_REMEDIES: dict[str, str] = {
    "PackedPolicyTooLarge": "use fewer or shorter session tags",
    "RegionDisabledException": "activate STS for this region in the account",
    "RequestExpired": _CLOCK_REMEDY,
    "RequestTimeTooSkewed": _CLOCK_REMEDY,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One failure, not yet attached to a ref.

    Args:
        kind: the class that says what the caller must do.
        code: AWS's error code, or the name of the SDK's exception.
        remedy: what the reader can do.
        definite: for SecretNotFound: the service is certain that the secret is absent.
        retry_after_s: for RateLimited: seconds that the service asked to wait.
    """

    kind: type[ProviderError]
    code: str
    remedy: str = ""
    definite: bool = False
    retry_after_s: float | None = None

    @property
    def unknown_operation(self) -> bool:
        """The endpoint does not implement the operation."""
        return self.code in UNKNOWN_OPERATION_CODES

    def error(self, operation: str, subject: str = "") -> ProviderError:
        """Return the error to report for `subject`, e.g. a key."""
        of = f' of "{shown(subject)}"' if subject else ""
        message = f"AWS {_VERBS[self.kind]} {operation}{of} ({self.code})"
        if issubclass(self.kind, RateLimited):
            return RateLimited(message, remedy=self.remedy, retry_after_s=self.retry_after_s)
        if issubclass(self.kind, SecretNotFound):
            return SecretNotFound(message, remedy=self.remedy, definite=self.definite)
        return self.kind(message, remedy=self._remedy_for(operation))

    def _remedy_for(self, operation: str) -> str:
        if self.kind is AccessDenied and not self.remedy:
            return f"allow {iam_service(operation)}:{operation} for this identity"
        return self.remedy


#: A reply that is cut off, is not JSON, or lacks what every reply of the kind has.
UNREADABLE = Fault(Unavailable, "unreadable reply", "look at proxies between here and AWS")


def fault_of_code(code: str, text: str = "", *, status: int = 400) -> Fault:
    """Classify an error code of the service.

    Args:
        code: as in `__type`, or `ErrorCode` of a batch entry.
        text: the service's message; read for hints, never copied.
        status: the HTTP status; decides where the code is not in the table.
    """
    kind = CODES.get(code) or _kind_of_status(status)
    remedy = _CODE_REMEDIES.get(code, _REMEDIES.get(kind, ""))
    if kind is AccessDenied and "kms" in text.lower():
        remedy = _KMS_REMEDY
    return Fault(kind, code or f"HTTP {status}", remedy, definite=_names_absence(code, text))


def fault_of_exception(exc: Exception) -> Fault:
    """Classify anything that a call of the SDK raised."""
    response = getattr(exc, "response", None)
    if isinstance(response, Mapping) and "Error" in response:
        return _fault_of_response(response)
    for ancestor in type(exc).__mro__:
        kind = SDK_CLASSES.get(ancestor.__name__)
        if kind is not None and ancestor.__module__ == "botocore.exceptions":
            return Fault(kind, type(exc).__name__, _sdk_remedy(kind, type(exc).__name__))
    if isinstance(exc, RuntimeError) and "expired" in str(exc):
        # How the SDK says that fresh temporary credentials look expired already.
        return Fault(AuthFailed, "credentials expired on arrival", _CLOCK_REMEDY)
    return UNREADABLE


def _fault_of_response(response: Mapping[str, Any]) -> Fault:
    error = response["Error"]
    meta = response.get("ResponseMetadata", {})
    status = int(meta.get("HTTPStatusCode", 400))
    code = str(error.get("Code", ""))
    # Without an error code the SDK puts the status in its place.
    code = f"HTTP {status}" if code == str(status) else code
    fault = fault_of_code(code, str(error.get("Message", "")), status=status)
    if fault.kind is not RateLimited:
        return fault
    return Fault(RateLimited, fault.code, retry_after_s=_retry_after_s(meta.get("HTTPHeaders")))


def _kind_of_status(status: int) -> type[ProviderError]:
    """Classify by status; an unknown client error is retried, as nothing says it is final.

    AWS names a code with each denial: a bare 401 or 403 comes from something in between.
    """
    return RateLimited if status == HTTPStatus.TOO_MANY_REQUESTS else Unavailable


def _names_absence(code: str, text: str) -> bool:
    """Tell a missing secret from a secret without the asked value.

    Both have the code ResourceNotFoundException; the message of the second speaks of
    a "secret value". The text can only take certainty away, never add it. Parameter Store
    has codes of its own for the two.
    """
    return (
        CODES.get(code) is SecretNotFound
        and code != "ParameterVersionNotFound"
        and "secret value" not in text
    )


def _sdk_remedy(kind: type[ProviderError], name: str) -> str:
    if name == "SSLError":
        return "check the endpoint's certificate and AWS_CA_BUNDLE"
    if kind is Unavailable:
        return "check the network path, DNS and proxy to the AWS endpoint"
    return _REMEDIES.get(kind, "")


def _retry_after_s(headers: object) -> float | None:
    """Read Retry-After: seconds, or a date compared with the reply's own Date header."""
    if not isinstance(headers, Mapping):
        return None
    text = str(headers.get("retry-after", "")).strip()
    if text.isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
        answered_at = parsedate_to_datetime(str(headers.get("date", "")))
        return max(0.0, (until - answered_at).total_seconds())
    except (TypeError, ValueError):
        return None
