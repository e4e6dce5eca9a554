"""Kubernetes: Secrets of another namespace, or of another cluster.

Through `providers.http` and the REST API itself, not the `kubernetes` package: that takes
three times as long and ten times the memory to import (33 MB), for one kind of object and
four requests, and it neither ends a slow answer nor bounds a large one.

Least permissions in the remote namespace: get on the Secrets; list makes find and cheap
change detection possible; create, update and delete are for pushes.
Neighbours: `providers.registry` loads this module; `login` says who asks, `store` serves.
"""

from __future__ import annotations

from collections.abc import Mapping

from providers.base import (
    CallObserver,
    Capability,
    Credentials,
    Provider,
    ServiceAccountSelector,
)
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


def metric_name(config: KubernetesConfig) -> str:
    """Return the name that metrics report."""
    return "Kubernetes"


def capability(config: KubernetesConfig) -> Capability:
    """Return what such stores are used for."""
    return Capability.READ | Capability.WRITE


def audiences(
    config: KubernetesConfig, selector: ServiceAccountSelector, annotations: Mapping[str, str]
) -> tuple[str, ...]:
    """Return what the selector names; without any, the API server's own audience."""
    return selector.audiences


def identity_names_namespace(config: KubernetesConfig) -> bool:
    """Return False: who asks does not depend on the namespace that uses the store."""
    return False


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
