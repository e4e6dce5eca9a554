"""How a store's server is reached: TLS, limits, and the store's own headers.

Neighbours: `session` sends through what is made here; `logins` finds client certificates.
"""

from __future__ import annotations

import base64
import binascii

from providers.addresses import Reach
from providers.base import AuthFailed, Credentials, InvalidRef
from providers.http import HttpClient
from providers.vault.config import VaultConfig
from providers.vault.logins import certificate_of

__all__ = ["headers_of", "http_of"]

#: A value of KV is at most 1 MiB by default, and a standby may take a while to forward.
DEADLINE_S = 15.0
#: What one list of about 20,000 secrets with all that describes them takes.
MAX_BODY_BYTES = 16 * 1024 * 1024
_OURS = frozenset({"x-vault-token", "x-vault-request", "host", "content-length"})


def http_of(config: VaultConfig, credentials: Credentials) -> HttpClient:
    """Return a client for the store's server; nothing is sent yet.

    Private addresses are allowed, as such servers have them as a rule; the metadata
    services of clouds are not.

    Raises:
        ProviderError: the address or a certificate cannot be used.
    """
    return HttpClient(
        config.server,
        name="Vault",
        ca_pem=_authority_of(config, credentials),
        client_cert=certificate_of(config, credentials),
        deadline_s=DEADLINE_S,
        max_body_bytes=MAX_BODY_BYTES,
        reach=Reach.everywhere(),
    )


def _authority_of(config: VaultConfig, credentials: Credentials) -> bytes | None:
    """Return the certificates of the server's authority; None for the system's.

    Raises:
        InvalidRef: caBundle is not base64.
        AuthFailed: caProvider holds nothing.
    """
    if config.ca_bundle:
        try:
            return base64.b64decode("".join(config.ca_bundle.split()), validate=True)
        except (binascii.Error, ValueError):
            raise InvalidRef(
                "caBundle of the store is not base64", remedy="encode the PEM certificates"
            ) from None
    if config.ca_provider is None:
        return None
    held = credentials.authorities.get(config.ca_provider)
    if not held:
        raise AuthFailed(
            f'caProvider of the store: "{config.ca_provider.name}" holds no certificates',
            remedy="put PEM certificates there",
        )
    return held


def headers_of(config: VaultConfig) -> dict[str, str]:
    """Return the store's own headers.

    Raises:
        InvalidRef: one of them is not the store's to set.
    """
    for name, _ in config.headers:
        if name.lower() in _OURS:
            raise InvalidRef(
                f"headers of the store may not set {name}", remedy="use the store's own fields"
            )
    return dict(config.headers)
