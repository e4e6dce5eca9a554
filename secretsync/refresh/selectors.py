"""Find and resolve the credentials that a store's configuration points at.

Neighbour: `credential_source` says where they are looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from providers.base import (
    AuthFailed,
    CaProvider,
    ConfigMapKeySelector,
    Credentials,
    SecretBytes,
    SecretKeySelector,
    ServiceAccountSelector,
    ServiceAccountToken,
    WholeSecretSelector,
)
from providers.registry import load
from secretsync.refresh.credential_source import (
    ClusterCredentials,
    CredentialSource,
    LabelledSecret,
    Overlay,
)
from secretsync.refresh.rendering import rendering
from secretsync.resources.decode import walk_dataclasses
from secretsync.resources.findings import field_path
from secretsync.resources.secret_store import SecretStore

__all__ = [
    "ClusterCredentials",
    "CredentialSource",
    "Overlay",
    "Selector",
    "credential_namespace",
    "is_referent",
    "resolve_credentials",
    "resolve_selectors",
    "selectors",
    "selectors_of",
]

Selector = (
    SecretKeySelector
    | WholeSecretSelector
    | ConfigMapKeySelector
    | CaProvider
    | ServiceAccountSelector
)

#: From a selector and its ServiceAccount's annotations to the audiences of its token.
AccountAudiences = Callable[[ServiceAccountSelector, Mapping[str, str]], tuple[str, ...]]


def selectors(store: SecretStore) -> Iterator[tuple[str, Selector]]:
    """Yield every selector of a store's provider block with its field path."""
    return selectors_of(store.config, ("spec", "provider", store.provider))


def selectors_of(config: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Selector]]:
    """Yield every selector of a decoded block with its field path."""
    for where, value in walk_dataclasses(config, path):
        if isinstance(value, Selector):
            yield field_path(where), value


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
        AuthFailed: a Secret, a ConfigMap or a key of one is missing.
        ClusterError: the cluster cannot be asked.
    """
    local = source.local_api is not None and getattr(store.config, "is_local", False)
    return resolve_selectors(
        # A directory issues no tokens, and asks for none.
        () if local else selectors(store),
        str(store.ref),
        source,
        namespace_of=partial(credential_namespace, store, user_namespace=user_namespace),
        audiences=partial(load(store.provider).audiences, store.config),
        context={
            "namespace": user_namespace,
            "store_name": store.meta.name,
            "store_kind": store.kind,
        },
    )


def resolve_selectors(
    found: Iterable[tuple[str, Selector]],
    owner: str,
    source: CredentialSource,
    *,
    namespace_of: Callable[[Selector], str],
    audiences: AccountAudiences,
    context: Mapping[str, str],
) -> Credentials:
    """Look up selectors of a store or a generator.

    Args:
        found: of `selectors_of`.
        owner: the object that they belong to, for messages.
        source: where they are looked up.
        namespace_of: in which namespace each is looked up.
        audiences: for whom a ServiceAccount's token is issued.
        context: what is said of the owner; what the process allows is added.

    Raises:
        AuthFailed: a Secret, a ConfigMap or a key of one is missing.
        ClusterError: the cluster cannot be asked.
    """
    secrets: dict[SecretKeySelector, SecretBytes] = {}
    wholes: dict[WholeSecretSelector, Mapping[str, SecretBytes]] = {}
    config_maps: dict[ConfigMapKeySelector, str] = {}
    authorities: dict[CaProvider, bytes] = {}
    tokens: dict[ServiceAccountSelector, ServiceAccountToken] = {}
    for path, selector in found:
        place = _Place(source, f"{owner}: {path}", namespace_of(selector), selector.name)
        match selector:
            case SecretKeySelector():
                secrets[selector] = place.secret_value(selector.key)
            case WholeSecretSelector():
                wholes[selector] = place.whole_secret(*selector.required_label)
            case ConfigMapKeySelector():
                config_maps[selector] = place.text(selector.key)
            case CaProvider(type="ConfigMap"):
                authorities[selector] = place.text(selector.key).encode()
            case CaProvider():
                authorities[selector] = place.secret_value(selector.key).reveal()
            case ServiceAccountSelector():
                for_whom = partial(audiences, selector)
                tokens[selector] = source.token(place.namespace, selector.name, for_whom)
    return Credentials(
        secrets,
        tokens,
        wholes,
        config_maps,
        authorities,
        context={**source.context, **context},
        rendering=rendering,
        local_api=source.local_api,
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """One object that a selector names.

    Args:
        where: the selector's owner and field path, for messages.
    """

    source: CredentialSource
    where: str
    namespace: str
    name: str

    def secret_value(self, key: str) -> SecretBytes:
        data = self._present("Secret", self.source.secret(self.namespace, self.name))
        value: SecretBytes = self._value("Secret", data, key)
        return value

    def text(self, key: str) -> str:
        data = self._present("ConfigMap", self.source.config_map(self.namespace, self.name))
        text: str = self._value("ConfigMap", data, key)
        return text

    def whole_secret(self, label: str, value: str) -> Mapping[str, SecretBytes]:
        """Return all keys of a Secret that says by its label what it is for."""
        labelled: LabelledSecret = self._present(
            "Secret", self.source.labelled_secret(self.namespace, self.name)
        )
        if label and labelled.labels.get(label) != value:
            wanted = f"{label}={value}"
            raise AuthFailed(
                f"{self.where}: Secret {self.namespace}/{self.name} lacks the label {wanted}",
                remedy=f"kubectl label secret -n {self.namespace} {self.name} {wanted}",
            )
        return labelled.data

    def _present(self, kind: str, found: Any) -> Any:
        if found is None:
            raise AuthFailed(
                f"{self.where}: {kind} {self.namespace}/{self.name} does not exist",
                remedy=f"create that {kind}, or point the selector at another",
            )
        return found

    def _value(self, kind: str, data: Mapping[str, Any], key: str) -> Any:
        if key not in data:
            raise AuthFailed(
                f"{self.where}: {kind} {self.namespace}/{self.name} has no key {key!r}",
                remedy="add the key, or correct the selector's key",
            )
        return data[key]
