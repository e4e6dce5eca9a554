"""The `gcpsm` block of a store, as its CRD describes it.

Source: `external-secrets.io/v1` SecretStore, spec.provider.gcpsm (ESO 2.9).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from providers.base import (
    ConfigMapKeySelector,
    SecretKeySelector,
    ServiceAccountSelector,
    WholeSecretSelector,
)
from providers.spec import wire

__all__ = [
    "AwsSecurityCredentials",
    "GcpAuth",
    "GcpConfig",
    "GcpSecretRef",
    "GcpWorkloadIdentity",
    "GcpWorkloadIdentityFederation",
]


@dataclass(frozen=True, slots=True)
class GcpSecretRef:
    """The key file of a service account."""

    secret_access_key_secret_ref: SecretKeySelector | None = None


@dataclass(frozen=True, slots=True)
class GcpWorkloadIdentity:
    """GKE: the token of a ServiceAccount stands for it at Google.

    Args:
        cluster_location: region or zone of the cluster; "" asks the metadata server.
        cluster_name: "" asks the metadata server.
        cluster_project_id: whose identity pool is used; "" is the store's project.
    """

    service_account_ref: ServiceAccountSelector | None = None
    cluster_location: str = ""
    cluster_name: str = ""
    cluster_project_id: str = field(default="", metadata=wire(name="clusterProjectID"))


@dataclass(frozen=True, slots=True)
class AwsSecurityCredentials:
    """Keys of AWS that an identity pool knows.

    Args:
        aws_credentials_secret_ref: a Secret with `aws_access_key_id`,
            `aws_secret_access_key` and, for temporary ones, `aws_session_token`.
    """

    region: str = field(default="", metadata=wire(required=True))
    aws_credentials_secret_ref: WholeSecretSelector | None = None


@dataclass(frozen=True, slots=True)
class GcpWorkloadIdentityFederation:
    """Any cluster: an identity pool trusts somebody else's tokens.

    Args:
        cred_config: an `external_account` configuration.
        audience: full name of the identity pool's provider; wins over the one that
            `cred_config` names.
        gcp_service_account_email: to impersonate; wins over what `cred_config` and the
            ServiceAccount's annotation name.
    """

    cred_config: ConfigMapKeySelector | None = None
    service_account_ref: ServiceAccountSelector | None = None
    aws_security_credentials: AwsSecurityCredentials | None = None
    audience: str = ""
    external_token_endpoint: str = field(
        default="",
        metadata=wire(
            unsupported="tokens are not fetched from URLs that a store names; "
            "use serviceAccountRef or awsSecurityCredentials"
        ),
    )
    gcp_service_account_email: str = ""


@dataclass(frozen=True, slots=True)
class GcpAuth:
    """Where the identity comes from; without any, Application Default Credentials."""

    secret_ref: GcpSecretRef | None = None
    workload_identity: GcpWorkloadIdentity | None = None
    workload_identity_federation: GcpWorkloadIdentityFederation | None = None


@dataclass(frozen=True, slots=True)
class GcpConfig:
    """`spec.provider.gcpsm`.

    Args:
        location: of regional secrets; "" serves the global ones.
        secret_version_selection_policy: what to do where the latest version is disabled
            or destroyed: fail, or fetch the latest enabled one.
    """

    project_id: str = field(default="", metadata=wire(name="projectID", required=True))
    location: str = ""
    secret_version_selection_policy: str = field(
        default="LatestOrFail", metadata=wire(choices=("LatestOrFail", "LatestOrFetch"))
    )
    auth: GcpAuth = field(default_factory=GcpAuth)
