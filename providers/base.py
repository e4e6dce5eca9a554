"""The provider contract: what an adapter gets, gives and raises.

Neighbours: `secretsync.refresh` calls adapters and owns time, retries, limits
and caches; `providers.<service>` implement this. Standard library only, so that
parsing a store needs no SDK. What the contract speaks of stands in `errors`, `values` and
`credentials`, and is offered here together: adapters and their callers import this alone.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from providers.credentials import (
    CaProvider,
    ConfigMapKeySelector,
    Credentials,
    LocalApi,
    Render,
    SecretKeySelector,
    ServiceAccountSelector,
    ServiceAccountToken,
    WholeSecretSelector,
    no_templates,
)
from providers.errors import (
    AccessDenied,
    AuthFailed,
    InvalidRef,
    KeyUnusable,
    MalformedSecret,
    NotManaged,
    ProviderError,
    RateLimited,
    SecretNotFound,
    Unavailable,
)
from providers.values import (
    Changes,
    FindQuery,
    FoundSecret,
    PushItem,
    PushRef,
    SecretBytes,
    SecretRef,
    SecretValue,
)

__all__ = [
    "AccessDenied",
    "AuthFailed",
    "CaProvider",
    "CallObserver",
    "Capability",
    "Changes",
    "ConfigMapKeySelector",
    "Credentials",
    "FindQuery",
    "FoundSecret",
    "InvalidRef",
    "KeyUnusable",
    "LocalApi",
    "MalformedSecret",
    "NotManaged",
    "Provider",
    "ProviderError",
    "PushItem",
    "PushRef",
    "RateLimited",
    "Render",
    "Renewable",
    "SecretBytes",
    "SecretKeySelector",
    "SecretNotFound",
    "SecretRef",
    "SecretValue",
    "ServiceAccountSelector",
    "ServiceAccountToken",
    "Unavailable",
    "WholeSecretSelector",
    "Writer",
    "no_templates",
]


class Capability(enum.Flag):
    """What a provider can do; `ReadWrite` is both."""

    READ = enum.auto()
    WRITE = enum.auto()


class Provider(Protocol):
    """One authenticated session with one service.

    Adapters do not sleep, retry, cache values, log values or read clocks: whoever
    calls them owns that. Every method may be called from several threads at once.
    """

    def pack(self, refs: Sequence[SecretRef]) -> list[list[SecretRef]]:
        """Group refs so that each group costs one call where the service allows it.

        Pure. Every ref is in exactly one group; order within a group does not matter.
        """
        ...

    def fetch(self, refs: Sequence[SecretRef]) -> dict[SecretRef, SecretValue | ProviderError]:
        """Read one group of refs.

        Total: an entry for each ref asked, and no exception for any fault of the
        service; a fault of the whole call is the entry of each of its refs.
        """
        ...

    def find(self, query: FindQuery) -> list[FoundSecret]:
        """List the secrets that match.

        Raises:
            ProviderError: the listing failed; it never returns half a list.
        """
        ...

    def changes(self, watermark: object | None, known: Mapping[SecretRef, str]) -> Changes:
        """Say which of the known refs (ref → version id last read) have moved.

        The cheapest sound detection that the service has. A service without one, or
        an identity that may not list, answers `unknown` for all.

        Raises:
            Unavailable: the service cannot be asked now.
        """
        ...

    def check(self, refs: Sequence[SecretRef]) -> None:
        """Probe that this identity works, and that it may read `refs` where given.

        Raises:
            ProviderError: it cannot; the class and message say why.
        """
        ...

    def close(self) -> None:
        """Release connections and revoke what was issued to this session."""
        ...


class Writer(Protocol):
    """A provider that PushSecrets can write to; adapters with `Capability.WRITE`.

    What it does not manage it neither changes nor deletes.
    """

    def push(self, item: PushItem) -> bool:
        """Make the service hold the value; it is compared first.

        Returns:
            Whether anything was written.

        Raises:
            NotManaged: something that secretsync did not make is in the way.
            ProviderError: it could not be written.
        """
        ...

    def exists(self, ref: PushRef) -> bool:
        """Return whether the service holds something there, whoever made it.

        Raises:
            ProviderError: it cannot tell.
        """
        ...

    def delete(self, ref: PushRef) -> bool:
        """Remove what was pushed there; of a property, that property alone.

        Returns:
            Whether anything was there to remove.

        Raises:
            NotManaged: secretsync did not make it.
            ProviderError: it could not be removed.
        """
        ...


class Renewable(Protocol):
    """A provider whose login runs out and can be prolonged."""

    def renew(self) -> float | None:
        """Prolong the login; the caller keeps the time.

        Returns:
            Seconds until it should be called again; None for a login that does not end.

        Raises:
            AuthFailed: it cannot be prolonged; a new session is needed.
            ProviderError: not now.
        """
        ...


#: Called by adapters once per request: operation name, "success" or "error".
CallObserver = Callable[[str, str], None]
