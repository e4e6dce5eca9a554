"""Kubernetes: Secrets of another namespace, or of another cluster.

Through `providers.http` and the REST API itself, not the `kubernetes` package: that takes
three times as long and ten times the memory to import (33 MB), for one kind of object and
four requests, and it neither ends a slow answer nor bounds a large one.

Least permissions in the remote namespace: get on the Secrets; list makes find and cheap
change detection possible; create, update and delete are for pushes.
Neighbours: `providers.registry` loads this module; `login` says who asks, `store` serves.
"""

from __future__ import annotations

from providers import defaults
from providers.base import CallObserver, Credentials, Provider
from providers.kubernetes.config import KubernetesConfig

__all__ = [
    "CONFIG",
    "audiences",
    "capability",
    "identity_names_namespace",
    "metric_name",
    "open_provider",
]

CONFIG = KubernetesConfig
audiences = defaults.named_audiences
capability = defaults.read_and_write
identity_names_namespace = defaults.same_for_every_namespace


def metric_name(config: KubernetesConfig) -> str:
    """Return the name that metrics report."""
    return "Kubernetes"


def open_provider(
    config: KubernetesConfig, credentials: Credentials, *, observe: CallObserver
) -> Provider:
    """Open a session; nothing is sent yet.

    Raises:
        InvalidRef: the block contradicts itself.
        AuthFailed: a selector holds no usable credential.
    """
    # Imported here: urllib3 and YAML are only for those who use such a store.
    from providers.kubernetes.login import open_api  # noqa: PLC0415 - see above
    from providers.kubernetes.store import KubernetesStore  # noqa: PLC0415 - see above

    api = open_api(config, credentials, observe=observe)
    return KubernetesStore(
        api,
        config.remote_namespace or "default",
        other_namespaces=credentials.context.get("store_kind") == "ClusterSecretStore",
    )
