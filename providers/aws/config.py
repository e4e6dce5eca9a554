"""The `aws` block of a store, as its CRD describes it.

Source: `external-secrets.io/v1` SecretStore, spec.provider.aws (ESO 2.9).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from providers.base import SecretKeySelector, ServiceAccountSelector
from providers.spec import wire

__all__ = ["AwsAuth", "AwsConfig", "AwsJwtAuth", "AwsSecretRef", "SecretsManagerOptions", "Tag"]


@dataclass(frozen=True, slots=True)
class AwsSecretRef:
    """Static keys, or temporary ones with a session token."""

    access_key_id_secret_ref: SecretKeySelector | None = field(
        default=None, metadata=wire(name="accessKeyIDSecretRef")
    )
    secret_access_key_secret_ref: SecretKeySelector | None = None
    session_token_secret_ref: SecretKeySelector | None = None


@dataclass(frozen=True, slots=True)
class AwsJwtAuth:
    """IRSA: the token of a ServiceAccount is exchanged for its role."""

    service_account_ref: ServiceAccountSelector | None = None


@dataclass(frozen=True, slots=True)
class AwsAuth:
    """Where the first identity comes from; without any, the SDK's default chain."""

    secret_ref: AwsSecretRef | None = None
    jwt: AwsJwtAuth | None = None


@dataclass(frozen=True, slots=True)
class Tag:
    """One session tag."""

    key: str = field(metadata=wire(required=True))
    value: str = field(metadata=wire(required=True))


@dataclass(frozen=True, slots=True)
class SecretsManagerOptions:
    """How a pushed secret is deleted."""

    force_delete_without_recovery: bool = False
    recovery_window_in_days: int | None = field(default=None, metadata=wire(minimum=7, maximum=30))


@dataclass(frozen=True, slots=True)
class AwsConfig:
    """`spec.provider.aws`.

    Args:
        additional_roles: assumed in order before `role`.
        session_tags_policy: Simple adds the namespace, store name and store kind as
            session tags; Custom adds `custom_session_tags` to those.
        prefix: put before every key that is read; `find` ignores it.
    """

    service: str = field(
        metadata=wire(
            required=True,
            choices=("SecretsManager", "ParameterStore", "CertificateManager"),
            unsupported_choices=("CertificateManager",),
        )
    )
    region: str = field(metadata=wire(required=True))
    role: str = ""
    additional_roles: tuple[str, ...] = ()
    external_id: str = field(default="", metadata=wire(name="externalID"))
    session_tags: tuple[Tag, ...] = ()
    transitive_tag_keys: tuple[str, ...] = ()
    session_tags_policy: str = field(
        default="", metadata=wire(choices=("None", "Simple", "Custom"))
    )
    custom_session_tags: tuple[tuple[str, str], ...] = ()
    prefix: str = ""
    auth: AwsAuth = field(default_factory=AwsAuth)
    secrets_manager: SecretsManagerOptions | None = None
