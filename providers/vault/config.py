"""The `vault` and `openBao` blocks of a store, as their CRD describes them.

Source: `external-secrets.io/v1` SecretStore, spec.provider.vault and .openBao (ESO 2.9).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from providers.base import CaProvider, SecretKeySelector, ServiceAccountSelector
from providers.spec import wire
from providers.vault.config_clouds import VaultGcpAuth, VaultIamAuth

__all__ = [
    "CertificateSelector",
    "KeySelector",
    "TokenSelector",
    "VaultAppRole",
    "VaultAuth",
    "VaultCertAuth",
    "VaultCheckAndSet",
    "VaultConfig",
    "VaultJwtAuth",
    "VaultKubernetesAuth",
    "VaultPasswordAuth",
    "VaultServiceAccountToken",
    "VaultTls",
    "VaultUserPassAuth",
]


@dataclass(frozen=True, slots=True)
class TokenSelector(SecretKeySelector):
    """A ServiceAccount's token in a Secret, as Kubernetes writes such Secrets."""

    key: str = "token"


@dataclass(frozen=True, slots=True)
class CertificateSelector(SecretKeySelector):
    """A client certificate in a Secret of type kubernetes.io/tls."""

    key: str = "tls.crt"


@dataclass(frozen=True, slots=True)
class KeySelector(SecretKeySelector):
    """The private key in a Secret of type kubernetes.io/tls."""

    key: str = "tls.key"


@dataclass(frozen=True, slots=True)
class VaultTls:
    """A client certificate, for servers that want one from everybody."""

    cert_secret_ref: CertificateSelector | None = None
    key_secret_ref: KeySelector | None = None


@dataclass(frozen=True, slots=True)
class VaultCheckAndSet:
    """Whether writes name the version that they replace; ours always do."""

    required: bool = False


@dataclass(frozen=True, slots=True)
class VaultAppRole:
    """A role id, as text or in a Secret, and its secret id."""

    path: str = "approle"
    role_id: str = ""
    role_ref: SecretKeySelector | None = None
    secret_ref: SecretKeySelector | None = None


@dataclass(frozen=True, slots=True)
class VaultKubernetesAuth:
    """A ServiceAccount's token; without either reference, that of this process."""

    mount_path: str = "kubernetes"
    role: str = field(default="", metadata=wire(required=True))
    service_account_ref: ServiceAccountSelector | None = None
    secret_ref: TokenSelector | None = None


@dataclass(frozen=True, slots=True)
class VaultServiceAccountToken:
    """A token issued for a ServiceAccount; `audiences` is `vault` where it names none."""

    service_account_ref: ServiceAccountSelector | None = field(
        default=None, metadata=wire(required=True)
    )
    audiences: tuple[str, ...] = ()
    expiration_seconds: int | None = field(
        default=None,
        metadata=wire(
            minimum=600,
            deprecated="expirationSeconds is not used: tokens live as long as the API "
            "server's default, and a login needs one for a moment only",
        ),
    )


@dataclass(frozen=True, slots=True)
class VaultJwtAuth:
    """A JSON Web Token: one that a Secret holds, or a ServiceAccount's."""

    path: str = "jwt"
    role: str = ""
    secret_ref: SecretKeySelector | None = None
    kubernetes_service_account_token: VaultServiceAccountToken | None = None


@dataclass(frozen=True, slots=True)
class VaultPasswordAuth:
    """A name and its password in an LDAP directory."""

    path: str = "ldap"
    username: str = ""
    secret_ref: SecretKeySelector | None = None


@dataclass(frozen=True, slots=True)
class VaultUserPassAuth(VaultPasswordAuth):
    """A name and its password at the server itself."""

    path: str = "userpass"


@dataclass(frozen=True, slots=True)
class VaultCertAuth:
    """A client certificate and its key."""

    path: str = "cert"
    vault_role: str = ""
    client_cert: SecretKeySelector | None = None
    secret_ref: SecretKeySelector | None = None


@dataclass(frozen=True, slots=True)
class VaultAuth:
    """How to log in: exactly one of these.

    Args:
        namespace: in which the login happens; "" is that of the store.
    """

    namespace: str = ""
    token_secret_ref: SecretKeySelector | None = None
    app_role: VaultAppRole | None = None
    kubernetes: VaultKubernetesAuth | None = None
    ldap: VaultPasswordAuth | None = None
    jwt: VaultJwtAuth | None = None
    cert: VaultCertAuth | None = None
    iam: VaultIamAuth | None = None
    user_pass: VaultUserPassAuth | None = None
    gcp: VaultGcpAuth | None = None


@dataclass(frozen=True, slots=True)
class VaultConfig:
    """`spec.provider.vault` or `spec.provider.openBao`.

    Args:
        path: where the KV engine is mounted; "" where keys bring it.
        ca_bundle: base64 of PEM certificates.
    """

    server: str = field(metadata=wire(required=True))
    path: str = ""
    version: str = field(default="v2", metadata=wire(choices=("v1", "v2")))
    namespace: str = ""
    ca_bundle: str = ""
    ca_provider: CaProvider | None = None
    tls: VaultTls = field(default_factory=VaultTls)
    read_your_writes: bool = False
    forward_inconsistent: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    check_and_set: VaultCheckAndSet = field(default_factory=VaultCheckAndSet)
    auth: VaultAuth = field(default_factory=VaultAuth)
