"""The shape of a store's `spec` as the manifest writes it.

The provider's own block is left as it is: its dataclass is found by its key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from providers.spec import wire

__all__ = [
    "PUBLISHED_PROVIDERS",
    "ConditionSpec",
    "ExpressionSpec",
    "RetrySpec",
    "SelectorSpec",
    "StoreSpec",
]

#: Keys of `spec.provider` in the published CRD: a known one that is not served here is
#: "not supported yet", any other is a mistake.
PUBLISHED_PROVIDERS = (
    "akeyless",
    "alibaba",
    "aws",
    "azurekv",
    "barbican",
    "beyondtrust",
    "beyondtrustworkloadcredentials",
    "bitwardensecretsmanager",
    "chef",
    "cloudrusm",
    "conjur",
    "crd",
    "delinea",
    "device42",
    "doppler",
    "dvls",
    "fake",
    "fortanix",
    "gcpsm",
    "github",
    "gitlab",
    "ibm",
    "infisical",
    "keepersecurity",
    "kubernetes",
    "nebiusmysterybox",
    "ngrok",
    "onboardbase",
    "onepassword",
    "onepasswordSDK",
    "openBao",
    "oracle",
    "ovh",
    "passbolt",
    "passworddepot",
    "previder",
    "pulumi",
    "scaleway",
    "secretserver",
    "senhasegura",
    "vault",
    "volcengine",
    "webhook",
    "yandexcertificatemanager",
    "yandexlockbox",
)


@dataclass(frozen=True, slots=True)
class RetrySpec:
    """`retrySettings`."""

    max_retries: int = field(default=3, metadata=wire(minimum=0))
    retry_interval: str = "10s"


@dataclass(frozen=True, slots=True)
class ExpressionSpec:
    """One entry of `matchExpressions`."""

    key: str = field(metadata=wire(required=True))
    operator: str = field(
        metadata=wire(required=True, choices=("In", "NotIn", "Exists", "DoesNotExist"))
    )
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SelectorSpec:
    """`namespaceSelector`."""

    match_labels: tuple[tuple[str, str], ...] = ()
    match_expressions: tuple[ExpressionSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class ConditionSpec:
    """One entry of `conditions`."""

    namespaces: tuple[str, ...] = ()
    namespace_regexes: tuple[str, ...] = ()
    namespace_selector: SelectorSpec | None = None


@dataclass(frozen=True, slots=True)
class StoreSpec:
    """`spec`."""

    provider: Any = None
    controller: str = ""
    retry_settings: RetrySpec | None = None
    refresh_interval: str | int = ""
    conditions: tuple[ConditionSpec, ...] = ()
