"""Vault and OpenBao: the module that serves `spec.provider.vault` and `.openBao`.

Neighbours: `providers.registry` loads this module for both keys; `config` describes the
block. Importing it is cheap, hvac is imported when the first session opens.

Least permissions on a KV engine of version 2 at `secret`: `read` on `secret/data/<key>`.
With OpenBao, `scan` (or `list`) on `secret/detailed-metadata/<folder>/`, and with Vault
`read` on `secret/metadata/<key>`, unchanged secrets are not read at all. `dataFrom.find`
needs `list` on `secret/metadata/<folder>/`, with tags also `read` there. What comes with
the policy `default` renews and revokes the token.
"""

from __future__ import annotations

from collections.abc import Mapping

from providers import defaults
from providers.base import CallObserver, Credentials, Provider, ServiceAccountSelector
from providers.vault.config import VaultConfig

__all__ = [
    "CONFIG",
    "audiences",
    "capability",
    "identity_names_namespace",
    "metric_name",
    "open_provider",
]

CONFIG = VaultConfig
capability = defaults.read_and_write
identity_names_namespace = defaults.same_for_every_namespace


def metric_name(config: VaultConfig) -> str:
    """Return the name of the service, as metrics report it."""
    return "HashiCorp/Vault"


def audiences(
    config: VaultConfig, selector: ServiceAccountSelector, annotations: Mapping[str, str]
) -> tuple[str, ...]:
    """Return for whom a ServiceAccount's token is issued, by the method that uses it.

    Source: External Secrets Operator 2.9: `vault` for jwt, what STS expects for iam, the
    cluster's identity pool for gcp, and the API server's default for kubernetes.
    """
    auth = config.auth
    if auth.jwt is not None and auth.jwt.kubernetes_service_account_token is not None:
        issued = auth.jwt.kubernetes_service_account_token
        if issued.service_account_ref == selector:
            return (*issued.audiences, *selector.audiences) or ("vault",)
    role = auth.iam.jwt if auth.iam is not None else None
    if role is not None and role.service_account_ref == selector:
        named = annotations.get("eks.amazonaws.com/audience", "sts.amazonaws.com")
        return selector.audiences or (named,)
    if auth.gcp is not None and auth.gcp.workload_identity is not None:
        identity = auth.gcp.workload_identity
        if identity.service_account_ref == selector:
            pool = f"{identity.cluster_project_id or auth.gcp.project_id}.svc.id.goog"
            return (pool, *selector.audiences)
    return selector.audiences


def open_provider(
    config: VaultConfig, credentials: Credentials, *, observe: CallObserver
) -> Provider:
    """Open a session for a store; it logs in at its first request.

    Args:
        config: the store's block.
        credentials: what its selectors resolved to.
        observe: is told of each request, logins included.

    Raises:
        InvalidRef: the block contradicts itself.
        AuthFailed: a selector holds no usable credential.
    """
    # Imported here: only stores at Vault need the client.
    from providers.vault.kv import VaultKv  # noqa: PLC0415 - see above

    return VaultKv.from_config(config, credentials, observe=observe)
