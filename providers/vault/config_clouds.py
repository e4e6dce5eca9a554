"""The parts of a Vault store's auth block that are about AWS and Google.

Source: `external-secrets.io/v1` SecretStore, spec.provider.vault.auth (ESO 2.9).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from providers.base import SecretKeySelector, ServiceAccountSelector
from providers.spec import wire

__all__ = [
    "VaultGcpAuth",
    "VaultGcpSecretRef",
    "VaultGcpWorkloadIdentity",
    "VaultIamAuth",
    "VaultIamJwt",
    "VaultIamSecretRef",
]


@dataclass(frozen=True, slots=True)
class VaultIamSecretRef:
    """AWS keys, static or with a session token."""

    access_key_id_secret_ref: SecretKeySelector | None = field(
        default=None, metadata=wire(name="accessKeyIDSecretRef")
    )
    secret_access_key_secret_ref: SecretKeySelector | None = None
    session_token_secret_ref: SecretKeySelector | None = None


@dataclass(frozen=True, slots=True)
class VaultIamJwt:
    """A ServiceAccount whose AWS role is used (IRSA)."""

    service_account_ref: ServiceAccountSelector | None = None


@dataclass(frozen=True, slots=True)
class VaultIamAuth:
    """An AWS identity, proved by a signed GetCallerIdentity request.

    Args:
        role: of AWS, assumed before the proof is signed.
        vault_role: at the server.
    """

    path: str = "aws"
    region: str = ""
    role: str = ""
    vault_role: str = field(default="", metadata=wire(required=True))
    external_id: str = field(default="", metadata=wire(name="externalID"))
    vault_aws_iam_server_id: str = field(default="", metadata=wire(name="vaultAwsIamServerID"))
    secret_ref: VaultIamSecretRef | None = None
    jwt: VaultIamJwt | None = None


@dataclass(frozen=True, slots=True)
class VaultGcpSecretRef:
    """The key file of a Google service account."""

    secret_access_key_secret_ref: SecretKeySelector | None = None


@dataclass(frozen=True, slots=True)
class VaultGcpWorkloadIdentity:
    """A ServiceAccount of a GKE cluster."""

    service_account_ref: ServiceAccountSelector | None = field(
        default=None, metadata=wire(required=True)
    )
    cluster_location: str = ""
    cluster_name: str = ""
    cluster_project_id: str = field(default="", metadata=wire(name="clusterProjectID"))


@dataclass(frozen=True, slots=True)
class VaultGcpAuth:
    """A Google identity, proved by a token that it signed."""

    path: str = "gcp"
    role: str = field(default="", metadata=wire(required=True))
    project_id: str = field(default="", metadata=wire(name="projectID"))
    location: str = ""
    secret_ref: VaultGcpSecretRef | None = None
    workload_identity: VaultGcpWorkloadIdentity | None = None
    service_account_ref: ServiceAccountSelector | None = field(
        default=None,
        metadata=wire(
            unsupported="the service would log in as itself, whatever ServiceAccount is named; "
            "name it in workloadIdentity"
        ),
    )
