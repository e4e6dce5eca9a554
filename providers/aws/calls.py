"""The one place where the AWS SDK is called: counts each request, classifies failures.

Neighbours: `errors` classifies; the adapters of the services and `session` call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from providers.aws.errors import Fault, fault_of_exception
from providers.base import AuthFailed, CallObserver, ProviderError, RateLimited, Unavailable

__all__ = ["CallError", "Calls", "LoginError", "concerns_all", "one_by_one"]

_T = TypeVar("_T")


class CallError(Exception):
    """A request failed; `fault` says how. Adapters turn it into a ProviderError."""

    def __init__(self, fault: Fault, operation: str) -> None:
        super().__init__(f"{operation}: {fault.code}")
        self.fault = fault
        self.operation = operation

    def error(self, subject: str = "") -> ProviderError:
        """Return the error for `subject`, with the SDK's own exception as its cause."""
        error = self.fault.error(self.operation, subject)
        error.__cause__ = self.__cause__
        return error


class LoginError(CallError):
    """A request was never sent, because no credentials could be had for it."""

    def __init__(self, error: ProviderError, operation: str) -> None:
        super().__init__(Fault(type(error), "login"), operation)
        self._error = error

    def error(self, subject: str = "") -> ProviderError:
        """Return what the login reported; it is the same for every subject."""
        return self._error


def concerns_all(fault: Fault) -> bool:
    """Return whether a fault is the service's or the login's: single reads would meet it too."""
    return issubclass(fault.kind, Unavailable | AuthFailed)


def _reported(failed: CallError, name: str) -> ProviderError:
    return failed.error(name)


def one_by_one(
    names: Iterable[str],
    ask: Callable[[str], _T | ProviderError],
    explain: Callable[[CallError, str], _T | ProviderError] = _reported,
) -> dict[str, _T | ProviderError]:
    """Ask for each name by itself, until that is hopeless.

    Args:
        ask: sends the request for one name; may raise CallError.
        explain: the answer for a name whose request failed; by itself what was reported.

    Returns:
        An answer for each name.
    """
    answers: dict[str, _T | ProviderError] = {}
    failures: list[CallError] = []
    for name in names:
        if _is_hopeless(failures):
            # More of the same would only wait longer, or be throttled harder.
            answers[name] = failures[-1].error(name)
            continue
        try:
            answers[name] = ask(name)
        except CallError as failed:
            answers[name] = explain(failed, name)
            if concerns_all(failed.fault):
                failures.append(failed)
    return answers


def _is_hopeless(failures: Sequence[CallError]) -> bool:
    """Return whether to stop asking one by one, given the failures that concern all so far.

    One secret may fail by itself; throttling, a refused login and a second failure do not.
    """
    return len(failures) > 1 or any(
        issubclass(failed.fault.kind, RateLimited | AuthFailed) for failed in failures
    )


class Calls:
    """Runs SDK methods and reports each to an observer."""

    def __init__(self, observe: CallObserver) -> None:
        self._observe = observe

    def run(
        self, operation: str, method: Callable[..., Any], /, **params: Any
    ) -> Mapping[str, Any]:
        """Call `method` once.

        Returns:
            The parsed reply; possibly without any of its fields, as the SDK takes a body
            that is not JSON for an empty one.

        Raises:
            CallError: for whatever the SDK raised, its parser included, and for what the
                refresh of the credentials reported.
        """
        try:
            reply = method(**params)
        except ProviderError as exc:
            # Nothing was sent for this operation; the login counted its own request.
            raise LoginError(exc, operation) from exc
        except Exception as exc:  # noqa: BLE001 - the SDK's parser raises bare built-in errors
            caught = exc
        else:
            self._observe(operation, "success")
            return reply if isinstance(reply, Mapping) else {}
        self._observe(operation, "error")
        # Raised outside the except block, so that no context is kept by accident.
        failed = CallError(fault_of_exception(caught), operation)
        raise failed from _showable(caught)


def _showable(exc: Exception) -> Exception | None:
    """Return the exception where it is safe to keep as a cause.

    A decoding error carries the whole reply, and the SDK quotes a body that it could
    not parse: neither may live on in an error that someone prints.
    """
    response = getattr(exc, "response", None)
    if isinstance(response, Mapping):
        code = str(response.get("Error", {}).get("Code", ""))
        return exc if code and not code.isdigit() else None
    return exc if type(exc).__module__ == "botocore.exceptions" else None
