"""What the two services have in common: checks, pushes, and the end of a session.

Neighbours: `secrets_manager` and `parameter_store` read, list and detect changes, each in
its own way.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from providers.aws.calls import CallError, Calls
from providers.base import (
    AccessDenied,
    InvalidRef,
    ProviderError,
    SecretRef,
    SecretValue,
    Writer,
)
from providers.parts import PushesByWriter, raise_first

__all__ = ["AwsService", "chunks", "empty_key", "traceless"]

_T = TypeVar("_T")


class AwsService(PushesByWriter, abc.ABC):
    """One service of AWS, for one identity in one region.

    Args:
        calls: sends requests.
        writer: pushes.
        probe: the name and the method of a cheap listing: whoever may send it, or is
            denied it, is known.
        release: closes what the client came from.
    """

    def __init__(
        self,
        calls: Calls,
        writer: Writer,
        *,
        probe: tuple[str, Callable[..., Any]],
        release: Callable[[], None],
    ) -> None:
        self._calls = calls
        self._writer = writer
        self._probe = probe
        self._release = release

    @abc.abstractmethod
    def pack(self, refs: Sequence[SecretRef]) -> list[list[SecretRef]]:
        """Group refs; see `providers.base.Provider`."""

    @abc.abstractmethod
    def fetch(self, refs: Sequence[SecretRef]) -> dict[SecretRef, SecretValue | ProviderError]:
        """Read refs; see `providers.base.Provider`."""

    def check(self, refs: Sequence[SecretRef]) -> None:
        """Read `refs` once; without any, prove that AWS accepts the credentials.

        The proof is a signed call to the endpoint that the work uses: being denied it
        still means being known, and STS may not be reachable from here.

        Raises:
            ProviderError: the first problem found.
        """
        if not refs:
            self._check_login()
        for group in self.pack(refs):
            raise_first(self.fetch(group))

    def close(self) -> None:
        """Close the connections; may be called again."""
        self._release()

    def _check_login(self) -> None:
        operation, listing = self._probe
        try:
            self._calls.run(operation, listing, MaxResults=1)
        except CallError as failed:
            if failed.fault.kind is not AccessDenied and not failed.fault.unknown_operation:
                raise failed.error() from failed.__cause__


def chunks(items: list[_T], size: int) -> Iterator[list[_T]]:
    """Yield the items in groups of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def empty_key(ref: SecretRef, *, what: str) -> InvalidRef | None:
    """Return what is wrong with a reference that names nothing.

    Args:
        what: the service calls what a key names.
    """
    if ref.key:
        return None
    return InvalidRef("a reference has an empty key", remedy=f"name the {what} in remoteRef.key")


def traceless(answer: SecretValue | ProviderError) -> SecretValue | ProviderError:
    """Return an answer without its traceback: an error may be kept for long.

    The frames that it went through hold values.
    """
    return answer.with_traceback(None) if isinstance(answer, ProviderError) else answer
