"""Find and resolve the credentials that a store's configuration points at."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Protocol

from providers.base import (
    AuthFailed,
    Credentials,
    SecretBytes,
    SecretKeySelector,
    ServiceAccountSelector,
    ServiceAccountToken,
)
from providers.registry import load
from secretsync.cluster.base import KINDS, Cluster
from secretsync.resources.decode import walk_dataclasses
from secretsync.resources.findings import field_path
from secretsync.resources.secret_store import SecretStore

__all__ = [
    "ClusterCredentials",
    "CredentialSource",
    "credential_namespace",
    "is_referent",
    "resolve_credentials",
    "selectors",
]

Selector = SecretKeySelector | ServiceAccountSelector

#: From a ServiceAccount's annotations to the audiences of its token.
Audiences = Callable[[Mapping[str, str]], tuple[str, ...]]


class CredentialSource(Protocol):
    """Where credentials are looked up: PATH first, then the cluster."""

    def secret(self, namespace: str, name: str) -> Mapping[str, SecretBytes] | None:
        """Return a Secret's data, or None where it is definitely absent."""
        ...

    def token(self, namespace: str, name: str, audiences: Audiences) -> ServiceAccountToken:
        """Issue a token for a ServiceAccount; its annotations tell for whom."""
        ...


def selectors(store: SecretStore) -> Iterator[tuple[str, Selector]]:
    """Yield every selector of a store's provider block with its field path."""
    for path, value in walk_dataclasses(store.config, ("spec", "provider", store.provider)):
        if isinstance(value, SecretKeySelector | ServiceAccountSelector):
            yield field_path(path), value


def is_referent(store: SecretStore) -> bool:
    """Return whether a ClusterSecretStore takes credentials from its user's namespace.

    Source: ESO's "referent" authentication: a selector without a namespace.
    """
    if store.kind != "ClusterSecretStore":
        return False
    return any(not selector.namespace for _, selector in selectors(store))


def credential_namespace(store: SecretStore, selector: Selector, user_namespace: str) -> str:
    """Return the namespace in which a selector is looked up."""
    if store.kind == "ClusterSecretStore":
        return selector.namespace or user_namespace
    return store.meta.namespace


def resolve_credentials(
    store: SecretStore, user_namespace: str, source: CredentialSource
) -> Credentials:
    """Look up everything that the store's configuration points at.

    Args:
        user_namespace: of the ExternalSecret that uses the store.

    Raises:
        AuthFailed: a Secret or a key of it is missing.
        ClusterError: the cluster cannot be asked.
    """
    module = load(store.provider)
    secrets: dict[SecretKeySelector, SecretBytes] = {}
    tokens: dict[ServiceAccountSelector, ServiceAccountToken] = {}
    for path, selector in selectors(store):
        namespace = credential_namespace(store, selector, user_namespace)
        if isinstance(selector, SecretKeySelector):
            secrets[selector] = _secret_value(store, path, namespace, selector, source)
        else:
            audiences = partial(module.audiences, store.config, selector)
            tokens[selector] = source.token(namespace, selector.name, audiences)
    context = {
        "namespace": user_namespace,
        "store_name": store.meta.name,
        "store_kind": store.kind,
    }
    return Credentials(secrets, tokens, context=context)


def _secret_value(
    store: SecretStore,
    path: str,
    namespace: str,
    selector: SecretKeySelector,
    source: CredentialSource,
) -> SecretBytes:
    data = source.secret(namespace, selector.name)
    where = f"{store.ref}: {path}"
    if data is None:
        raise AuthFailed(
            f"{where}: Secret {namespace}/{selector.name} does not exist",
            remedy="create that Secret, or point the selector at another",
        )
    if selector.key not in data:
        raise AuthFailed(
            f"{where}: Secret {namespace}/{selector.name} has no key {selector.key!r}",
            remedy="add the key, or correct the selector's key",
        )
    return data[selector.key]


class ClusterCredentials:
    """Credentials out of the cluster, with those of PATH before them.

    Args:
        overlay: Secrets that PATH brings, by (namespace, name).
    """

    def __init__(
        self,
        cluster: Cluster,
        overlay: Mapping[tuple[str, str], Mapping[str, SecretBytes]] | None = None,
    ) -> None:
        self._cluster = cluster
        self._overlay = overlay or {}

    def secret(self, namespace: str, name: str) -> Mapping[str, SecretBytes] | None:
        """Return a Secret's data, or None where it is definitely absent."""
        if (namespace, name) in self._overlay:
            return self._overlay[namespace, name]
        obj = self._cluster.get(KINDS["Secret"], namespace, name)
        if obj is None:
            return None
        try:
            return {
                key: SecretBytes(base64.b64decode(value or "", validate=True))
                for key, value in (obj.get("data") or {}).items()
            }
        except (binascii.Error, ValueError) as exc:
            raise AuthFailed(
                f"Secret {namespace}/{name} holds a value that is not base64",
                remedy="encode the values under data, or use stringData",
            ) from exc

    def token(self, namespace: str, name: str, audiences: Audiences) -> ServiceAccountToken:
        """Issue a token for a ServiceAccount, for whom its annotations tell."""
        account = self._cluster.get(KINDS["ServiceAccount"], namespace, name)
        if account is None:
            raise AuthFailed(
                f"ServiceAccount {namespace}/{name} does not exist",
                remedy="create it, or correct the store's serviceAccountRef",
            )
        annotations = (account.get("metadata") or {}).get("annotations") or {}
        issued = self._cluster.request_token(namespace, name, audiences=audiences(annotations))
        return ServiceAccountToken(SecretBytes(issued.token.encode()), annotations)
