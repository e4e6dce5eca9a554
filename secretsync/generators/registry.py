"""Which module makes the values of which kind of generator: one line each.

A module named here is imported when an object of its kind is first read, so that a
process pays only for what it uses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from importlib import import_module
from typing import Any, Protocol, cast

from providers.base import CallObserver, Credentials, ServiceAccountSelector

__all__ = ["GENERATORS", "Entropy", "GeneratorModule", "asks_a_service", "load"]

#: Kind of `generators.external-secrets.io` → module.
GENERATORS: dict[str, str] = {
    "ECRAuthorizationToken": "providers.aws.ecr_generator",
    "Fake": "secretsync.generators.fake",
    "GCRAccessToken": "providers.gcp.generators",
    "GithubAccessToken": "providers.github",
    "MFA": "secretsync.generators.mfa",
    "Password": "secretsync.generators.password",
    "QuayAccessToken": "providers.quay",
    "SSHKey": "secretsync.generators.ssh_key",
    "STSSessionToken": "providers.aws.sts_generator",
    "UUID": "secretsync.generators.uuid",
    "VaultDynamicSecret": "providers.vault.generators",
    "Webhook": "providers.webhook.generator",
}

#: Gives that many random bytes, fit for secrets.
Entropy = Callable[[int], bytes]


class GeneratorModule(Protocol):
    """What a registered module offers."""

    #: Frozen dataclass of the object's `spec`.
    CONFIG: type

    def audiences(
        self, config: Any, selector: ServiceAccountSelector, annotations: Mapping[str, str]
    ) -> tuple[str, ...]:
        """Return for whom a ServiceAccount's token is issued; see `ProviderModule`."""
        ...

    def generate(
        self,
        config: Any,
        credentials: Credentials,
        *,
        observe: CallObserver,
        entropy: Entropy,
        now: datetime,
    ) -> Mapping[str, bytes]:
        """Make new values.

        Args:
            config: the object's spec.
            credentials: what its selectors resolved to.
            observe: is told of each request.
            entropy: where randomness comes from.
            now: the time, with its zone.

        Returns:
            Each value by its key.

        Raises:
            ProviderError: they cannot be made; the class and message say why.
        """
        ...


def asks_a_service(kind: str) -> bool:
    """Return whether a generator may have to wait for a service."""
    return not GENERATORS.get(kind, "").startswith("secretsync.")


def load(kind: str) -> GeneratorModule:
    """Import and return the module that serves `kind`.

    Raises:
        KeyError: no generator of that kind is registered.
    """
    return cast("GeneratorModule", import_module(GENERATORS[kind]))
