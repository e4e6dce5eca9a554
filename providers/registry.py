"""Which module serves which key of a store's `spec.provider`: one line each.

A module named here is imported when a store first uses it, so that a process pays
only for the services in use. It offers `CONFIG` (a frozen dataclass that describes
the provider block; standard library only) and `open_provider`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol, cast

from providers.base import CallObserver, Credentials, Provider

__all__ = ["PROVIDERS", "ProviderModule", "load"]

#: Key of `spec.provider` → module. The one place a new provider is registered.
PROVIDERS: dict[str, str] = {
    "aws": "providers.aws",
}


class ProviderModule(Protocol):
    """What a registered module offers."""

    #: Frozen dataclass of the block under `spec.provider.<key>`.
    CONFIG: type
    #: The name that metrics report, as ESO spells it, e.g. `AWS/SecretsManager`.
    METRIC_NAME: str

    def identity_names_namespace(self, config: Any) -> bool:
        """Return whether a session differs by the namespace that uses the store."""
        ...

    def open_provider(
        self, config: Any, credentials: Credentials, *, observe: CallObserver
    ) -> Provider:
        """Open a session; logging in may wait until the first call.

        Raises:
            ProviderError: the configuration or the credentials cannot work.
        """
        ...


def load(key: str) -> ProviderModule:
    """Import and return the module that serves `key`.

    Raises:
        KeyError: no provider of that name is registered.
    """
    return cast("ProviderModule", import_module(PROVIDERS[key]))
