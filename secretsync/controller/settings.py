"""What the service can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretsync.errors import ConfigError

if TYPE_CHECKING:
    from secretsync.controller.sealing_settings import SealingSettings

__all__ = ["Address", "Settings", "parse_address"]


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int


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
        sealing: of the part that serves SealedSecrets; None serves none.
    """

    controller_class: str = "default"
    namespace: str = ""
    service_namespace: str = "secretsync-system"
    concurrent: int = 8
    metrics: Address | None = None
    live: Address | None = None
    sealing: SealingSettings | None = None


def parse_address(text: str) -> Address | None:
    """Read `HOST:PORT`, `:PORT` (every interface) or `0` (none).

    Raises:
        ConfigError: it is none of these.
    """
    if text in ("", "0"):
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ConfigError(
            f"{text!r} is not an address", remedy="give HOST:PORT, :PORT, or 0 for none"
        )
    return Address(host.strip("[]") or "0.0.0.0", int(port))  # noqa: S104 - asked for by `:PORT`
