"""What the service can be told."""

from __future__ import annotations

from dataclasses import dataclass, field

from secretsync.controller.addresses import Address
from secretsync.controller.app_settings import AppSettings
from secretsync.controller.sealing_settings import SealingSettings
from secretsync.refresh.allowances import Allowances

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of `run`, under ESO's names where it has them.

    Args:
        controller_class: serve stores of this class, and those without one.
        namespace: "" for all namespaces; otherwise a namespaced installation, which
            needs Roles only and serves no ClusterSecretStore.
        service_namespace: where the install key lives.
        concurrent: threads that plan and write.
        metrics: address of `/metrics`; None serves none.
        live: address of `/healthz` and `/readyz`; None serves none.
        allowed: what the command line allows.
        sealing: of the part that serves SealedSecrets; None serves none.
        apps: of the part that serves Applications; None serves none.
    """

    controller_class: str = "default"
    namespace: str = ""
    service_namespace: str = "secretsync-system"
    concurrent: int = 8
    metrics: Address | None = None
    live: Address | None = None
    allowed: Allowances = field(default_factory=Allowances)
    sealing: SealingSettings | None = None
    apps: AppSettings | None = None
