"""Webhook: any HTTP service that answers with a value.

Whoever may create a store says where the request goes, and the process stands inside the
cluster's network. Therefore: public addresses only, unless the process was started with
the networks of its webhooks; never the metadata services of clouds; no redirects to other
hosts; only Secrets labelled `external-secrets.io/type: webhook` are handed to templates.

Neighbours: `providers.registry` loads this module; `store` serves, `requests` sends.
"""

from __future__ import annotations

from providers import defaults
from providers.base import CallObserver, Credentials, Provider
from providers.webhook.config import WebhookConfig

__all__ = [
    "CONFIG",
    "audiences",
    "capability",
    "identity_names_namespace",
    "metric_name",
    "open_provider",
]

CONFIG = WebhookConfig
audiences = defaults.no_audiences
capability = defaults.read_and_write


def metric_name(config: WebhookConfig) -> str:
    """Return the name that metrics report."""
    return "Webhook"


def identity_names_namespace(config: WebhookConfig) -> bool:
    """Return whether a template may use the namespace, as `.remoteRef.namespace`."""
    texts = [config.url, config.body, config.result.json_path]
    texts += [text for _, text in config.headers]
    return any("namespace" in text for text in texts)


def open_provider(
    config: WebhookConfig, credentials: Credentials, *, observe: CallObserver
) -> Provider:
    """Make requests possible; none is sent yet.

    Raises:
        InvalidRef: the block cannot work.
    """
    # Imported here: urllib3 is only for those who send.
    from providers.webhook.requests import WebhookRequests  # noqa: PLC0415 - see above
    from providers.webhook.store import WebhookStore  # noqa: PLC0415 - see above

    reads = (config.method or "GET").upper() in ("GET", "HEAD")
    namespace = credentials.context.get("namespace", "")
    requests = WebhookRequests(config, credentials)
    return WebhookStore(requests, reads=reads, observe=observe, namespace=namespace)
