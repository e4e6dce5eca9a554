"""The `webhook` block of a store, and the spec of the Webhook generator.

Source: `external-secrets.io/v1` SecretStore, spec.provider.webhook, and
`generators.external-secrets.io/v1alpha1` Webhook (ESO 2.9).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from providers.base import CaProvider, WholeSecretSelector
from providers.spec import wire

__all__ = [
    "WebhookAuth",
    "WebhookConfig",
    "WebhookGeneratorConfig",
    "WebhookResult",
    "WebhookSecret",
    "WebhookSecretSelector",
]

_DURATION = r"([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+"


@dataclass(frozen=True, slots=True)
class WebhookSecretSelector(WholeSecretSelector):
    """A Secret whose keys templates may use, where its label allows that.

    Args:
        key: of the published schema; a webhook gets all keys.
    """

    key: str = ""
    required_label: tuple[str, str] = field(
        default=("external-secrets.io/type", "webhook"), init=False
    )


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """A Secret under the name that templates call it by."""

    name: str = field(metadata=wire(required=True))
    secret_ref: WebhookSecretSelector = field(metadata=wire(required=True))


@dataclass(frozen=True, slots=True)
class WebhookResult:
    """What of the answer is the value; without a path, all of it."""

    json_path: str = ""


@dataclass(frozen=True, slots=True)
class WebhookAuth:
    """How the webhook is told who asks; headers do that too."""

    ntlm: Any = field(
        default=None,
        metadata=wire(
            unsupported="auth.ntlm is not supported: NTLM needs MD4 and a connection of its own"
        ),
    )


@dataclass(frozen=True, slots=True)
class WebhookConfig:
    """`spec.provider.webhook`.

    Args:
        url: a template, as are the values of `headers`, `body` and `result.jsonPath`;
            what the URL takes from `.remoteRef` is escaped for a query.
        timeout: of a whole request.
        ca_bundle: PEM certificates of the server's authority, in base64.
    """

    url: str = field(metadata=wire(required=True))
    method: str = field(
        default="", metadata=wire(pattern="[A-Za-z]{1,20}", hint="an HTTP method such as GET")
    )
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    timeout: str = field(
        default="", metadata=wire(pattern=_DURATION, hint='a Go duration such as "10s"')
    )
    result: WebhookResult = field(default_factory=WebhookResult)
    secrets: tuple[WebhookSecret, ...] = ()
    auth: WebhookAuth | None = None
    ca_bundle: str = ""
    ca_provider: CaProvider | None = None


@dataclass(frozen=True, slots=True)
class WebhookGeneratorConfig(WebhookConfig):
    """`spec` of the Webhook generator.

    Args:
        controller: the class of the controller that serves it.
    """

    controller: str = ""
