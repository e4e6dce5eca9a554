"""What an API server's refusal means: HTTP status and reason → ClusterError.

Pure functions over the answer; kubernetes.py raises what they return. The server's
own sentence is passed on because it names the cause, except where it may quote
what was written: of a refused Secret or ConfigMap only field names and reasons.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from secretsync.cluster.base import Kind
from secretsync.cluster.kubernetes_http import retry_after_s
from secretsync.errors import (
    AlreadyExists,
    ClusterError,
    ClusterUnavailable,
    Conflict,
    Forbidden,
    Gone,
    NotFound,
    Rejected,
)

__all__ = ["Answer", "Status", "error_of", "is_absent", "is_unserved", "parse_status"]

MESSAGE_CHARS = 256

#: Kinds whose fields may be secret values.
_VALUE_PLURALS = frozenset({"secrets", "configmaps"})
#: Validation causes whose message names a rule and quotes nothing.
_QUOTELESS_CAUSES = frozenset({"FieldValueForbidden", "FieldValueRequired"})
#: Every authorizer's denial reads so; admission's 403 does not.
_AUTHORIZER = re.compile(r"\b[Uu]ser \".*\" (cannot |\(groups=|is attempting )")
#: Reasons whose sentence names objects, versions, managers and fields only.
_QUOTELESS_REASONS = frozenset({"AlreadyExists", "Conflict", "NotFound"})
#: Of the many sentences behind a 403, those that name limits and namespaces only.
_QUOTELESS_DENIAL = re.compile(r"exceeded quota: |because it is being terminated")
#: Server-side apply answers 500 to an object that does not fit its kind's schema.
_UNTYPED = re.compile(r"failed to (create typed patch object|convert new object|prune fields)")
_UNTYPED_FIELD = re.compile(r" (\.[\w.\[\]\"=-]+): (expected \w+|field not declared in schema)")
_WEBHOOK = re.compile(r"admission webhook \"[^\"]*\" denied the request")


class _Cause(msgspec.Struct):
    reason: str = ""
    message: str = ""
    field: str = ""


class _Details(msgspec.Struct, rename="camel"):
    name: str = ""
    kind: str = ""
    causes: list[_Cause] | None = None
    retry_after_seconds: int = 0


class Status(msgspec.Struct):
    """The parts of a `v1.Status` that decide what an error means."""

    kind: str = ""
    reason: str = ""
    message: str = ""
    code: int = 0
    details: _Details | None = None

    @property
    def causes(self) -> list[_Cause]:
        """`details.causes`, or nothing."""
        return (self.details.causes if self.details else None) or []


class Answer(msgspec.Struct, frozen=True):
    """A refusal: what was tried, and what came back.

    Args:
        attempt: for messages: "create Secret default/db in kube:prod".
        kind: what it was about.
        http_status: of the response, or of an ERROR event.
        status: the decoded body.
        headers: of the response.
        is_write: whether an object was sent, which the message may then quote.
    """

    attempt: str
    kind: Kind
    http_status: int
    status: Status
    headers: Mapping[str, str] = {}
    is_write: bool = False


_STATUS = msgspec.json.Decoder(Status)


def parse_status(body: bytes) -> Status:
    """Decode an error body; one that is no Status (a proxy's page) gives an empty one."""
    try:
        status = _STATUS.decode(body)
    except msgspec.DecodeError:
        return Status()
    return status if status.kind == "Status" else Status()


def is_absent(http_status: int, status: Status, name: str) -> bool:
    """Whether the API server itself says that the object called `name` does not exist.

    A 404 of a proxy, or for a kind that is not served, is not that.
    """
    return (
        http_status == 404
        and status.reason == "NotFound"
        and status.details is not None
        and status.details.name == name
    )


def is_unserved(http_status: int, status: Status) -> bool:
    """Whether an answer may mean that the kind itself is not served."""
    return http_status == 404 and (status.details is None or not status.details.name)


def error_of(answer: Answer) -> ClusterError:
    """Return the error that says what the caller must do about a refusal."""
    code, reason = answer.http_status, answer.status.reason
    if code == 500 and _UNTYPED.match(answer.status.message):
        return Rejected(_message(answer), remedy=_rejected_remedy(code))
    if code in (429, 408) or code >= 500:
        return ClusterUnavailable(
            _message(answer),
            remedy="the service tries again by itself; run a command again later",
            retry_after_s=_retry_after_s(answer),
        )
    if code == 401:
        return Forbidden(
            f"cannot {answer.attempt}: the API server does not accept the credentials (HTTP 401)",
            remedy="log in again, or renew the token or certificate of this context",
        )
    if code == 403:
        return _of_403(answer)
    if code == 404:
        return _of_404(answer)
    if code == 409:
        return (AlreadyExists if reason == "AlreadyExists" else Conflict)(_message(answer))
    if code == 410:
        return Gone(_message(answer), remedy="list again")
    if reason == "Invalid" and {cause.field for cause in answer.status.causes} == {"metadata.uid"}:
        # How the server says that the object of this name is another one by now.
        return Conflict(f"cannot {answer.attempt}: the object was replaced by another one")
    if 400 <= code < 500:
        return Rejected(_message(answer), remedy=_rejected_remedy(code))
    return ClusterUnavailable(
        f"cannot {answer.attempt}: unexpected HTTP {code}",
        remedy="check that the server address of this context is a Kubernetes API",
    )


def _of_403(answer: Answer) -> ClusterError:
    """RBAC says no to the identity; admission says no to the object."""
    message = answer.status.message
    if not message or _AUTHORIZER.search(message):
        return Forbidden(
            f"cannot {answer.attempt}: {_cut(message) or 'HTTP 403'}",
            remedy="grant this identity the verb on the resource (RBAC)",
        )
    return Rejected(_message(answer), remedy="the cluster's policy or quota must allow it first")


def _of_404(answer: Answer) -> ClusterError:
    if is_unserved(answer.http_status, answer.status):
        kind = answer.kind
        return NotFound(
            f"cannot {answer.attempt}: the API server does not serve {kind.kind}"
            f" ({kind.api_version}), or not this part of it",
            remedy="install the CustomResourceDefinition, or check the server address",
        )
    return NotFound(_message(answer))


def _rejected_remedy(code: int) -> str:
    return "make the object smaller" if code == 413 else "correct the object"


def _message(answer: Answer) -> str:
    status = answer.status
    detail = _quoteless(status) if _may_quote_values(answer) else _cut(status.message)
    return f"cannot {answer.attempt}: {detail or status.reason or f'HTTP {answer.http_status}'}"


def _may_quote_values(answer: Answer) -> bool:
    kind = answer.kind
    return answer.is_write and kind.group == "" and kind.plural in _VALUE_PLURALS


def _quoteless(status: Status) -> str:
    """What may be said about refused values: reason, fields, and fixed sentences."""
    if status.reason == "Invalid":
        return _cut("invalid: " + ", ".join(map(_quoteless_cause, status.causes)))
    if field := _UNTYPED_FIELD.search(status.message):
        return _cut(f"{field[1]}: {field[2]}")
    if _UNTYPED.match(status.message):
        return "the object does not fit its kind"
    if webhook := _WEBHOOK.search(status.message):
        return webhook[0]
    if status.reason in _QUOTELESS_REASONS or _QUOTELESS_DENIAL.search(status.message):
        return _cut(status.message.partition("Invalid value")[0].partition("denied request")[0])
    return status.reason


def _quoteless_cause(cause: _Cause) -> str:
    detail = cause.message if cause.reason in _QUOTELESS_CAUSES else cause.reason
    return f"{cause.field} ({detail})" if cause.field else detail


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MESSAGE_CHARS else line[: MESSAGE_CHARS - 1] + "…"


def _retry_after_s(answer: Answer) -> float | None:
    header_s = retry_after_s(answer.headers)
    if header_s is not None:
        return header_s
    details = answer.status.details
    return float(details.retry_after_seconds) if details and details.retry_after_seconds else None
