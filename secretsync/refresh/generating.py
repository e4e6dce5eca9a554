"""Runs generators: finds the object, resolves its credentials, makes new values.

Neighbours: `generations` decides when; `secretsync.generators.registry` says which module
makes what; `selectors` resolves credentials as it does for stores.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Self

from providers.base import AuthFailed, Credentials, MalformedSecret, SecretBytes, Unavailable
from secretsync.cluster.base import Cluster
from secretsync.errors import ClusterError, ClusterUnavailable
from secretsync.generators.registry import Entropy, GeneratorModule, load
from secretsync.refresh.clock import Clock
from secretsync.refresh.credential_source import CredentialSource
from secretsync.refresh.generator_objects import GeneratorCatalog, GivenGenerators
from secretsync.refresh.selectors import Selector, resolve_selectors, selectors_of
from secretsync.refresh.sessions import CallCounter, no_counting
from secretsync.resources.generator import Generator
from secretsync.resources.source_spec import GeneratorRef

__all__ = ["GeneratorRunner"]

#: What one Secret can hold.
_MAX_BYTES = 1024 * 1024


class GeneratorRunner:
    """Makes values. It keeps none, and writes nothing: each run makes others.

    ESO's GeneratorState objects are neither written nor read: they remember what a
    generator must take back, and none of those that are served takes anything back.

    Args:
        credentials: where what the generators' selectors name is looked up.
        count: called for each request to a service.
        entropy: where randomness comes from.
    """

    def __init__(
        self,
        catalog: GeneratorCatalog,
        credentials: CredentialSource,
        clock: Clock,
        *,
        count: CallCounter = no_counting,
        entropy: Entropy = secrets.token_bytes,
    ) -> None:
        self._catalog = catalog
        self._credentials = credentials
        self._clock = clock
        self._count = count
        self._entropy = entropy

    @classmethod
    def of(
        cls,
        cluster: Cluster,
        given: GivenGenerators,
        credentials: CredentialSource,
        clock: Clock,
        *,
        controller_class: str,
        count: CallCounter = no_counting,
    ) -> Self:
        """Return a runner of the generators of PATH and of a cluster."""
        catalog = GeneratorCatalog(cluster, given, controller_class=controller_class)
        return cls(catalog, credentials, clock, count=count)

    def require(self, refs: Iterable[GeneratorRef], namespace: str) -> None:
        """Check that there are such generators, without running one.

        Raises:
            StoreUnmanaged: another controller serves one.
            ConfigError: one does not exist, or is not valid.
            ClusterError: the cluster cannot be asked.
        """
        self._catalog.require(refs, namespace)

    def run(self, ref: GeneratorRef, namespace: str) -> Mapping[str, SecretBytes]:
        """Make new values.

        Args:
            namespace: of the ExternalSecret that wants them.

        Returns:
            Each value by the generator's own key.

        Raises:
            ConfigError: there is no such generator, or it is not valid.
            ProviderError: its credentials are missing, or the service that makes the
                values cannot, or refuses.
        """
        try:
            generator = self._catalog.find(ref, namespace)
            module = load(generator.kind)
            credentials = self._resolved(generator, module, namespace)
        except ClusterUnavailable as exc:
            raise Unavailable(exc.message, remedy=exc.remedy) from None
        except ClusterError as exc:
            raise AuthFailed(
                f"{ref.kind} {ref.name}: what it needs cannot be read: {exc.message}",
                remedy=exc.remedy,
            ) from None
        made = module.generate(
            generator.config,
            credentials,
            observe=partial(self._count, f"Generator/{generator.kind}"),
            entropy=self._entropy,
            now=self._clock.now(),
        )
        return _checked(generator, made)

    def _resolved(
        self, generator: Generator, module: GeneratorModule, namespace: str
    ) -> Credentials:
        def place(selector: Selector) -> str:
            # A namespaced generator never reaches out of its namespace.
            named = selector.namespace if generator.cluster_wide else ""
            return named or namespace

        return resolve_selectors(
            selectors_of(generator.config, generator.path),
            str(generator.ref),
            self._credentials,
            namespace_of=place,
            audiences=partial(module.audiences, generator.config),
            context={
                "namespace": namespace,
                "store_name": generator.meta.name,
                "store_kind": generator.ref.kind,
            },
        )


def _checked(generator: Generator, made: Mapping[str, bytes]) -> dict[str, SecretBytes]:
    if sum(len(key) + len(value) for key, value in made.items()) > _MAX_BYTES:
        raise MalformedSecret(
            f"{generator.ref} makes more than a Secret holds",
            remedy="narrow what it is asked for",
        )
    return {key: SecretBytes(value) for key, value in made.items()}
