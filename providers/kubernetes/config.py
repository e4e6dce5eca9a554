"""The `kubernetes` block of a store, as its CRD describes it.

Source: `external-secrets.io/v1` SecretStore, spec.provider.kubernetes (ESO 2.9).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from providers.base import CaProvider, SecretKeySelector, ServiceAccountSelector
from providers.spec import wire

__all__ = [
    "KubernetesAuth",
    "KubernetesCert",
    "KubernetesConfig",
    "KubernetesServer",
    "KubernetesToken",
]

#: The API server under the names that a cluster gives it.
_OWN_HOSTS = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")


@dataclass(frozen=True, slots=True)
class KubernetesServer:
    """Where the API server is.

    Args:
        ca_bundle: PEM certificates of its authority, in base64.
    """

    url: str = "kubernetes.default"
    ca_bundle: str = ""
    ca_provider: CaProvider | None = None

    @property
    def address(self) -> str:
        """The URL with its scheme."""
        url = self.url or "kubernetes.default"
        return url if "://" in url else f"https://{url}"

    @property
    def is_own(self) -> bool:
        """Whether it is the API server of the cluster that the store is in."""
        return urlsplit(self.address).hostname in _OWN_HOSTS


@dataclass(frozen=True, slots=True)
class KubernetesCert:
    """A client certificate and its key."""

    client_cert: SecretKeySelector | None = None
    client_key: SecretKeySelector | None = None


@dataclass(frozen=True, slots=True)
class KubernetesToken:
    """A bearer token."""

    bearer_token: SecretKeySelector | None = None


@dataclass(frozen=True, slots=True)
class KubernetesAuth:
    """Who asks: exactly one of these."""

    cert: KubernetesCert | None = None
    token: KubernetesToken | None = None
    service_account: ServiceAccountSelector | None = None


@dataclass(frozen=True, slots=True)
class KubernetesConfig:
    """`spec.provider.kubernetes`.

    Args:
        auth_ref: a kubeconfig in a Secret, in the place of `server` and `auth`.
        remote_namespace: whose Secrets are read.
    """

    server: KubernetesServer = field(default_factory=KubernetesServer)
    auth: KubernetesAuth | None = None
    auth_ref: SecretKeySelector | None = None
    remote_namespace: str = field(
        default="default",
        metadata=wire(pattern="[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", hint="a namespace's name"),
    )

    @property
    def is_local(self) -> bool:
        """Whether it reads the cluster that it is in: a directory needs no login then."""
        return self.auth_ref is None and self.server.is_own
