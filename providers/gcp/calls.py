"""The one place where the client of Secret Manager is called.

Counts each request, gives it its token and its deadline, classifies failures, and takes
nothing for an answer that is none. Neighbours: `errors` classifies; `tokens` holds the
identity; `channel` makes the client.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import grpc  # type: ignore[import-untyped]  # ships no types
from google.api_core.exceptions import GoogleAPICallError
from google.rpc.error_details_pb2 import (  # type: ignore[import-untyped]  # ships no types
    RetryInfo,
)

from providers.base import CallObserver, ProviderError, RateLimited, Unavailable
from providers.gcp.errors import STATES, Fault, fault_of

__all__ = ["CallError", "Calls"]

#: Of a whole call, whatever the server does meanwhile; a list page takes the longest.
DEADLINE_S = 15.0


class Bearer(Protocol):
    """Who makes a request."""

    def token(self) -> str:
        """Return an access token that is good now.

        Raises:
            ProviderError: there is none.
        """
        ...


class CallError(Exception):
    """A request failed; `fault` says how. The adapter turns it into a ProviderError."""

    def __init__(self, fault: Fault, operation: str, login: ProviderError | None = None) -> None:
        super().__init__(f"{operation}: {fault.code}")
        self.fault = fault
        self.operation = operation
        self._login = login

    @property
    def unsent(self) -> bool:
        """It never got as far as the service, as there was no token."""
        return self._login is not None

    @property
    def transient(self) -> bool:
        """It may work in a while, for whatever is asked."""
        return issubclass(self.fault.kind, Unavailable)

    def error(self, subject: str = "") -> ProviderError:
        """Return the error for `subject`; what the login reported is the same for all."""
        if isinstance(self._login, RateLimited):
            return RateLimited(self._login.message, retry_after_s=self._login.retry_after_s)
        if self._login is not None:
            return type(self._login)(self._login.message, remedy=self._login.remedy)
        return self.fault.error(self.operation, subject)


class Calls:
    """Runs methods of the client.

    Args:
        bearer: gives the token of each request.
        observe: is told of each request.
        deadline_s: of one call.
    """

    def __init__(
        self, bearer: Bearer, observe: CallObserver, *, deadline_s: float = DEADLINE_S
    ) -> None:
        self._bearer = bearer
        self._observe = observe
        self._deadline_s = deadline_s

    def run(self, operation: str, method: Callable[..., Any], request: Any) -> Any:
        """Call `method` once.

        Args:
            operation: as metrics name it.
            method: of the client.
            request: its message.

        Returns:
            The answer's message.

        Raises:
            CallError: for whatever the client raised, and where there is no token.
        """
        try:
            token = self._bearer.token()
        except ProviderError as exc:
            # Nothing was sent for this operation; the login counted its own request.
            raise CallError(Fault(type(exc), "login"), operation, exc) from None
        try:
            answer = method(
                request=request,
                retry=None,
                timeout=self._deadline_s,
                metadata=(("authorization", f"Bearer {token}"),),
            )
        except Exception as exc:  # noqa: BLE001 - the SDK lets built-in errors through
            fault = _fault(exc)
        else:
            self._observe(operation, "success")
            return answer
        self._observe(operation, "error")
        # Outside of the handler: the SDK's exception holds the call with its token.
        raise CallError(fault, operation)


def _fault(exc: Exception) -> Fault:
    if not isinstance(exc, GoogleAPICallError):
        return fault_of("UNKNOWN")
    code = exc.grpc_status_code
    name = code.name if isinstance(code, grpc.StatusCode) else "UNKNOWN"
    # The text is read for hints and never copied.
    text = str(exc.message)
    return fault_of(
        name,
        reason=exc.reason or "",
        state=next((state for state in STATES if f"{state} state" in text), ""),
        too_large=name == "RESOURCE_EXHAUSTED" and "larger than max" in text,
        retry_after_s=_retry_after_s(exc),
    )


def _retry_after_s(exc: GoogleAPICallError) -> float | None:
    for detail in exc.details:
        if isinstance(detail, RetryInfo):
            delay = detail.retry_delay
            return float(max(0.0, delay.seconds + delay.nanos / 1e9))
    return None
