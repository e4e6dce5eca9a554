"""Who an adapter is: the selectors that a store's block holds, and what they resolved to.

Neighbours: blocks are described with these (`spec`), `secretsync.refresh.selectors`
resolves them, `base` offers them with the rest of the contract.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from providers.spec import wire
from providers.values import SecretBytes

__all__ = [
    "CaProvider",
    "ConfigMapKeySelector",
    "Credentials",
    "LocalApi",
    "Render",
    "SecretKeySelector",
    "ServiceAccountSelector",
    "ServiceAccountToken",
    "WholeSecretSelector",
    "no_templates",
]


@dataclass(frozen=True, slots=True)
class SecretKeySelector:
    """A key of a Kubernetes Secret that holds a credential (`secretRef` fields)."""

    name: str = ""
    key: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class WholeSecretSelector:
    """All keys of a Kubernetes Secret, which must carry a label to be handed out.

    Args:
        required_label: name and value, e.g. of `external-secrets.io/type: webhook`.
    """

    name: str = ""
    namespace: str = ""
    required_label: tuple[str, str] = field(default=("", ""), metadata=wire(internal=True))


@dataclass(frozen=True, slots=True)
class ConfigMapKeySelector:
    """A key of a ConfigMap that holds a configuration, which is no secret."""

    name: str = ""
    key: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class CaProvider:
    """`caProvider`: where the certificates of a server's authority are kept.

    Args:
        type: Secret or ConfigMap.
    """

    type: str = "Secret"
    name: str = ""
    key: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class ServiceAccountSelector:
    """A Kubernetes ServiceAccount whose token is exchanged at the service."""

    name: str = ""
    namespace: str = ""
    audiences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceAccountToken:
    """A token issued for a ServiceAccount, with that account's annotations."""

    token: SecretBytes
    annotations: Mapping[str, str]


#: Renders a Go template: its name for errors, its text, and the dot. Raises ValueError
#: with a text that holds no value of the dot.
Render = Callable[[str, str, Mapping[str, Any]], bytes]


def no_templates(name: str, text: str, values: Mapping[str, Any]) -> bytes:
    """Refuse to render: the caller has no template engine to offer.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"{name}: templates are not available here")


class LocalApi(Protocol):
    """Answers like the API server of the cluster that the process itself works with."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Any:
        """Return a `providers.http_answers.HttpAnswer`.

        Raises:
            ProviderError: there is none.
        """
        ...

    def close(self) -> None:
        """Release what it holds."""
        ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a store's selectors resolved to; adapters never talk to Kubernetes.

    Args:
        secrets: value per SecretKeySelector that the store's configuration holds.
        tokens: token per ServiceAccountSelector that it holds.
        whole_secrets: all keys of the Secret per WholeSecretSelector that it holds.
        config_maps: text per ConfigMapKeySelector that it holds.
        authorities: PEM certificates per CaProvider that it holds.
        context: `namespace`, `store_name` and `store_kind` of the store in use.
        rendering: returns the template engine for one request, for providers whose blocks
            hold templates: what those may cost is what they may cost together.
        local_api: where stores find the cluster itself, if that is a directory.
    """

    secrets: Mapping[SecretKeySelector, SecretBytes] = field(default_factory=dict)
    tokens: Mapping[ServiceAccountSelector, ServiceAccountToken] = field(default_factory=dict)
    whole_secrets: Mapping[WholeSecretSelector, Mapping[str, SecretBytes]] = field(
        default_factory=dict
    )
    config_maps: Mapping[ConfigMapKeySelector, str] = field(default_factory=dict)
    authorities: Mapping[CaProvider, bytes] = field(default_factory=dict)
    context: Mapping[str, str] = field(default_factory=dict)
    rendering: Callable[[], Render] = lambda: no_templates
    local_api: LocalApi | None = None
