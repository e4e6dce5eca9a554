"""Google Cloud Secret Manager: the module that serves `spec.provider.gcpsm`.

Neighbours: `providers.registry` loads this module; `config` describes the store's
block. Importing it is cheap, the SDK is imported when the first session opens.

Least permissions: `roles/secretmanager.secretAccessor` on the secrets. With
`roles/secretmanager.viewer` as well (`versions.get`), unchanged secrets are not read at
all, an aliased version is read by its number, and a secret that is gone is told apart
from one that is out of sight.
"""

from __future__ import annotations

from collections.abc import Mapping

from providers import defaults
from providers.base import CallObserver, Credentials, Provider, ServiceAccountSelector
from providers.gcp.config import GcpConfig

__all__ = [
    "CONFIG",
    "audiences",
    "capability",
    "identity_names_namespace",
    "metric_name",
    "open_provider",
]

CONFIG = GcpConfig
capability = defaults.read_and_write
identity_names_namespace = defaults.same_for_every_namespace


def metric_name(config: GcpConfig) -> str:
    """Return the name of the service, as metrics report it."""
    return "GCP/SecretManager"


def audiences(
    config: GcpConfig, selector: ServiceAccountSelector, annotations: Mapping[str, str]
) -> tuple[str, ...]:
    """Return for whom a ServiceAccount's token is issued: the pool that will take it.

    What the selector names comes on top, as ESO does it.

    Source: GKE's "Authenticate to Google Cloud APIs from GKE workloads"; IAM's
    "Workload Identity Federation with Kubernetes".
    """
    identity = config.auth.workload_identity
    if identity is not None and selector == identity.service_account_ref:
        pool = f"{identity.cluster_project_id or config.project_id}.svc.id.goog"
        return (pool, *selector.audiences)
    federation = config.auth.workload_identity_federation
    if federation is not None and federation.audience:
        return (federation.audience, *selector.audiences)
    return selector.audiences


def open_provider(
    config: GcpConfig, credentials: Credentials, *, observe: CallObserver
) -> Provider:
    """Open a session for a store; it logs in at its first request.

    Args:
        config: the store's `spec.provider.gcpsm`.
        credentials: what its selectors resolved to.
        observe: is told of each request, those for tokens included.

    Raises:
        InvalidRef: the block contradicts itself.
        AuthFailed: a selector holds no usable credential.
    """
    # Imported here: the SDK costs half a second and 60 MB that only stores at Google need.
    from providers.gcp.secret_manager import GcpSecretManager  # noqa: PLC0415 - see above

    return GcpSecretManager.from_config(config, credentials, observe=observe)
