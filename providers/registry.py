"""Which module serves which key of a store's `spec.provider`: one line each.

A module named here is imported when a store first uses it, so that a process pays
only for the services in use. It offers `CONFIG` (a frozen dataclass that describes
the provider block; standard library only) and the functions of `ProviderModule`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol, cast

from providers.base import (
    CallObserver,
    Capability,
    Credentials,
    Provider,
    ServiceAccountSelector,
)

__all__ = ["PROVIDERS", "ProviderModule", "load"]

#: Key of `spec.provider` → module. The one place a new provider is registered.
PROVIDERS: dict[str, str] = {
    "aws": "providers.aws",
    "directory": "providers.directory",
    "fake": "providers.fake",
    "kubernetes": "providers.kubernetes",
    "webhook": "providers.webhook",
    "gcpsm": "providers.gcp",
    "openBao": "providers.vault",
    "vault": "providers.vault",
}


class ProviderModule(Protocol):
    """What a registered module offers."""

    #: Frozen dataclass of the block under `spec.provider.<key>`.
    CONFIG: type

    def metric_name(self, config: Any) -> str:
        """Return the name that metrics report, as ESO spells it: `AWS/SecretsManager`."""
        ...

    def capability(self, config: Any) -> Capability:
        """Return whether stores of this configuration are read, written, or both."""
        ...

    def audiences(
        self, config: Any, selector: ServiceAccountSelector, annotations: Mapping[str, str]
    ) -> tuple[str, ...]:
        """Return for whom a ServiceAccount's token is issued; () is the API server's default.

        Args:
            selector: found in `config`; what it names itself wins.
            annotations: of the ServiceAccount.
        """
        ...

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
